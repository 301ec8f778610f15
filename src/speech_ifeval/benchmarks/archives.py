"""Clips out of a tar archive that nobody vouches for.

The archive is read twice: first its headers, and nothing is written unless all of them are harmless; then the
clips, each one whole or not at all. `tarfile` reads the headers only; nothing of a member but its bytes reaches
the disk: no links, modes, owners or times.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from speech_ifeval.benchmarks.rows import check_clip
from speech_ifeval.errors import DataError
from speech_ifeval.runs import writing

AUDIO_SUFFIXES = frozenset({".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav"})

_FOLDER = "audios"
_HALF_WRITTEN = ".extracting"
_CHUNK = 1 << 18
_LONGEST_HEADER = 1 << 14  # bytes; a path, its attributes and then some
_LONGEST_NAME = 240  # bytes of one part of a path; file systems stop at 255
_END = bytes(tarfile.BLOCKSIZE)

Progress = Callable[[int, int], None]


class Limits(NamedTuple):
    """How many members an archive may have, and how many bytes its clips may fill."""

    members: int = 20_000
    total_bytes: int = 8 << 30


class Extracted(NamedTuple):
    """What came out of an archive.

    Attributes:
        clips: every clip of the archive, by its path in the audio folder, and the SHA-256 of its bytes.
        written: how many of them were not there before.
        differing: clips that were there with other bytes; they were left as they were.
        left_out: members that are no clips, and why.
    """

    clips: dict[str, str]
    written: int
    differing: tuple[str, ...]
    left_out: dict[str, str]


class _Place(NamedTuple):
    offset: int
    size: int


def extract_clips(
    archive: Path,
    folder: Path,
    *,
    limits: Limits = Limits(),  # noqa: B008 - immutable
    progress: Progress = lambda done, total: None,
) -> Extracted:
    """Extract the audio files of an uncompressed tar archive into `folder`; what is there already stays.

    A leading folder ``audios`` in the members' names is `folder` itself. Regular files with the suffix of audio
    come out, and whatever else there is becomes a row of `Extracted.left_out`. An extraction that was
    interrupted is gone on with by the same call. One process at a time (see `speech_ifeval.runs.locked`).

    Args:
        archive: the archive's path.
        folder: where clips go; made if it does not exist.
        limits: what an archive of clips can be expected to stay below.
        progress: called with the bytes of clips done and in all.

    Raises:
        DataError: no tar archive, or one that is cut off; a member that leaves the folder, appears twice, is
            sparse, or is too much. Nothing was written then.
        OutputError: the disk is full, or `folder` cannot be written; the same call goes on from there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     folder = Path(name)
    ...     _ = (folder / "one.wav").write_bytes(b"RIFF")
    ...     with tarfile.open(folder / "audios.tar", "w") as tar:
    ...         tar.add(folder / "one.wav", "audios/MMAU/one.wav")
    ...         tar.add(folder / "one.wav", "audios/notes.txt")
    ...     found = extract_clips(folder / "audios.tar", folder / "audios")
    ...     (folder / "audios" / "MMAU" / "one.wav").read_bytes(), found.written, found.left_out
    (b'RIFF', 1, {'audios/notes.txt': 'no audio file'})
    """
    try:
        with io.FileIO(archive) as raw:
            planned, left_out = _plan(archive, raw, folder, limits)
            return _written(raw, archive, folder, planned, left_out, progress)
    except OSError as error:
        raise DataError(f"{archive}: cannot be read ({error.strerror or error}); check the file") from None


def _plan(archive: Path, raw: io.FileIO, folder: Path, limits: Limits) -> tuple[dict[str, _Place], dict[str, str]]:
    """Read all headers; return where each clip lies, and which members are none."""
    planned: dict[str, _Place] = {}
    left_out: dict[str, str] = {}
    taken: set[str] = set()
    total = 0
    for count, member in enumerate(_members(archive, raw), start=1):
        place = f"{archive}: member {count}"
        if count > limits.members:
            raise DataError(f"{archive}: expected at most {limits.members} members, found more; {_ELSEWHERE}")
        check_clip(place, member.name)
        if member.isdir():
            continue
        clip, why = _clip_of(member)
        if why is not None:
            left_out[_readable(member.name)] = why
            continue
        if member.issparse():
            raise DataError(f"{place}: {clip!r} is stored with holes, as no clip is; {_ELSEWHERE}")
        _check_filter(place, member, clip, folder)
        if clip.casefold() in taken:
            raise DataError(f"{place}: {clip!r} is in the archive twice; {_ELSEWHERE}")
        taken.add(clip.casefold())
        total += member.size
        if total > limits.total_bytes:
            raise DataError(
                f"{place}: expected at most {limits.total_bytes} bytes of clips, found more; {_ELSEWHERE}"
            )
        planned[clip] = _Place(member.offset_data, member.size)
    for clip in planned:
        for parent in PurePosixPath(clip).parents:
            if str(parent).casefold() in taken:
                raise DataError(f"{archive}: {str(parent)!r} is a clip and a folder; {_ELSEWHERE}")
    return planned, left_out


_ELSEWHERE = "this is not the archive that was published: get it again, or from elsewhere"


class _Wary(io.BufferedReader):
    """The archive as `tarfile` may read it: a header that claims to be huge is not read into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _members(archive: Path, raw: io.FileIO) -> Iterator[tarfile.TarInfo]:
    reader = _Wary(raw)
    try:
        with tarfile.open(fileobj=reader, mode="r:") as tar:
            behind = -1
            while (member := tar.next()) is not None:
                if member.size < 0 or tar.offset <= behind:  # else `tarfile` would go round for ever
                    raise tarfile.ReadError("a member of negative size")
                behind = tar.offset
                yield member
            # `tarfile` takes a broken header for the end of the archive; the end is a block of zeros.
            reader.seek(tar.offset)
            if reader.read(tarfile.BLOCKSIZE) != _END:
                raise tarfile.ReadError("no end of the archive, it is cut off or broken")
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f"{archive}: expected a tar archive of clips, found one that cannot be read ({error}); "
            "delete it and run the same command again"
        ) from None
    finally:
        if not raw.closed:
            reader.detach()


def _clip_of(member: tarfile.TarInfo) -> tuple[str, str | None]:
    """Return the member's path in the audio folder, and why it is no clip, None where it is one."""
    parts = [part for part in PurePosixPath(member.name).parts if part != "."]
    if _FOLDER in parts:
        parts = parts[parts.index(_FOLDER) + 1 :]
    clip = "/".join(parts)
    if member.issym() or member.islnk():
        return clip, "a link"
    if not member.isreg():
        return clip, "neither a file nor a folder"
    if not parts or not clip.isprintable() or "\\" in clip:
        return clip, "not the name of a clip"
    if any(part.startswith(".") or part != part.rstrip(". ") for part in parts):
        return clip, "not the name of a clip"
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        return clip, "a name too long for a file"
    if PurePosixPath(clip).suffix.lower() not in AUDIO_SUFFIXES:
        return clip, "no audio file"
    return clip, None


def _check_filter(place: str, member: tarfile.TarInfo, clip: str, folder: Path) -> None:
    """The standard library's own filter, and that no link that lies in the folder leads out of it."""
    data_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.0 to 3.11.3 have none
    try:
        if data_filter is not None:
            data_filter(member.replace(name=clip, deep=False), os.fspath(folder))
    except tarfile.TarError as error:
        raise DataError(f"{place}: {error}; {_ELSEWHERE}") from None
    if not (folder / clip).parent.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{place}: {clip!r} would lie outside of {folder}, through a link; remove the link")


def _readable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _written(
    raw: io.FileIO,
    archive: Path,
    folder: Path,
    planned: dict[str, _Place],
    left_out: dict[str, str],
    progress: Progress,
) -> Extracted:
    clips: dict[str, str] = {}
    differing: list[str] = []
    done, total, written = 0, sum(place.size for place in planned.values()), 0
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for clip, place in planned.items():
        raw.seek(place.offset)
        target = folder / clip
        if target.exists():
            clips[clip] = _copied(raw, archive, place.size, None)
            if _digest_of(target) != clips[clip]:
                differing.append(clip)
        else:
            clips[clip] = put_whole(target, partial(_copied, raw, archive, place.size), folder)
            written += 1
        done += place.size
        progress(done, total)
    return Extracted(clips, written, tuple(differing), left_out)


def put_whole(target: Path, write: Callable[[IO[bytes]], str], folder: Path) -> str:
    """Write a file that appears whole or not at all; return what `write` returns.

    Args:
        target: the file, somewhere below `folder`.
        write: writes the content into the open file it is given.
        folder: holds the half-written file meanwhile; one process at a time.

    Raises:
        OutputError: the disk is full, or the folder cannot be written.
    """
    beside = folder / _HALF_WRITTEN
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            result = write(file)
        beside.replace(target)
    return result


def _copied(raw: io.FileIO, archive: Path, size: int, file: IO[bytes] | None) -> str:
    """Read `size` bytes on, into a file if there is one; return their SHA-256."""
    digest = hashlib.sha256()
    while size > 0:
        try:
            chunk = raw.read(min(_CHUNK, size))
        except OSError as error:
            raise DataError(f"{archive}: cannot be read ({error.strerror or error}); check the file") from None
        if not chunk:
            raise DataError(f"{archive}: it became shorter while it was read; run the same command again")
        digest.update(chunk)
        if file is not None:
            file.write(chunk)
        size -= len(chunk)
    return digest.hexdigest()


def _digest_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # a folder in the clip's place, or a file that may not be read
        return None
