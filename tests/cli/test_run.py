"""``speech-ifeval run`` as people run it: to the end, stopped, killed, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import command, invoke, run
from tests.spoken import spoken_rows, write_models, write_spoken

SLOW = """
import time, own
def slow(requests):
    time.sleep(0.15)
    return own.hears(requests)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_spoken(tmp_path / "tones", spoken_rows(closed=20, creative=10, thinking=5))
    write_models(tmp_path)
    (tmp_path / "slow.py").write_text("import sys; sys.path.insert(0, '.')\n" + SLOW)
    return tmp_path


def arguments(model: str, output: str, *more: str) -> list[str]:
    return ["run", "--model", model, "--benchmark", "tones", "--output-dir", output, *more]


def responses(folder: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows), "an item was answered twice"
    return {row["id"]: (row["text"], row["fingerprint"]) for row in rows}


def started(folder: Path, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command(*arguments("py:slow.py:slow", "run", "--model-args", "batch_size=2", *more)),
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    path, deadline = folder / "run/responses.jsonl", time.monotonic() + 30
    while not path.exists() or path.read_bytes().count(b"\n") < 6:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no response in time"
        time.sleep(0.01)
    return process


def test_a_run_prints_figures_and_says_where_they_are(folder: Path) -> None:
    done = run(*arguments("py:own.py:hears", "run", "--reference", "py:own.py:reads"), cwd=folder)
    assert (done.code, "Forgetting rate Δ" in done.out, "Written: run" in done.out) == (0, True, True)
    assert "model hears: 55 of 55 items answered" in done.err
    assert "reference reads: 55 of 55 items answered" in done.err


def test_the_same_command_again_does_nothing_and_says_so(folder: Path) -> None:
    call = arguments("py:own.py:hears", "run")
    first = run(*call, cwd=folder)
    before = (folder / "run/responses.jsonl").stat()
    again = run(*call, cwd=folder)
    assert "model hears: all 55 items are answered; nothing to do" in again.err
    assert again.out == first.out
    after = (folder / "run/responses.jsonl").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_stopped_run_finishes_its_batch_and_goes_on(number: int, code: int, folder: Path) -> None:
    process = started(folder)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "stopping: what is being answered is finished first" in err
    assert "the same command goes on from there" in err
    answered = responses(folder / "run")
    assert 6 <= len(answered) < 55
    assert f"{len(answered)} of 55 items of the model are answered" in err
    assert not (folder / "run/summary.json").exists()
    goes_on = run(*arguments("py:slow.py:slow", "run", "--model-args", "batch_size=2"), cwd=folder)
    assert goes_on.code == 0
    found = responses(folder / "run")
    assert len(found) == 55
    assert {id: found[id] for id in answered} == answered


@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once(folder: Path) -> None:
    (folder / "slow.py").write_text(
        "import sys, time; sys.path.insert(0, '.'); from pathlib import Path; import own\n"
        "def slow(requests):\n    time.sleep(0.15 if Path('go').exists() else 60)\n"
        "    return own.hears(requests)\n"
    )
    (folder / "go").touch()
    process = started(folder)
    (folder / "go").unlink()
    time.sleep(0.5)  # now it hangs in a batch
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_responses(folder: Path) -> None:
    whole = run(*arguments("py:slow.py:slow", "whole"), cwd=folder)
    assert whole.code == 0
    for _ in range(3):
        process = started(folder) if not (folder / "run/responses.jsonl").exists() else _again(folder)
        process.kill()
        process.communicate()
    done = run(*arguments("py:slow.py:slow", "run"), cwd=folder)
    assert done.code == 0
    assert responses(folder / "run") == responses(folder / "whole")


def _again(folder: Path) -> subprocess.Popen[str]:
    path = folder / "run/responses.jsonl"
    before = path.read_bytes().count(b"\n")
    process = subprocess.Popen(
        command(*arguments("py:slow.py:slow", "run", "--model-args", "batch_size=3")),
        cwd=folder,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + 30
    while path.read_bytes().count(b"\n") < before + 3 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def test_a_toml_file_gives_the_same_options(folder: Path) -> None:
    (folder / "run.toml").write_text(
        'model = "py:own.py:hears"\nbenchmark = "tones"\noutput-dir = "from-file"\nlimit = 2\n'
        'twins = false\ncategories = ["closed-ended", "creative-writing"]\n'
        '[model_args]\nbatch_size = 1\nname = "a,b"\n'
    )
    done = run("run", "--config", "run.toml", cwd=folder)
    assert done.code == 0, done.err
    assert sorted(responses(folder / "from-file")) == [
        "closed-ended/0000", "closed-ended/0001", "creative-writing/0000", "creative-writing/0001"
    ]  # fmt: skip
    assert json.loads((folder / "from-file/responses.manifest.json").read_text())["name"] == "a,b"
    over = run("run", "--config", "run.toml", "--output-dir", "other", "--limit", "1", cwd=folder)
    assert over.code == 0
    assert len(responses(folder / "other")) == 2


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 2, "no configuration at 'run.toml'"),
        ("model = ", 3, "run.toml:1: expected TOML"),
        ('modle = "x"', 3, "'modle' is no option of this command; did you mean model?"),
        ('model = "py:own.py:hears"\nlimit = "many"', 2, "limit"),
    ],
)
def test_a_broken_configuration_says_what_is_wrong(
    content: str | None, code: int, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if content is not None:
        Path("run.toml").write_text(content)
    done = invoke("run", "--config", "run.toml")
    assert (done.code, message in done.err) == (code, True), done.err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--input", "smell"], 2, "--input takes audio or transcript, found 'smell'"),
        (["--limit", "0"], 2, "--limit takes a whole number from 1"),
        (["--limit", "1", "--sample", "1"], 2, "exclude each other"),
        (["--categories", "closed"], 2, "no category 'closed'"),
        (["--broken-audio", "ignore"], 2, "--broken-audio takes stop or record, found 'ignore'"),
        (["--audio-dir", "nowhere"], 2, "no audio folder at 'nowhere'"),
        (["--model-args", "batch_size"], 2, "expected arguments as k=v"),
        (["--model-args", "speed=1"], 2, "py takes no argument 'speed'"),
        (["--rules", "strict"], 2, "rule set"),
        (["--devices", "0,1"], 2, "takes no device"),
        (["--batch-size", "auto"], 2, "the argument batch_size"),
    ],
)
def test_wrong_options_are_refused(
    more: list[str], code: int, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = invoke(*arguments("py:own.py:hears", "run", *more))
    assert (done.code, message in done.err) == (code, True), done.err
    assert not Path("run/responses.jsonl").exists()


def test_the_example_has_no_audio_yet_and_says_how_to_name_some(folder: Path) -> None:
    done = run("run", "--model", "py:own.py:hears", "--benchmark", "example", cwd=folder)
    assert done.code == 3
    assert "--audio-dir" in done.err


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 and not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_disk_keeps_what_was_written(folder: Path) -> None:
    # A limit on the size of files stands for the disk: the write that passes it fails as on a full one.
    before = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))"
    )
    done = run(*arguments("py:own.py:hears", "run"), cwd=folder, before=before)
    assert done.code == 5, done.err
    assert "free some space and run the same command again" in done.err
    kept = (folder / "run/responses.jsonl").read_bytes()
    assert 0 < len(kept) <= 3000
    done = run(*arguments("py:own.py:hears", "run"), cwd=folder)
    assert done.code == 0
    assert len(responses(folder / "run")) == 55
    whole_lines = kept[: kept.rfind(b"\n") + 1]
    assert (folder / "run/responses.jsonl").read_bytes().startswith(whole_lines)


def test_models_are_listed_and_told_in_full(folder: Path) -> None:
    listed = invoke("models")
    for name in ("hf:", "openai:", "cascade:", "replay:", "worker:", "py:", "DeSTA2", "SALMONN-13B"):
        assert name in listed.out, name
    told = invoke("models", "salmonn-13b")
    assert "hf:lmsys/vicuna-13b-v1.1" in told.out
    assert invoke("models", "salmonn").out == told.out, "by its worker's name too"
    arguments_of = invoke("models", "py")
    assert "batch_size" in arguments_of.out
    unknown = invoke("models", "nothing")
    assert (unknown.code, "no adapter or known model 'nothing'" in unknown.err) == (2, True)
