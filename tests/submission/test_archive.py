"""The file as an enemy sends it: every attack is one message, and none of them fills memory or disk."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest

from speech_ifeval.errors import DataError, OutputError
from speech_ifeval.submission.archive import Limits, unzipped, zipped

SMALL = Limits(file=1 << 20, member=1 << 16, total=1 << 17, ratio=100, small=1 << 12)
TRUE = {"submission.json": b'{"a":1}', "items.jsonl": b"{}\n", "summary.json": b"{}"}


def made(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def named(name: str) -> bytes:
    return made(("submission.json", b"{}"), (name, b"x"))


def renamed(before: bytes, after: bytes) -> bytes:
    """Overwrite a name in headers and directory, which `zipfile` would not write itself."""
    assert len(before) == len(after)
    return zipped(TRUE).replace(before, after)


def link() -> bytes:
    about = zipfile.ZipInfo("submission.json")
    about.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made((about, b"/etc/passwd"))


def flagged(bit: int) -> bytes:
    """Set a flag of the first member, in its header and in the directory."""
    content = bytearray(zipped(TRUE))
    directory = content.index(b"PK\x01\x02")
    for at in (6, directory + 8):
        content[at : at + 2] = struct.pack("<H", struct.unpack_from("<H", content, at)[0] | bit)
    return bytes(content)


def said_size(size: int) -> bytes:
    """Let the headers of the first member say another size than it has."""
    content = bytearray(zipped(TRUE))
    directory = content.index(b"PK\x01\x02")
    content[22:26] = struct.pack("<L", size)
    content[directory + 24 : directory + 28] = struct.pack("<L", size)
    return bytes(content)


def between(part: bytes) -> bytes:
    """Put something between the first member and the second, and let the directory know."""
    content = zipped(TRUE)
    second = content.index(b"PK\x03\x04", 4)
    directory = content.index(b"PK\x01\x02")
    entries, at = bytearray(content[directory:-22]), 0
    while at < len(entries):
        (offset,) = struct.unpack_from("<L", entries, at + 42)
        struct.pack_into("<L", entries, at + 42, offset + len(part) * (offset >= second))
        at += 46 + struct.unpack_from("<H", entries, at + 28)[0]
    end = bytearray(content[-22:])
    struct.pack_into("<L", end, 16, directory + len(part))
    return content[:second] + part + content[second:directory] + bytes(entries) + bytes(end)


def before_the_directory(part: bytes) -> bytes:
    content = zipped(TRUE)
    directory = content.index(b"PK\x01\x02")
    end = bytearray(content[-22:])
    struct.pack_into("<L", end, 16, directory + len(part))
    return content[:directory] + part + content[directory:-22] + bytes(end)


def behind_a_stream(part: bytes) -> bytes:
    """Let a member's packed size take in more than what unpacks."""
    out = io.BytesIO()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    said = b'{"a":1}'
    packed = packer.compress(said) + packer.flush() + part
    name, sizes = b"submission.json", struct.pack("<3L", zlib.crc32(said), len(packed), len(said))
    out.write(
        b"PK\x03\x04"
        + struct.pack("<5H", 20, 0, 8, 0, 33)
        + sizes
        + struct.pack("<2H", len(name), 0)
        + name
        + packed
    )
    start = out.tell()
    out.write(
        b"PK\x01\x02" + struct.pack("<6H", 20, 20, 0, 8, 0, 33) + sizes + struct.pack("<5H", len(name), 0, 0, 0, 0)
    )
    out.write(struct.pack("<2L", 0, 0) + name)
    out.write(b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, out.tell() - start, start, 0))
    return out.getvalue()


def noted(**fields: bytes) -> bytes:
    about = zipfile.ZipInfo("submission.json")
    for name, value in fields.items():
        setattr(about, name, value)
    return made((about, b"{}"))


def another_name_in_the_header() -> bytes:
    content = zipped(TRUE)
    return content.replace(b"items.jsonl", b"Items.jsonl", 1)


def overlapping() -> bytes:
    """Two entries of the directory that unpack the same bytes."""
    content = bytearray(zipped({"submission.json": b"{}", "items.jsonl": b"{}\n", "summary.json": b"{}"}))
    entries = [at for at in range(len(content)) if content.startswith(b"PK\x01\x02", at)]
    struct.pack_into("<L", content, entries[2] + 42, struct.unpack_from("<L", content, entries[1] + 42)[0])
    return bytes(content)


def cut_stream() -> bytes:
    """A member that never ends: the last bytes of what is packed are others."""
    return behind_a_stream(b"").replace(
        zlib.compress(b'{"a":1}', 9)[2:-4], zlib.compress(b'{"a":1}', 9)[2:-5] + b"\xff"
    )


def many() -> bytes:
    return made(*((f"{number}.json", b"") for number in range(20)))


def claims_many() -> bytes:
    """An end that promises 60,000 members in a directory of 3 MB that is not there."""
    content = bytearray(zipped(TRUE))
    content[-14:-10] = struct.pack("<2H", 60_000, 60_000)
    content[-10:-6] = struct.pack("<L", 3_000_000)
    return bytes(content)


def flipped() -> bytes:
    content = bytearray(zipped({"submission.json": bytes(range(256)) * 8}))
    content[60] ^= 0xFF
    return bytes(content)


ATTACKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "found none"),
    "text": (lambda: b"hello there, this is no zip at all", "found none"),
    "an end alone": (lambda: b"PK\x05\x06" + bytes(18), "found none"),
    "cut off": (lambda: zipped(TRUE)[:-30], "found none"),
    "a bit flipped": (flipped, "broken|another"),
    "something before it": (lambda: b"#!/bin/sh\n" + zipped(TRUE), "found none"),
    "another zip before it": (lambda: zipped(TRUE) + zipped(TRUE), "nothing around it"),
    "something behind it": (lambda: zipped(TRUE) + b"PK\x05\x06" + bytes(18), "nothing around it"),
    "a comment": (lambda: zipped(TRUE)[:-2] + b"\x03\x00abc", "found none"),
    "out of the folder": (lambda: named("../../evil.json"), "none of a submission"),
    "an absolute name": (lambda: named("/etc/cron.d/evil"), "none of a submission"),
    "another system's name": (lambda: named("..\\evil.json"), "none of a submission"),
    "a folder": (lambda: named("run/"), "none of a submission"),
    "another name": (lambda: named("audio.wav"), "none of a submission"),
    "a name with an end in it": (lambda: renamed(b"summary.json", b"summary\0json"), "none of a submission"),
    "a name that steers": (lambda: named("\x1b[2J.json"), "none of a submission"),
    "a link": (link, "no plain file"),
    "a doubled name": (lambda: renamed(b"items.jsonl", b"summary.jso").replace(b"summary.jso\0", b"?"), "none of"),
    "two of a name": (
        lambda: made(("submission.json", b"{}"), ("summary.json", b"1"), ("summary.json", b"2")),
        "there twice",
    ),
    "another order": (
        lambda: made(("submission.json", b"{}"), ("summary.json", b"{}"), ("items.jsonl", b"")),
        "in the order",
    ),
    "encrypted": (lambda: flagged(0x1), "encrypted"),
    "packed otherwise": (lambda: made(("submission.json", b"{}"), method=zipfile.ZIP_BZIP2), "packed in a way"),
    "too many members": (many, "at most 15 members"),
    "an end that lies": (claims_many, "at most 15 members"),
    "a bomb": (lambda: made(("submission.json", bytes(1 << 15))), "more than 100 times"),
    "a member too large": (lambda: zipped({"submission.json": _noise(1 << 17)}), "larger than any"),
    "members too large": (
        lambda: zipped({name: _noise(60_000) for name in ("submission.json", "items.jsonl", "summary.json")}),
        "larger than any",
    ),
    "a size that lies": (lambda: said_size(3), "broken|another"),
    "a size that promises": (lambda: said_size(1 << 31), "another size"),
    "something between members": (lambda: between(b"hidden"), "another header"),
    "a member that no directory names": (lambda: between(b"PK\x03\x04" + bytes(26)), "another header"),
    "something before the directory": (lambda: before_the_directory(b"hidden"), "between the members and their"),
    "something behind a stream": (lambda: behind_a_stream(b"hidden"), "something behind what is packed"),
    "much behind a stream": (lambda: behind_a_stream(bytes(1 << 17)), "something behind what is packed"),
    "a field of its own": (lambda: noted(extra=b"\xfe\xca\x04\x00hide"), "another header"),
    "a comment of a member": (lambda: noted(comment=b"hidden"), "another header"),
    "two names of one member": (another_name_in_the_header, "another header|broken"),
    "members in one place": (overlapping, "another header|broken"),
    "a stream that is cut off": (cut_stream, "broken|another size"),
}


def _noise(size: int) -> bytes:
    """Bytes that hardly pack, the same every time."""
    state, out = 1, bytearray()
    while len(out) < size:
        state = (1_103_515_245 * state + 12_345) & 0x7FFFFFFF
        out += struct.pack("<H", state >> 8 & 0xFFFF)
    return bytes(out[:size])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_one_message(attack: str) -> None:
    make, message = ATTACKS[attack]
    with pytest.raises(DataError, match=message) as refused:
        unzipped(make(), "sent.zip", SMALL)
    assert str(refused.value).startswith("sent.zip: ")


def test_a_true_file_is_read() -> None:
    assert unzipped(zipped(TRUE), "sent.zip", SMALL) == TRUE


def test_a_bomb_is_given_up_before_it_fills_memory() -> None:
    bomb = made(("submission.json", bytes(200 << 20)))
    tracemalloc.start()
    with pytest.raises(DataError, match="more than 100 times"):
        unzipped(bomb, "sent.zip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 << 20


def test_the_same_members_give_the_same_bytes_whenever_and_wherever() -> None:
    first = zipped(TRUE)
    assert first == zipped(dict(TRUE))
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {about.date_time for about in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == list(TRUE)


def test_what_packs_too_well_is_stored_and_read_again() -> None:
    """A model that repeats one word for ever is no bomb."""
    members = {"submission.json": b"{}", "items.jsonl": b"the " * (1 << 20)}
    content = zipped(members)
    assert len(zlib.compress(members["items.jsonl"])) * 100 < len(members["items.jsonl"]) < len(content)
    assert unzipped(content, "sent.zip") == members


def test_what_no_reader_would_take_is_not_written() -> None:
    with pytest.raises(OutputError, match="at most 131072 bytes"):
        zipped({"submission.json": bytes(1 << 18)}, SMALL)
