"""What judges have replied, kept on disk, so that the same question is never paid for twice.

One file of JSON lines a judge, only ever appended to: a line is whole or is not read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.errors import OutputError
from speech_ifeval.records import Message


class Said(Struct, frozen=True, omit_defaults=True):
    """A judge's reply to one call; `cut_off` where it was ended by the limit of its length."""

    text: str
    cut_off: bool = False


class _Line(Struct, frozen=True, omit_defaults=True):
    key: str
    text: str
    cut_off: bool = False


_LINE = msgspec.json.Decoder(_Line)
_ENCODER = msgspec.json.Encoder()


def default_folder() -> Path:
    """Return where replies are kept: in the user's cache folder, after the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "speech-ifeval" / "judge"


class ReplyCache:
    """The replies of one judge under one set of settings. Safe for several threads and processes.

    Args:
        folder: where the file lies or is made.
        name: the judge's.
        settings: what its replies depend on beside what it is sent.

    Raises:
        OutputError: the folder or file cannot be read or written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ReplyCache(Path(folder), "gpt", {}).put("a", Said("Yes."))
    ...     ReplyCache(Path(folder), "gpt", {}).get("a")
    Said(text='Yes.', cut_off=False)
    """

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(msgspec.json.encode([name, settings], order="deterministic")).hexdigest()
        self._path = folder / f"{safe_name(name)}-{digest[:12]}.jsonl"
        self._lock = threading.Lock()
        self._digest = digest
        self._kept: dict[str, Said] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            content = self._path.read_bytes() if self._path.exists() else b""
        except OSError as error:
            raise self._refused(error) from error
        for line in content.split(b"\n"):
            if not line:
                continue
            try:
                found = _LINE.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue  # torn by a kill or a full disk; it is asked again
            self._kept[found.key] = Said(found.text, found.cut_off)

    def __len__(self) -> int:
        return len(self._kept)

    def key(self, messages: Sequence[Message], repeat: int) -> str:
        """Return what a call is kept under: all that was sent, who answered, and which repeat it was."""
        content = _ENCODER.encode([self._digest, [(one.role, one.content) for one in messages], repeat])
        return hashlib.sha256(content).hexdigest()

    def get(self, key: str) -> Said | None:
        """Return the reply that is kept, None if none is."""
        return self._kept.get(key)

    def put(self, key: str, said: Said) -> None:
        """Keep a reply; it is handed to the system before this returns.

        Raises:
            OutputError: it cannot be written.
        """
        line = _ENCODER.encode(_Line(key, said.text, said.cut_off)) + b"\n"
        with self._lock:
            self._kept[key] = said
            try:
                with self._path.open("ab+", buffering=0) as file:
                    fcntl.flock(file, fcntl.LOCK_EX)
                    end = file.seek(0, os.SEEK_END)
                    if end:
                        file.seek(end - 1)
                        # A line that was torn is ended first, so that this one stays readable.
                        line = line if file.read(1) == b"\n" else b"\n" + line
                    file.write(line)
            except OSError as error:
                raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"the judge's replies cannot be kept in {self._path} ({error.strerror or error}); give another folder "
            "with --judge-cache"
        )


def safe_name(name: str) -> str:
    """Return a name as part of a file's name and of a signature.

    >>> safe_name("org/Model 7B:free"), safe_name("../..")
    ('org-Model-7B-free', 'judge')
    """
    return re.sub(r"[^\w.+=-]+", "-", name, flags=re.ASCII).strip(".-")[:80] or "judge"
