"""The clips of a benchmark: names that are safe everywhere, and the files under them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal

from speech_ifeval.benchmarks.build.rows import Corpus, Row, Sound
from speech_ifeval.clips import expect_file, read_clip
from speech_ifeval.errors import DataError, UsageError

AudioMode = Literal["copy", "link", "leave"]
AUDIO_FOLDER = "audio"
_LONGEST = 100  # characters of a folder's or file's name
_UNSAFE = re.compile(r"[^\w.-]+")


def clip_names(names: Iterable[str]) -> dict[str, str]:
    """Return what each clip is called in the benchmark: its path with safe characters only, and unique.

    Of a path that is absolute or leaves its folder, the name of the file remains. Names that differ in case only
    are one name on some systems, so the later gets a number.

    >>> clip_names(["a/b 1.wav", "/data/b.wav", "../B.wav"])
    {'a/b 1.wav': 'a/b_1.wav', '/data/b.wav': 'b.wav', '../B.wav': 'B-2.wav'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        leaves = path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts
        parts = [_safe(part) for part in ((path.name,) if leaves else path.parts)]
        wanted = PurePosixPath(*parts)
        unique, number = wanted, 1
        while str(unique).casefold() in taken:
            number += 1
            unique = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
        taken.add(str(unique).casefold())
        found[name] = str(unique)
    return found


def _safe(part: str) -> str:
    path = PurePosixPath(_UNSAFE.sub("_", part).lstrip(".") or "_")
    return f"{path.stem[:_LONGEST]}{path.suffix[:_LONGEST]}"


def check_sounds(corpus: Corpus) -> None:
    """Refuse a corpus whose audio files are not there, all of them in one message.

    Raises:
        DataError: naming how many are missing, and the first with its line.
    """
    first = _first_rows(corpus.rows)
    missing = [
        (row, sound) for name, row in first.items() if (sound := _file_of(corpus, name)) and not _is_there(sound)
    ]
    if missing:
        row, sound = missing[0]
        of = (
            f"{len(missing)} of {len(first)} clips have no audio file, the first one is "
            if len(missing) > 1
            else ""
        )
        raise DataError(
            f"{row.place}: {of}{sound}, which does not exist; restore it, correct the path, or name the folder "
            "with "
            "--audio-dir"
        )


def _first_rows(rows: Iterable[Row]) -> dict[str, Row]:
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.audio, row)
    return first


def _file_of(corpus: Corpus, name: str) -> Path | None:
    sound = corpus.sounds[name]
    return sound if isinstance(sound, Path) else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have; whoever opens it says so
        return True


def place_audio(corpus: Corpus, names: Mapping[str, str], folder: Path, mode: AudioMode) -> dict[str, float]:
    """Put every clip into a folder under its name, and return the lengths in seconds, by the rows' names.

    Args:
        corpus: rows and sounds.
        names: of each clip in the folder.
        folder: created where clips are put into it.
        mode: ``copy`` the files as they are, ``link`` to them, or ``leave`` them where they lie; what a corpus
            holds inside is always written.

    Raises:
        DataError: a clip cannot be decoded.
        UsageError: audio that has no file cannot be left where it lies.
        MissingExtraError: soundfile is not installed.
        OSError: the disk is full, or the folder cannot be written.
    """
    seconds: dict[str, float] = {}
    for name, row in _first_rows(corpus.rows).items():
        sound = corpus.sounds[name]
        if mode == "leave":
            if not isinstance(sound, Path):
                raise UsageError(f"{row.place}: this corpus holds its audio inside; give --audio copy")
            path = sound
        else:
            path = folder / names[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            _put(sound, path, mode, row.place)
        try:
            seconds[name] = read_clip(path).seconds
        except DataError as error:
            message = str(error).replace(str(path), str(sound if isinstance(sound, Path) else name))
            raise DataError(f"{row.place}: {message}") from None
    return seconds


def _put(sound: Sound, path: Path, mode: AudioMode, place: str) -> None:
    if not isinstance(sound, Path):
        path.write_bytes(sound())
        return
    try:
        expect_file(sound)
        source = sound.open("rb")
    except DataError as error:
        raise DataError(f"{place}: {error}") from None
    except OSError as error:
        raise DataError(f"{place}: {sound} cannot be read ({error.strerror or error}); check the file") from None
    with source:
        if mode == "link":
            path.symlink_to(sound.resolve())
            return
        with path.open("wb") as copy:
            shutil.copyfileobj(source, copy)
