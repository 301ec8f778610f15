"""A scoring that is killed, at any byte and any time, ends as if nothing had happened once it is run again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.command_line import command, run

# The kernel kills the process in the middle of the write that would make any file longer than this.
DIE_AT = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""
SCORE = ("score", "example:tuned", "--reference", "example:reference", "--json", "--output-dir")


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def lasting(folder: Path) -> dict[str, bytes]:
    """The files but for what a killed process left beside a document it was writing (hidden, never read)."""
    return {name: content for name, content in contents(folder).items() if not Path(name).name.startswith(".")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run(*SCORE, folder)
    assert done.code == 0, done.err
    return folder


def verdict_file(folder: Path) -> Path:
    return next(folder.glob("verdicts.*.jsonl"))


def test_the_same_command_again_changes_nothing(whole: Path) -> None:
    before = contents(whole)
    assert run(*SCORE, whole).code == 0
    assert contents(whole) == before


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_bytes(whole: Path, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    expected = contents(whole)
    largest = max(map(len, expected.values()))
    folder = tmp_path / "run"
    for size in sorted(draw.randrange(1, largest) for _ in range(4)):  # killed again further on
        died = run(*SCORE, folder, before=DIE_AT.format(size=size))
        assert died.code == -signal.SIGXFSZ
        for name, content in lasting(folder).items():
            assert expected[name].startswith(content), name
    assert run(*SCORE, folder).code == 0
    assert lasting(folder) == expected


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_bytes_of_the_verdicts(whole: Path, tmp_path: Path, seed: int) -> None:
    draw = random.Random(f"verdicts {seed}")
    expected = contents(whole)
    folder = tmp_path / "run"
    for name, content in expected.items():  # all that comes before the verdicts is there
        if not Path(name).name.startswith(("verdicts", "summary", "judgements")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    verdicts = verdict_file(whole)
    found = folder / verdicts.name
    # The judge's replies are written again each time, so that a smaller limit would never reach the verdicts.
    least = max(len(content) for name, content in expected.items() if "judgements" in name or "manifest" in name)
    sizes = sorted(draw.randrange(least, len(verdicts.read_bytes())) for _ in range(4))
    for size in sizes:
        assert run(*SCORE, folder, before=DIE_AT.format(size=size)).code == -signal.SIGXFSZ
        assert found.read_bytes() == verdicts.read_bytes()[:size]  # torn at exactly that byte
    done = run(*SCORE, folder)
    assert done.code == 0
    assert lasting(folder) == expected
    assert json.loads(done.out) == json.loads((whole / "summary.json").read_bytes())


def test_killed_at_random_times(whole: Path, tmp_path: Path) -> None:
    draw = random.Random(5)
    folder = tmp_path / "run"
    for _ in range(6):
        process = subprocess.Popen(
            command(*SCORE, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        time.sleep(draw.uniform(0.15, 0.7))
        process.kill()
        process.communicate()
    assert run(*SCORE, folder).code == 0
    assert lasting(folder) == contents(whole)


def test_ctrl_c_at_random_times_is_never_a_traceback(whole: Path, tmp_path: Path) -> None:
    draw = random.Random(6)
    folder = tmp_path / "run"
    codes = set()
    for _ in range(8):
        process = subprocess.Popen(command(*SCORE, folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(draw.uniform(0.1, 0.6))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        codes.add(process.returncode)
        if process.returncode != -signal.SIGINT:  # Python itself had not started yet
            assert process.returncode in (0, 130)
            # An interrupt inside a destructor cannot be caught: Python notes it by itself and goes on.
            assert err.count(b"Traceback") == err.count(b"Exception ignored in")
    assert codes & {0, 130}
    assert run(*SCORE, folder).code == 0
    assert lasting(folder) == contents(whole)


ITEMS = 6000


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A benchmark and responses that take seconds to score."""
    folder = tmp_path_factory.mktemp("long")
    benchmark = folder / "benchmark"
    benchmark.mkdir()
    about = {"name": "long", "schema_version": 1, "description": "Long."}
    (benchmark / "benchmark.json").write_text(json.dumps(about))
    kinds = [
        {"id": "length_constraints:number_sentences", "kwargs": {"relation": "at least", "num_sentences": 900}},
        {"id": "detectable_format:json_format"},
    ]
    with (benchmark / "items.jsonl").open("w") as items, (folder / "responses.jsonl").open("w") as responses:
        for number in range(ITEMS):
            item = {
                "id": f"creative-writing/{number:05}",
                "category": "creative-writing",
                "instruction": f"Write number {number}.",
                "clip": f"clips/{number % 500}.wav",
                "dataset": "long",
                "constraints": kinds,
            }
            items.write(json.dumps(item) + "\n")
            responses.write(json.dumps({"id": item["id"], "response": f'{{"a": "One. {number}'}) + "\n")
    return benchmark, folder / "responses.jsonl"


def test_ctrl_c_is_said_and_gone_on_from(long: tuple[Path, Path], tmp_path: Path) -> None:
    benchmark, responses = long
    folder = tmp_path / "run"
    args = ("score", responses, "--benchmark", benchmark, "--json", "--output-dir", folder)
    verdicts = folder / "verdicts.official.none.jsonl"
    for least in (1, 200_000):
        process = subprocess.Popen(command(*args), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if verdicts.exists() and verdicts.stat().st_size >= least:
                break
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.decode() == "interrupted: what was written is kept; the same command goes on from there\n"
        assert verdicts.stat().st_size >= least
    assert len(verdicts.read_bytes().splitlines()) < 2 * ITEMS
    assert run(*args).code == 0
    kept = verdicts.read_bytes()
    assert run(*args[:-1], tmp_path / "other").code == 0
    assert (tmp_path / "other" / verdicts.name).read_bytes() == kept
    assert (tmp_path / "other" / "summary.json").read_bytes() == (folder / "summary.json").read_bytes()
