"""The file itself: a zip of few members with fixed names, written in one way, and read as if an enemy had sent it.

Nothing is extracted to disk, and no name in the archive becomes a path. Sizes are counted while reading: what the
headers say of them is believed by nobody.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from speech_ifeval.errors import DataError, OutputError, UsageError
from speech_ifeval.submission.contents import HEADER, MEMBERS

_WHEN = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_MODE = stat.S_IFREG | 0o644
_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip
_END_MARK = b"PK\x05\x06"
_LOCAL_MARK = b"PK\x03\x04"
_LOCAL = struct.Struct("<4s5H3L2H")  # the header of a member, before its name
_CHUNK = 1 << 16
_MIB = 1 << 20
_ENCRYPTED = 0x1
_REMEDY = "get the file again, or from elsewhere"


class Limits(NamedTuple):
    """What no submission exceeds: bytes of the file, of a member and of all members, and how well one may pack.

    A member of up to `small` bytes may pack better than `ratio` to one. `work` is what scoring it again may take,
    in characters × constraints (`speech_ifeval.submission.work`).
    """

    file: int = 256 * _MIB
    member: int = 256 * _MIB
    total: int = 512 * _MIB
    directory: int = 1 << 14
    ratio: int = 100
    small: int = _MIB
    work: int = 1 << 29


LIMITS = Limits()


def zipped(members: Mapping[str, bytes], limits: Limits = LIMITS) -> bytes:
    """Return a zip of these members: the same members give the same bytes.

    A member that packs too well to be believed is stored as it is.

    Raises:
        OutputError: they are larger than any submission may be.

    >>> zipped({"submission.json": b"{}"}) == zipped({"submission.json": b"{}"})
    True
    """
    total = sum(map(len, members.values()))
    largest = max(map(len, members.values()), default=0)
    if total > limits.total or largest > limits.member:
        raise OutputError(
            f"a submission holds at most {limits.total} bytes and {limits.member} in one member, found {total} "
            f"and {largest}; score fewer items (--limit) and submit that run"
        )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", allowZip64=False) as archive:
        for name, content in members.items():
            about = zipfile.ZipInfo(name, _WHEN)
            about.create_system = 3
            about.external_attr = _MODE << 16
            packed = len(zlib.compress(content, 9))
            stored = len(content) > limits.small and len(content) > packed * limits.ratio // 2
            about.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(about, content, compresslevel=9)
    content = out.getvalue()
    if len(content) > limits.file:
        raise OutputError(
            f"a submission has at most {limits.file} bytes, found {len(content)}; score fewer items (--limit) and "
            "submit that run"
        )
    return content


def begins_as_submission(path: Path) -> bool:
    """Whether a file begins as one of ours: it may be written again."""
    with path.open("rb") as file:
        start = file.read(_LOCAL.size + len(HEADER))
    return start.startswith(_LOCAL_MARK) and start[_LOCAL.size :] == HEADER.encode()


def read_file(path: Path, limits: Limits = LIMITS) -> bytes:
    """Return a file's bytes.

    Raises:
        UsageError: there is no such file.
        DataError: it cannot be read, or is larger than any submission.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limits.file + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise UsageError(
            f"no submission at {str(path)!r}: expected a file that `speech-ifeval submit` wrote; check the path"
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); check the file") from None
    if len(content) > limits.file:
        raise DataError(f"{path}: expected at most {limits.file} bytes, found more; {_REMEDY}")
    return content


def unzipped(content: bytes, place: str, limits: Limits = LIMITS) -> dict[str, bytes]:
    """Return the members of a submission, each by its name.

    Args:
        content: the file's bytes.
        place: what messages call the file.
        limits: what is refused.

    Raises:
        DataError: no zip, a broken one, or one that holds what no submission does.
    """
    _check_end(content, place, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            described = archive.infolist()
            for about in described:
                _check_member(about, place)
            names = [about.filename for about in described]
            doubled = next((name for name in names if names.count(name) > 1), None)
            if doubled is not None:
                raise DataError(f"{place}: the member {doubled!r} is there twice; {_REMEDY}")
            expected = [name for name in MEMBERS if name in names]
            if names != expected:
                raise DataError(f"{place}: expected the members in the order {expected}, found {names}; {_REMEDY}")
            packed = _packed(content, described, place)
        members: dict[str, bytes] = {}
        for about, part in zip(described, packed, strict=True):
            left = limits.total - sum(map(len, members.values()))
            members[about.filename] = _unpacked(part, about, place, limits, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
        raise DataError(f"{place}: expected a zip, found one that is broken ({error}); {_REMEDY}") from None
    except (NotImplementedError, RuntimeError, ValueError, OverflowError, OSError) as error:
        # What `zipfile` says of versions, passwords and offsets that no file of ours has.
        raise DataError(
            f"{place}: expected a zip as submit writes it, found another ({error}); {_REMEDY}"
        ) from None
    return members


def _check_end(content: bytes, place: str, limits: Limits) -> None:
    """Read the end of the archive before `zipfile` does, which takes its word for how many members there are."""
    end = content[-_END.size :]
    if not content.startswith(_LOCAL_MARK) or len(end) < _END.size or not end.startswith(_END_MARK):
        raise DataError(f"{place}: expected a zip that `speech-ifeval submit` wrote, found none; {_REMEDY}")
    _, disk, first_disk, here, members, size, offset, comment = _END.unpack(end)
    if members > len(MEMBERS) or here != members or size > limits.directory:
        raise DataError(f"{place}: expected at most {len(MEMBERS)} members, found {members}; {_REMEDY}")
    if disk or first_disk or comment or offset + size + _END.size != len(content):
        raise DataError(f"{place}: expected one zip and nothing around it, found more; {_REMEDY}")


def _check_member(about: zipfile.ZipInfo, place: str) -> None:
    name = about.filename
    if name not in MEMBERS or about.orig_filename != name:
        raise DataError(f"{place}: the member {about.orig_filename[:100]!r} is none of a submission; {_REMEDY}")
    if about.flag_bits & _ENCRYPTED:
        raise DataError(f"{place}: the member {name!r} is encrypted; {_REMEDY}")
    if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{place}: the member {name!r} is packed in a way that no submission is; {_REMEDY}")
    if stat.S_IFMT(about.external_attr >> 16) not in (0, stat.S_IFREG):
        raise DataError(f"{place}: the member {name!r} is no plain file; {_REMEDY}")


def _packed(content: bytes, described: Sequence[zipfile.ZipInfo], place: str) -> list[memoryview]:
    """Return each member as it is packed.

    Members lie one behind the other, with nothing around them: a program that reads the directory and one that
    reads the headers see the same, and there is no place to hide anything in.
    """
    found, at = [], 0
    for about in described:
        name = about.filename.encode()
        header = _LOCAL.unpack_from(content, at)
        start = at + _LOCAL.size + len(name)
        own = (_LOCAL_MARK, 0, about.compress_type, about.CRC, about.compress_size, about.file_size, len(name), 0)
        if (
            (header[0], *header[2:4], *header[6:]) != own
            or about.header_offset != at
            or about.flag_bits
            or about.extra
            or about.comment
            or content[at + _LOCAL.size : start] != name
        ):
            raise DataError(
                f"{place}: the member {about.filename!r} has another header than submit writes; {_REMEDY}"
            )
        at = start + about.compress_size
        found.append(memoryview(content)[start:at])
    if at != _END.unpack(content[-_END.size :])[6]:
        raise DataError(
            f"{place}: expected nothing between the members and their directory, found more; {_REMEDY}"
        )
    return found


def _unpacked(packed: memoryview, about: zipfile.ZipInfo, place: str, limits: Limits, left: int) -> bytes:
    most = min(limits.member, left)
    parts: list[bytes] = []
    size = 0
    for chunk in _chunks(packed, about, place):
        parts.append(chunk)
        size += len(chunk)
        if size > most:
            raise DataError(f"{place}: {about.filename!r} is larger than any submission; {_REMEDY}")
        if size > limits.small and size > limits.ratio * max(len(packed), 1):
            raise DataError(f"{place}: {about.filename!r} unpacks to more than {limits.ratio} times; {_REMEDY}")
    if size != about.file_size:
        raise DataError(f"{place}: {about.filename!r} has another size than the file says; {_REMEDY}")
    found = b"".join(parts)
    if zlib.crc32(found) != about.CRC:
        raise DataError(f"{place}: {about.filename!r} is broken: its checksum is another; {_REMEDY}")
    return found


def _chunks(packed: memoryview, about: zipfile.ZipInfo, place: str) -> Iterator[bytes]:
    """Unpack piece by piece, never more at once than a chunk."""
    pieces = (bytes(packed[at : at + _CHUNK]) for at in range(0, len(packed), _CHUNK))
    if about.compress_type == zipfile.ZIP_STORED:
        yield from pieces
        return
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        if unpacking.eof:
            raise DataError(f"{place}: {about.filename!r} has something behind what is packed in it; {_REMEDY}")
        while piece and not unpacking.eof:
            yield unpacking.decompress(piece, _CHUNK)
            piece = unpacking.unconsumed_tail
    while not unpacking.eof:
        rest = unpacking.decompress(b"", _CHUNK)
        if not rest:
            raise DataError(f"{place}: {about.filename!r} is broken: it is cut off; {_REMEDY}")
        yield rest
    if unpacking.unused_data:
        raise DataError(f"{place}: {about.filename!r} has something behind what is packed in it; {_REMEDY}")
