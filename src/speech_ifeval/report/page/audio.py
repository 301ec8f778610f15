"""The clips of a page: left out, linked to by a relative path, or embedded, each once, as Ogg Opus."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from speech_ifeval.clips import load_samples
from speech_ifeval.errors import DataError, MissingExtraError

AudioMode = Literal["none", "link", "embed"]
MODES: tuple[AudioMode, ...] = ("none", "link", "embed")
RATE = 24_000  # hertz, the highest below full band that Opus knows: enough for speech, and it halves music's size
_BLOCK = RATE  # samples written at a time: libsndfile's encoders take long arrays badly
OUTSIDE = "the clip's name leads out of the audio folder"


class Clips(NamedTuple):
    """The clips of a page by name: a relative address, or an Ogg Opus file; and those that cannot be."""

    linked: Mapping[str, str]
    embedded: Mapping[str, bytes]
    refused: Mapping[str, str]


def gather_clips(names: Sequence[str], folder: Path | None, mode: AudioMode, page: Path) -> Clips:
    """Return the clips as the page takes them. Nothing outside the folder is read, not by a symbolic link either.

    Args:
        names: of the clips, each once.
        folder: what they lie in; None where no audio is wanted.
        mode: how they are taken.
        page: where the page will stand, from which links lead.

    Raises:
        MissingExtraError: soundfile or soxr is not installed.
    """
    linked: dict[str, str] = {}
    embedded: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    if folder is None or mode == "none":
        return Clips({}, {}, {})
    if mode == "embed":
        require_opus()
    root = folder.resolve()
    for name in names:
        path = _inside(root, name)
        if path is None:
            refused[name] = OUTSIDE
        elif not path.is_file():
            refused[name] = "no such file"
        elif mode == "link":
            linked[name] = link_to(path, page)
        else:
            try:
                embedded[name] = opus_of(path)
            except DataError as error:
                refused[name] = str(error).removeprefix(f"{path}: ")
    return Clips(linked, embedded, refused)


def _inside(root: Path, name: str) -> Path | None:
    """The clip's own path, links followed; None where that is not inside the folder, or no path at all."""
    try:
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError):  # a loop of links, a NUL in the name
        return None
    return path if path.is_relative_to(root) else None


def link_to(path: Path, page: Path) -> str:
    """Return the address of a file as seen from a page: relative, and nothing but a path.

    >>> link_to(Path("/a/clips/javascript:x y.wav"), Path("/a/report.html"))
    './clips/javascript%3Ax%20y.wav'
    """
    relative = os.path.relpath(path, page.resolve().parent)
    return "./" + quote(relative.encode("utf-8", "surrogateescape"))


def require_opus() -> None:
    """Make sure that Opus can be written.

    Raises:
        MissingExtraError: soundfile is not installed, or so old that its libsndfile knows no Opus.
    """
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "embedding audio") from None
    if "OPUS" not in soundfile.available_subtypes("OGG"):
        raise MissingExtraError("audio", "soundfile with libsndfile 1.1 or later", "embedding audio as Opus")


def opus_of(path: Path) -> bytes:
    """Return a clip as an Ogg Opus file: mono, `RATE`.

    Raises:
        DataError: the file cannot be decoded.
        MissingExtraError: soundfile or soxr is not installed.
    """
    import soundfile

    samples = load_samples(path, RATE)
    out = BytesIO()
    with soundfile.SoundFile(out, "w", RATE, 1, format="OGG", subtype="OPUS") as file:
        for start in range(0, len(samples), _BLOCK):
            file.write(samples[start : start + _BLOCK])
    return out.getvalue()
