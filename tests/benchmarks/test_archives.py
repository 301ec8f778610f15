"""Archives that nobody vouches for: what comes out, and what never does."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks.archives import Extracted, Limits, extract_clips
from speech_ifeval.errors import DataError, OutputError

WAV = b"RIFF" + bytes(range(200))


def member(name: str, content: bytes = WAV, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, b"", type=kind, linkname=target)


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=kind) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return path


def found(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def extract(tmp_path: Path, *members: tuple[tarfile.TarInfo, bytes], **options: Any) -> Extracted:
    return extract_clips(archive(tmp_path / "audios.tar", *members), tmp_path / "out" / "audios", **options)


@pytest.mark.parametrize("kind", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_clips_come_out_as_they_are(tmp_path: Path, kind: int) -> None:
    names = ["audios/MMAU/a.wav", "./audios/MMAU/b.WAV", "audios/Gender/c.mp3", "d.flac", "data/audios/e.wav"]
    path = archive(tmp_path / "audios.tar", *(member(name, WAV + name.encode()) for name in names), kind=kind)
    steps: list[tuple[int, int]] = []
    result = extract_clips(path, tmp_path / "audios", progress=lambda *at: steps.append(at))
    assert found(tmp_path / "audios") == ["Gender/c.mp3", "MMAU/a.wav", "MMAU/b.WAV", "d.flac", "e.wav"]
    assert (tmp_path / "audios" / "MMAU" / "a.wav").read_bytes() == WAV + names[0].encode()
    assert (result.written, result.differing, result.left_out) == (5, (), {})
    assert steps[-1][0] == steps[-1][1]


def test_modes_owners_and_times_stay_behind(tmp_path: Path) -> None:
    extract(tmp_path, member("audios/a.wav", mode=0o6777, uid=12345, mtime=1))
    there = (tmp_path / "out" / "audios" / "a.wav").stat()
    assert there.st_mode & 0o7111 == 0
    assert there.st_uid == os.getuid()
    assert there.st_mtime > 1


LEFT_OUT = [
    (link("audios/a.wav", "/etc/passwd"), "a link"),
    (link("audios/a.wav", "../../x.wav"), "a link"),
    (link("audios/a.wav", "audios/good.wav", tarfile.LNKTYPE), "a link"),
    (link("audios/folder", "/"), "a link"),
    (member("audios/a.wav", b"", type=tarfile.FIFOTYPE), "neither a file nor a folder"),
    (member("audios/a.wav", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "neither a file nor a folder"),
    (member("audios/a.wav", b"", type=tarfile.BLKTYPE), "neither a file nor a folder"),
    (member("audios/run.sh"), "no audio file"),
    (member("audios/a.wav.exe"), "no audio file"),
    (member("audios/wav"), "no audio file"),
    (member("audios/.wav"), "not the name of a clip"),
    (member("audios/MMAU/._a.wav"), "not the name of a clip"),
    (member("audios/.ssh/a.wav"), "not the name of a clip"),
    (member("audios/a\nb.wav"), "not the name of a clip"),
    (member("audios/\x1b[2J.wav"), "not the name of a clip"),
    (member("audios/\u202egnp.wav"), "not the name of a clip"),
    (member("audios/\udcff.wav"), "not the name of a clip"),
    (member("audios/a\\b.wav"), "not the name of a clip"),
    (member("audios/con. /a.wav"), "not the name of a clip"),
    (member(f"audios/{'a' * 300}.wav"), "a name too long for a file"),
]


@pytest.mark.parametrize(("odd", "why"), LEFT_OUT, ids=[ascii(odd.name[:30]) for (odd, _), _ in LEFT_OUT])
def test_what_is_no_clip_is_left_out_and_listed(
    tmp_path: Path, odd: tuple[tarfile.TarInfo, bytes], why: str
) -> None:
    result = extract(tmp_path, member("audios/good.wav"), odd, member("audios/z.wav"))
    assert found(tmp_path) == ["audios.tar", "out/audios/good.wav", "out/audios/z.wav"]
    assert list(result.left_out.values()) == [why]
    assert all(name.encode() for name in result.left_out)  # can be printed and written


REFUSED = {
    "absolute": (member("/tmp/evil.wav"), "inside the audio folder"),
    "absolute through audios": (member("/audios/evil.wav"), "inside the audio folder"),
    "parent": (member("../evil.wav"), "inside the audio folder"),
    "parent below": (member("audios/../../evil.wav"), "inside the audio folder"),
    "parent that comes back": (member("audios/x/../evil.wav"), "inside the audio folder"),
    "drive": (member("C:/evil.wav"), "inside the audio folder"),
    "backslashes": (member("audios\\..\\..\\evil.wav"), "inside the audio folder"),
    "link that leaves": (link("../evil.wav", "/etc/passwd"), "inside the audio folder"),
    "twice": (member("audios/good.wav"), "twice"),
    "twice, once below audios": (member("good.wav", b"other"), "twice"),
    "twice in other letters": (member("audios/GOOD.wav"), "twice"),
    "below a clip": (member("audios/good.wav/evil.wav"), "a clip and a folder"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_archive_with_one_of_these_is_refused_whole(tmp_path: Path, case: str) -> None:
    odd, says = REFUSED[case]
    with pytest.raises(DataError, match=says):
        extract(tmp_path, member("audios/good.wav"), odd)
    assert found(tmp_path) == ["audios.tar"]


def test_limits(tmp_path: Path) -> None:
    clips = [member(f"audios/{at}.wav") for at in range(5)]
    with pytest.raises(DataError, match="at most 4 members"):
        extract(tmp_path, *clips, limits=Limits(members=4))
    with pytest.raises(DataError, match="at most 1000 bytes of clips"):
        extract(tmp_path, *clips, limits=Limits(total_bytes=1000))
    assert found(tmp_path) == ["audios.tar"]
    assert extract(tmp_path, *clips, limits=Limits(5, 5 * len(WAV))).written == 5


def test_a_sparse_member_is_no_bomb(tmp_path: Path) -> None:
    subprocess.run(["truncate", "-s", "10G", tmp_path / "hole.wav"], check=True)
    subprocess.run(["tar", "-C", tmp_path, "-S", "-cf", tmp_path / "audios.tar", "hole.wav"], check=True)
    (tmp_path / "hole.wav").unlink()
    assert (tmp_path / "audios.tar").stat().st_size < 100_000
    with pytest.raises(DataError, match="stored with holes"):
        extract_clips(tmp_path / "audios.tar", tmp_path / "audios")
    assert found(tmp_path) == ["audios.tar"]


def header(name: str = "audios/a.wav", **fields: Any) -> bytes:
    info, _ = member(name, b"", **fields)
    return info.tobuf(tarfile.GNU_FORMAT)


END = bytes(1024)
PIECE = WAV.ljust(512, b"\0")

BROKEN: dict[str, bytes] = {
    "empty": b"",
    "zeros": bytes(100),
    "text": b"<html>not found</html>" * 100,
    "gzip": b"\x1f\x8b\x08" + bytes(600),
    "cut in a clip": header(size=5000) + PIECE,
    "cut after a clip": header(size=len(WAV)) + PIECE,
    "broken header in the middle": header(size=len(WAV)) + PIECE + b"x" * 512 + header("audios/b.wav") + END,
    "negative size": header(size=-512) + END,
    "negative size that goes back": header("b.txt") + header("c.txt") + header("a.txt", size=-1024) + END,
    "a name of gigabytes": header(type=tarfile.GNUTYPE_LONGNAME, size=1 << 33) + END,
    "attributes of gigabytes": header(type=tarfile.XHDTYPE, size=1 << 33) + END,
    "attributes of negative size": header(type=tarfile.XHDTYPE, size=-512) + END,
    "a thousand attributes in a row": (header(type=tarfile.XHDTYPE, size=512) + b"9 a=bcd\n\n".ljust(512, b"\0"))
    * 3000
    + END,
    "digits for ever": header(type=tarfile.XHDTYPE, size=1 << 18) + b"1" * (1 << 18) + header() + b"x" * 512,
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_archive_is_refused_quickly_and_whole(tmp_path: Path, case: str) -> None:
    path = tmp_path / "audios.tar"
    path.write_bytes(BROKEN[case])
    started = time.monotonic()
    with pytest.raises(DataError, match="expected a tar archive of clips"):
        extract_clips(path, tmp_path / "audios")
    assert time.monotonic() - started < 10
    assert found(tmp_path) == ["audios.tar"]


@pytest.mark.slow
def test_random_damage_is_an_error_or_harmless(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "in" / "audios.tar",
        member("audios/a.wav"),
        member(f"audios/{'long/' * 30}b.wav"),
        link("audios/l.wav", "a.wav"),
        member("audios/é.wav", WAV * 5),
    )
    good = path.read_bytes()
    chance = random.Random(3)
    out = tmp_path / "in" / "audios"
    refused = 0
    for _ in range(400):
        damaged = bytearray(good)
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(len(damaged))
            damaged[at] = chance.randrange(256)
        if chance.random() < 0.2:
            damaged = damaged[: chance.randrange(len(damaged))]
        path.write_bytes(fix_sums(bytes(damaged)) if chance.random() < 0.7 else damaged)
        try:
            extract_clips(path, out)
        except DataError:
            refused += 1
        assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
        assert all(entry.is_file() or entry.is_dir() for entry in out.rglob("*"))
    assert 50 < refused < 400


def fix_sums(data: bytes) -> bytes:
    """Make the headers' check sums right again, so that the damage gets past them."""
    blocks = bytearray(data)
    for at in range(0, len(blocks) - 511, 512):
        block = blocks[at : at + 512]
        if block[257:262] == b"ustar":
            total = sum(block[:148]) + 8 * 32 + sum(block[156:])
            blocks[at + 148 : at + 156] = b"%06o\0 " % total
    return bytes(blocks)


def test_a_link_in_the_folder_is_not_followed_out_of_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "audios").mkdir(parents=True)
    (tmp_path / "out" / "audios" / "MMAU").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError):
        extract(tmp_path, member("audios/MMAU/a.wav"))
    assert found(tmp_path / "elsewhere") == []


def test_what_is_there_is_left_alone_and_said_where_it_differs(tmp_path: Path) -> None:
    root = tmp_path / "out" / "audios"
    root.mkdir(parents=True)
    (root / "same.wav").write_bytes(WAV)
    (root / "other.wav").write_bytes(WAV + b"mine")
    (root / "folder.wav").mkdir()
    names = ("same", "other", "folder", "new")
    before = (root / "same.wav").stat().st_mtime_ns
    result = extract(tmp_path, *(member(f"audios/{name}.wav") for name in names))
    assert (result.written, result.differing) == (1, ("other.wav", "folder.wav"))
    assert (root / "other.wav").read_bytes() == WAV + b"mine"
    assert (root / "same.wav").stat().st_mtime_ns == before
    assert (root / "new.wav").read_bytes() == WAV


START = """
import sys
from pathlib import Path
from speech_ifeval.benchmarks.archives import extract_clips
{before}
extract_clips(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def start(tmp_path: Path, before: str) -> list[str | Path]:
    return [sys.executable, "-c", START.format(before=before), tmp_path / "audios.tar", tmp_path / "audios"]


def test_killed_in_the_middle_it_leaves_whole_clips_and_goes_on(tmp_path: Path) -> None:
    clips = {f"{at:03}.wav": WAV * (1000 + at) for at in range(60)}
    path = archive(
        tmp_path / "audios.tar", *(member(f"audios/{name}", content) for name, content in clips.items())
    )
    before = "import os\nreplace = Path.replace\n" + (
        "def slow(self, to):\n    import time; time.sleep(0.05); return replace(self, to)\nPath.replace = slow"
    )
    process = subprocess.Popen(start(tmp_path, before))
    deadline = time.monotonic() + 30
    while len(found_clips(tmp_path / "audios")) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    there = found_clips(tmp_path / "audios")
    assert 5 <= len(there) < 60
    assert all((tmp_path / "audios" / name).read_bytes() == clips[name] for name in there)
    result = extract_clips(path, tmp_path / "audios")
    assert (len(result.clips), result.written) == (60, 60 - len(there))
    assert found(tmp_path / "audios") == sorted(clips)


def found_clips(folder: Path) -> list[str]:
    return [name for name in found(folder) if name.endswith(".wav")] if folder.exists() else []


def test_a_full_disk_says_what_to_do_and_leaves_no_half_clip(tmp_path: Path) -> None:
    archive(tmp_path / "audios.tar", member("audios/a.wav"), member("audios/b.wav", WAV * 1000))
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))"
    done = subprocess.run(start(tmp_path, before), capture_output=True, text=True)
    assert "OutputError" in done.stderr
    assert "free some space and run the same command again" in done.stderr
    assert found_clips(tmp_path / "audios") == ["a.wav"]
    assert extract_clips(tmp_path / "audios.tar", tmp_path / "audios").written == 1


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere.tar: cannot be read .No such file"):
        extract_clips(tmp_path / "nowhere.tar", tmp_path / "audios")
    path = archive(tmp_path / "audios.tar", member("audios/a.wav"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        extract_clips(path, tmp_path / "file" / "audios")
