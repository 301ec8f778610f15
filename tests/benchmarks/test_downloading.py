"""Downloads against a real server that drops, stalls, refuses, lies and changes its mind."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks.addresses import check_address, check_token, token_for
from speech_ifeval.benchmarks.downloading import Downloaded, Patience, download
from speech_ifeval.errors import DataError, OutputError, SpeechIFEvalError, UsageError
from tests.benchmarks.file_server import Files, serving

BODY = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)
SUM = hashlib.sha256(BODY).hexdigest()
QUICK = Patience(tries=4, pause=0.001, timeout=0.5)


def fetch(files: Files, path: Path, **options: Any) -> Downloaded:
    settings = {"max_bytes": 1_000_000, "patience": QUICK, **options}
    return download(f"{files.url}/a.tar", path, **settings)


def test_a_file_arrives_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with serving(a__tar=BODY) as files:
        got = fetch(files, tmp_path / "new" / "a.tar", progress=lambda *at: seen.append(at))
    assert got == Downloaded(len(BODY), SUM, None)
    assert (tmp_path / "new" / "a.tar").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.tar"]
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)


def drops(files: Files) -> None:
    files.drops = [100_000, 1, 50_000]


def drops_at_once(files: Files) -> None:
    files.drops = [0, 0, 0]


def answers_500_and_429(files: Files) -> None:
    files.statuses = [(500, {}), (503, {}), (429, {"Retry-After": "0"})]


def stalls(files: Files) -> None:
    files.stalls = [1.0]


def chunked(files: Files) -> None:
    files.chunked = True


def chunked_and_dropped(files: Files) -> None:
    files.chunked, files.drops = True, [100_000]


def no_ranges(files: Files) -> None:
    files.ranges, files.drops = False, [100_000, 200_000]


def no_etag(files: Files) -> None:
    files.etag, files.drops = None, [100_000]


def weak_etag(files: Files) -> None:
    files.etag, files.drops = 'W/"v1"', [100_000]


FAULTS = [
    drops,
    drops_at_once,
    answers_500_and_429,
    stalls,
    chunked,
    chunked_and_dropped,
    no_ranges,
    no_etag,
    weak_etag,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_that_pass_are_survived(tmp_path: Path, fault: Callable[[Files], None]) -> None:
    with serving(a__tar=BODY) as files:
        fault(files)
        assert fetch(files, tmp_path / "a.tar").sha256 == SUM


def test_a_dropped_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    with serving(a__tar=BODY) as files:
        files.drops = [100_000, 50_000]
        fetch(files, tmp_path / "a.tar")
        assert files.ranges_asked() == [None, "bytes=100000-", "bytes=150000-"]
        assert files.asked[1][1]["If-Range"] == '"v1"'
        deadline = time.monotonic() + 10
        while files.sent < len(BODY) and time.monotonic() < deadline:
            time.sleep(0.01)  # the server counts a block after the client has it
        assert files.sent == len(BODY)


def test_a_later_call_goes_on_with_what_an_earlier_one_left(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with serving(a__tar=BODY) as files:
        files.drops = [100_000]
        files.extra_length = 0
        with pytest.raises(SpeechIFEvalError, match="100000 bytes are kept, the same command goes on"):
            fetch(files, path, patience=QUICK._replace(tries=1))
        assert (tmp_path / "a.tar.part").read_bytes() == BODY[:100_000]
        assert fetch(files, path).sha256 == SUM
        assert files.ranges_asked() == [None, "bytes=100000-"]


@pytest.mark.parametrize("if_range", [True, False], ids=["honours If-Range", "ignores If-Range"])
def test_a_file_that_changed_in_between_is_taken_anew(tmp_path: Path, if_range: bool) -> None:
    path = tmp_path / "a.tar"
    with serving(a__tar=OTHER) as files:
        files.drops, files.if_range = [100_000], if_range
        with pytest.raises(SpeechIFEvalError):
            fetch(files, path, patience=QUICK._replace(tries=1))
        files.content["/a.tar"], files.etag = BODY, '"v2"'
        assert fetch(files, path).sha256 == SUM


def test_a_server_that_hides_the_change_is_found_out_by_the_sum(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with serving(a__tar=OTHER) as files:
        files.drops = [100_000]
        with pytest.raises(SpeechIFEvalError):
            fetch(files, path, patience=QUICK._replace(tries=1))
        files.content["/a.tar"] = BODY
        assert fetch(files, path, sha256=SUM).sha256 == SUM
        assert files.ranges_asked() == [None, "bytes=100000-", None]


def test_a_file_that_became_shorter_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with serving(a__tar=OTHER) as files:
        files.drops = [200_000]
        with pytest.raises(SpeechIFEvalError):
            fetch(files, path, patience=QUICK._replace(tries=1))
        files.content["/a.tar"] = BODY[:50_000]  # answers 416
        assert fetch(files, path).size == 50_000
    assert path.read_bytes() == BODY[:50_000]


def test_a_whole_part_is_not_asked_for_again(tmp_path: Path) -> None:
    with serving(a__tar=BODY) as files:
        fetch(files, tmp_path / "a.tar")
        (tmp_path / "a.tar").rename(tmp_path / "a.tar.part")  # killed before the last step
        (tmp_path / "a.tar.part.json").write_text(f'{{"etag": "\\"v1\\"", "size": {len(BODY)}}}')
        assert fetch(files, tmp_path / "a.tar").sha256 == SUM
        assert len(files.asked) == 1


@pytest.mark.parametrize("told", [None, "", "{", '{"size": "many"}'])
def test_a_part_of_unknown_origin_is_not_gone_on_with(tmp_path: Path, told: str | None) -> None:
    (tmp_path / "a.tar.part").write_bytes(OTHER[:1000])
    if told is not None:
        (tmp_path / "a.tar.part.json").write_text(told)
    with serving(a__tar=BODY) as files:
        assert fetch(files, tmp_path / "a.tar").sha256 == SUM
        assert files.ranges_asked() == [None]


def test_it_gives_up_on_what_brings_nothing_new(tmp_path: Path) -> None:
    waits: list[float] = []
    with serving(a__tar=BODY) as files:
        files.extra_length = 10  # the length is a lie: the end never comes
        with pytest.raises(SpeechIFEvalError, match="given up after 4 attempts"):
            fetch(files, tmp_path / "a.tar", wait=lambda seconds, why: waits.append(seconds))
    assert not (tmp_path / "a.tar").exists()
    assert waits == [0.001, 0.002, 0.004]


def test_the_pause_that_a_server_asks_for_is_kept_within_reason(tmp_path: Path) -> None:
    waits: list[float] = []
    with serving(a__tar=BODY) as files:
        asked = ("7", "999999", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "-5")
        files.statuses = [(429, {"Retry-After": after}) for after in asked]
        fetch(
            files,
            tmp_path / "a.tar",
            patience=QUICK._replace(tries=9),
            wait=lambda seconds, why: waits.append(seconds),
        )
    assert waits == [7.0, 120.0, 0.004, 0.008, 0.016]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (404, "there is no such file"),
        (410, "there is no such file"),
        (401, "set HF_TOKEN"),
        (403, "set HF_TOKEN"),
        (400, "which trying again does not mend"),
        (304, "which trying again does not mend"),
    ],
)
def test_a_refusal_is_said_at_once_and_clearly(tmp_path: Path, status: int, says: str) -> None:
    with serving() as files:
        files.statuses = [(status, {})]
        with pytest.raises(SpeechIFEvalError, match=says):
            fetch(files, tmp_path / "a.tar")
        assert len(files.asked) == 1


def test_a_server_that_is_down(tmp_path: Path) -> None:
    with serving() as files:
        url = files.url
    with pytest.raises(SpeechIFEvalError, match=r"no connection .* given up after 4 attempts"):
        download(f"{url}/a.tar", tmp_path / "a.tar", max_bytes=10, patience=QUICK)


def test_a_server_that_talks_nonsense(tmp_path: Path) -> None:
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            for _ in range(QUICK.tries):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"\x00\xff nonsense\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(SpeechIFEvalError, match="given up"):
            download(
                f"http://127.0.0.1:{listening.getsockname()[1]}/a", tmp_path / "a", max_bytes=10, patience=QUICK
            )
        thread.join()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_is_too_long_is_refused_and_not_kept(tmp_path: Path, chunked: bool) -> None:
    with serving(a__tar=BODY) as files:
        files.chunked = chunked
        with pytest.raises(DataError, match="expected at most 1000 bytes"):
            fetch(files, tmp_path / "a.tar", max_bytes=1000)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


def test_a_wrong_sum_is_refused_and_the_file_deleted(tmp_path: Path) -> None:
    with (
        serving(a__tar=OTHER) as files,
        pytest.raises(DataError, match=f"expected a file with the SHA-256 {SUM} .as it was published., found"),
    ):
        fetch(files, tmp_path / "a.tar", sha256=SUM)
    assert list(tmp_path.iterdir()) == []


def test_what_the_hub_says_of_the_content_is_checked_and_kept(tmp_path: Path) -> None:
    commit = "0123456789" * 4
    with serving(a__tar=b"", store=BODY) as files:
        files.redirects = {"/a.tar": "/store"}
        files.redirect_headers = {"X-Linked-Etag": f'"{SUM}"', "X-Repo-Commit": commit}
        files.drops = [100_000]
        assert fetch(files, tmp_path / "a.tar") == Downloaded(len(BODY), SUM, commit)
        files.content["/store"] = OTHER
        with pytest.raises(DataError, match="as the hub states it"):
            fetch(files, tmp_path / "b.tar")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("http://example.org/a.tar", "not encrypted"),
        ("ftp://example.org/a.tar", "not encrypted"),
        ("file:///etc/passwd", "answered 302"),
        ("http://[", "given up"),
        ("/a.tar", "answered 302"),
    ],
)
def test_redirects_lead_nowhere_else(tmp_path: Path, target: str, says: str) -> None:
    with serving(a__tar=BODY) as files:
        files.redirects = {"/a.tar": target}
        with pytest.raises(SpeechIFEvalError, match=says):
            fetch(files, tmp_path / "a.tar")
    assert list(tmp_path.glob("*.tar")) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "https:///a",
        "https://me:secret@example.org/a",
        "https://example.org:port/a",
        "https://example.org/a b",
        "https://example.org/a\r\nX: y",
        "http://[",
        "",
        "a.tar",
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_address(url)
    assert "secret" not in str(caught.value)


def test_the_token_goes_to_the_hub_alone(tmp_path: Path) -> None:
    with serving(a__tar=BODY) as files:
        fetch(files, tmp_path / "a.tar", token="hf_secret")
        assert all("hf_secret" not in str(headers) for _, headers in files.asked)
    elsewhere = (
        "http://huggingface.co/a",
        "https://cdn-lfs.huggingface.co/a",
        "https://huggingface.co.evil.org/a",
    )
    assert [token_for(url, "hf_secret") for url in elsewhere] == [None] * 3
    assert token_for("https://huggingface.co/a", "hf_secret") == "hf_secret"


@pytest.mark.parametrize("token", ["hf_sec\nret", "hf_secret\x00", "hf secret", "hf_sécret"])
def test_a_broken_token_is_not_shown(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_token(token)
    assert "ret" not in str(caught.value)


START = """
import sys
from pathlib import Path
from speech_ifeval.benchmarks.downloading import download
{before}
download(sys.argv[1], Path(sys.argv[2]), max_bytes=10_000_000)
"""


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_it_goes_on_from_there(tmp_path: Path, blow: signal.Signals) -> None:
    path, part = tmp_path / "a.tar", tmp_path / "a.tar.part"
    with serving(a__tar=BODY) as files:
        files.pause = 0.02
        process = subprocess.Popen(
            [sys.executable, "-c", START.format(before=""), f"{files.url}/a.tar", path], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size > 50_000) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(blow)
        process.wait()
        kept = part.stat().st_size
        assert 50_000 < kept < len(BODY)
        files.pause = 0.0
        assert fetch(files, path).sha256 == SUM
        assert files.ranges_asked() == [None, f"bytes={kept}-"]


def test_a_full_disk_keeps_what_arrived_and_says_what_to_do(tmp_path: Path) -> None:
    before = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    with serving(a__tar=BODY) as files:
        url = f"{files.url}/a.tar"
        done = subprocess.run(
            [sys.executable, "-c", START.format(before=before), url, tmp_path / "a.tar"],
            capture_output=True,
            text=True,
        )
        assert "OutputError" in done.stderr
        assert "free some space and run the same command again" in done.stderr
        assert fetch(files, tmp_path / "a.tar").sha256 == SUM
        assert files.ranges_asked()[1] == "bytes=100000-"


def test_a_disk_too_small_for_the_rest_is_said_before_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with serving(a__tar=BODY) as files, pytest.raises(OutputError, match=r"300000 bytes .* the disk has 1 free"):
        fetch(files, tmp_path / "a.tar")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serving(a__tar=BODY) as files, pytest.raises(OutputError):
        fetch(files, tmp_path / "file" / "a.tar")
