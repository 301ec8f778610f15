"""The run directory: files that survive a kill at any byte, and never have two writers.

Records go into files of JSON lines, one flushed line a record. A process that dies leaves at most one torn last
line; the next writer of the file cuts it off and goes on. Whole documents are written beside and moved into place.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec

from speech_ifeval.errors import DataError, MismatchError, OutputError


class Made(Protocol):
    """What has a run directory, such as what `speech_ifeval.evaluate` returns."""

    @property
    def folder(self) -> Path:
        """The run directory."""


AnyRun = str | Path | Made

_ENCODER = msgspec.json.Encoder(order="deterministic")
_BLOCK = 1 << 16


def folder_of(run: AnyRun) -> Path:
    """Return the run directory that a path, a text, or what `speech_ifeval.evaluate` returned stands for.

    >>> folder_of("runs/mine") == folder_of(Path("runs/mine"))
    True
    """
    return Path(run) if isinstance(run, str | Path) else run.folder


class Appender:
    """Appends records to one file; made by `appender`."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file

    def write(self, record: Any) -> None:
        """Append one record as one line, handed to the system before this returns.

        Raises:
            OutputError: the disk is full, or the file cannot grow.
        """
        try:
            self._file.write(_ENCODER.encode(record) + b"\n")
            self._file.flush()
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def take_back(self) -> None:
        """Cut off the last line, if there is one: what was written by mistake.

        Raises:
            OutputError: the file cannot be changed.
        """
        try:
            end = self._file.seek(0, os.SEEK_END)
            _cut_torn_line(self._file, max(end - 1, 0))
        except OSError as error:
            raise _cannot_write(self._path, error) from error


@contextmanager
def appender(path: Path) -> Iterator[Appender]:
    """Open a file of JSON lines for its one writer; a torn last line is cut off first.

    Raises:
        OutputError: the folder or file cannot be written, or another process is writing it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "verdicts.jsonl"
    ...     _ = path.write_bytes(b'{"a":1}\\n{"a":2')
    ...     with appender(path) as out:
    ...         out.write({"a": 3})
    ...     path.read_bytes()
    b'{"a":1}\\n{"a":3}\\n'
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab+")
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        _hold(path, file)
        _cut_torn_line(file)
        yield Appender(path, file)
    finally:
        _close(path, file)


def _close(path: Path, file: IO[bytes]) -> None:
    try:
        file.close()
    except OSError as error:  # what a full disk left in the buffer
        raise _cannot_write(path, error) from error


def _cut_torn_line(file: IO[bytes], before: int | None = None) -> None:
    """Cut off what stands behind the last line end, or behind the last one before a place in the file."""
    end = file.seek(0, os.SEEK_END)
    keep = end if before is None else before
    while keep > 0:
        start = max(0, keep - _BLOCK)
        file.seek(start)
        at = file.read(keep - start).rfind(b"\n")
        if at >= 0:
            keep = start + at + 1
            break
        keep = start
    if keep != end:
        file.truncate(keep)
    file.seek(0, os.SEEK_END)


def whole_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file of JSON lines, a torn last one left out; nothing where there is no file.

    Raises:
        DataError: there is something, but it cannot be read.
    """
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield line
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{path}:1: cannot be read ({error.strerror or error}); check the file") from None


def write_document(path: Path, document: Any) -> None:
    """Write one JSON document, in place whole or not at all.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    _put(path, msgspec.json.format(_ENCODER.encode(document), indent=2) + b"\n")


def write_lines(path: Path, records: Iterable[Any]) -> None:
    """Write a file of JSON lines that is known whole, in place whole or not at all.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    _put(path, _ENCODER.encode_lines(records))


def write_text(path: Path, text: str) -> None:
    """Write a text file, in place whole or not at all.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    _put(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file of bytes, in place whole or not at all.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    _put(path, content)


def _put(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):  # the folder itself may be what cannot be written
            beside.unlink()
        raise _cannot_write(path, error) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run directory for one process; it is made if it does not exist. No file is left behind.

    Raises:
        OutputError: the folder cannot be written, or another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        _hold(folder, descriptor)
        yield
    finally:
        os.close(descriptor)


def _hold(path: Path, file: IO[bytes] | int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(
            f"{path} is being written by another process; wait for it, or give another --output-dir"
        ) from None
    except OSError as error:
        raise _cannot_write(path, error) from error


def claim_stage(path: Path, manifest: dict[str, Any], compared: tuple[str, ...]) -> dict[str, Any]:
    """Write a stage's manifest, or make sure that the one there was made with the same settings.

    Returns:
        the manifest that stands: what is recorded only, such as the version, is that of the first process.

    Args:
        path: where the manifest stands.
        manifest: what produces the stage, JSON types only.
        compared: the keys that must agree for the stage to be resumed; the others are recorded only.

    Raises:
        MismatchError: names the keys that differ, with both values.
        OutputError: the manifest cannot be written.
    """
    before = read_manifest(path)
    if before is not None:
        rows = "; ".join(row for key in compared for row in differences(key, before.get(key), manifest.get(key)))
        if rows:
            raise MismatchError(
                f"{path.parent} was made with other settings ({rows}); give another --output-dir, "
                "or delete that folder"
            )
        return before
    write_document(path, manifest)
    return manifest


def differences(key: str, before: Any, now: Any) -> Iterator[str]:
    """Say what differs between two manifests under a key, down to the key inside an object.

    >>> list(differences("generation", {"seed": 0, "top_p": 1}, {"seed": 1, "top_p": 1}))
    ['generation.seed: 0 there, 1 now']
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for name in sorted({*before, *now}):
            yield from differences(f"{key}.{name}", before.get(name), now.get(name))
    elif before != now:
        yield f"{key}: {before!r} there, {now!r} now"


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Return the manifest that stands there, None if none does; one that is broken agrees with nothing."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_write(path, error) from error
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system refuses inside the block into an error that names `path` and what to do.

    Raises:
        OutputError: no permission, a full disk, a path that cannot be.

    >>> with writing(Path("runs/a")):
    ...     raise PermissionError(13, "Permission denied")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.OutputError: runs/a cannot be written (Permission denied); name another place
    """
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OutputError(
            f"{path}: {error.strerror}; what was written is kept: free some space and run the same command again"
        )
    return OutputError(f"{path} cannot be written ({error.strerror or error}); name another place")
