"""`speech-ifeval fetch`: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from tests.benchmarks.file_server import Files, serving
from tests.benchmarks.small_release import CLIPS, SOUNDS, archive, put, write_copy
from tests.command_line import Done, command, run

BEFORE = """
import msgspec, pathlib
import speech_ifeval.benchmarks.sources as sources
sources.RELEASES = {{"official": msgspec.json.decode(pathlib.Path({path!r}).read_bytes(), type=sources.Release)}}
"""


@pytest.fixture
def files() -> Iterator[Files]:
    with serving() as served:
        yield served


@pytest.fixture
def before(files: Files, tmp_path: Path) -> str:
    """Python that makes the command know the tests' own release under the name official."""
    path = tmp_path / "release.json"
    path.write_bytes(msgspec.json.encode(put(files, tmp_path)))
    return BEFORE.format(path=str(path))


def fetch(before: str, folder: Path, *args: str | Path, env: dict[str, str] | None = None) -> Done:
    return run("fetch", "official", "--tries", "1", *args, cwd=folder, before=before, env=env)


def test_it_says_what_it_did_the_licences_and_what_comes_next(files: Files, before: str, tmp_path: Path) -> None:
    done = fetch(before, tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[0] == f"4 files of items, 6 items, from {files.url}"
    assert lines[1] == f"4 clips extracted, from {files.url}/audios.tar"
    cells = [line.split() for line in lines]
    assert ["LibriSpeech", "1", "CC", "BY", "4.0"] in cells
    assert any(row[:5] == ["not", "told", "1", "not", "stated"] for row in cells)
    assert "It states none." in lines
    assert "6 items name 4 clips; 4 are there." in lines
    assert lines[-1].endswith("--benchmark benchmarks/official")
    again = fetch(before, tmp_path)
    assert again.out.startswith("Everything was there already; nothing was changed.")
    checked = run("check-benchmark", "benchmarks/official", "--json", cwd=tmp_path)
    assert "audio-missing" not in checked.out


def test_missing_clips_are_named_and_end_with_1(files: Files, before: str, tmp_path: Path) -> None:
    files.content["/audios.tar"] = archive({CLIPS[0]: SOUNDS[CLIPS[0]]}, {"audios/\x1b[2J.wav": b"RIFF"})
    done = fetch(before, tmp_path, "--output-dir", "a b")
    assert done.code == 1
    assert f"Missing: {CLIPS[1]}, {CLIPS[2]}, {CLIPS[3]}" in done.out
    assert "Not extracted: audios/\\x1b[2J.wav (not the name of a clip)" in done.out
    assert done.out.rstrip().endswith("--benchmark 'a b'")


def test_json_and_no_audio(files: Files, before: str, tmp_path: Path) -> None:
    done = fetch(before, tmp_path, "--json", "--no-audio")
    document = json.loads(done.out)
    assert (done.code, document["items"], document["missing"]) == (0, 6, list(CLIPS))
    assert [path for path, _ in files.asked if "audios" in path] == []


def test_a_local_copy_and_other_addresses(files: Files, before: str, tmp_path: Path) -> None:
    copy = write_copy(tmp_path / "copy")
    assert fetch(before, tmp_path, "--from", copy, "--output-dir", "one").code == 0
    assert files.asked == []
    files.content.update({f"/mirror{path}": body for path, body in files.content.items()})
    args = ("--items-url", f"{files.url}/mirror/", "--audio-url", f"{files.url}/mirror/audios.tar")
    assert fetch(before, tmp_path, *args, "--output-dir", "two").code == 0
    assert all(path.startswith("/mirror/") for path, _ in files.asked)


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--from", "nowhere"], 2, "found nothing at nowhere"),
        (["--audio-url", "http://example.org/audios.tar"], 2, "expected an address with https"),
        (["--audio-url", "SERVER/gone.tar"], 1, "there is no such file (404)"),
        (["--audio-url", "SERVER/creative_writing.jsonl"], 3, "expected a tar archive of clips"),
        (["--output-dir", "/dev/null/x"], 5, "name another place"),
        (["--tries", "0"], 2, ""),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_code(
    files: Files, before: str, tmp_path: Path, args: list[str], code: int, says: str
) -> None:
    done = fetch(before, tmp_path, *(arg.replace("SERVER", files.url) for arg in args))
    assert done.code == code
    assert says in done.err
    assert "Traceback" not in done.err


def test_an_unknown_release() -> None:
    done = run("fetch", "unofficial")
    assert (done.code, done.err) == (2, "error: no release 'unofficial' is known; expected one of official\n")


def test_the_token_is_shown_to_nobody_else_and_written_nowhere(files: Files, before: str, tmp_path: Path) -> None:
    done = fetch(before, tmp_path, env={"HF_TOKEN": "hf_very_secret"})
    assert done.code == 0
    assert all("secret" not in str(headers) for _, headers in files.asked)
    assert "secret" not in done.out + (tmp_path / "benchmarks" / "official" / "fetched.json").read_text()
    broken = fetch(before, tmp_path, "--output-dir", "new", env={"HF_TOKEN": "hf very secret"})
    assert (broken.code, "secret" in broken.err) == (2, False)


@pytest.mark.parametrize(("blow", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_interrupted_it_keeps_what_it_has_and_the_same_command_goes_on(
    files: Files, before: str, tmp_path: Path, blow: signal.Signals, code: int
) -> None:
    files.pause = 0.05
    part = tmp_path / "benchmarks" / "official" / "downloads" / "audios.tar.part"
    process = subprocess.Popen(
        command("fetch", "official", before=before),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 20_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(blow)
    err = process.communicate()[1].decode()
    assert process.returncode == code
    if blow == signal.SIGINT:
        assert err == "interrupted: what was written is kept; the same command goes on from there\n"
    kept = part.stat().st_size
    assert kept > 20_000
    files.pause = 0.0
    assert fetch(before, tmp_path).code == 0
    assert files.ranges_asked()[-1] == f"bytes={kept}-"


@pytest.mark.slow
def test_a_terminal_is_shown_the_progress_and_why_nothing_happens(
    files: Files, before: str, tmp_path: Path
) -> None:
    files.pause, files.statuses = 0.05, [(503, {})]
    master, slave = pty.openpty()
    vector = command("fetch", "official", before=before)
    with subprocess.Popen(vector, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        seen = b""
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(master, 65536):
                seen += chunk
    os.close(master)
    assert process.returncode == 0
    assert b"the server answered 503; trying again in 1 s" in seen
    assert b"audios.tar" in seen
    assert b"kB" in seen
