"""``speech-ifeval isolation`` as people run it."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.benchmarks.training_record import TrainedConstraint, TrainingRecord, write_training_record
from speech_ifeval.results import Isolation
from tests.command_line import Done, invoke
from tests.experiments import listening
from tests.experiments.tones import write_tones


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Done]:
    """A call, and what it said the first time."""
    folder = tmp_path_factory.mktemp("isolation")
    write_tones(folder / "tones", clips=30, names=4, thinking=2)
    own = f"py:{listening.__file__}"
    call = [
        *("isolation", "--model", f"{own}:isolated", "--reference", f"{own}:distracted_by_demands"),
        *("--reference-args", "hears=false", "--benchmark", str(folder / "tones"), "--judge", "heuristic"),
        *("--output-dir", str(folder / "runs"), "--margin", "20"),
    ]
    done = invoke(*call)
    assert done.code == 0, done.err
    return call, done


@pytest.fixture(scope="module")
def call(made: tuple[list[str], Done]) -> list[str]:
    return made[0]


def test_it_prints_both_verdicts_and_goes_on_where_it_was(made: tuple[list[str], Done]) -> None:
    call, done = made
    assert "Audio → following: isolated" in done.out
    assert "Constraint → perception: interacts" in done.out  # less a reference that is distracted
    assert "model, silent: model isolated: 160 of 160 items answered" in done.err
    again = invoke(*call)
    assert again.out == done.out
    assert "reference, placebo: model distracted_by_demands: all 64 items are answered; nothing to do" in again.err


def test_json_holds_what_the_tables_show(call: list[str]) -> None:
    found = msgspec.json.decode(invoke(*call, "--json").out, type=Isolation, strict=True)
    assert [finding.verdict for finding in found.findings] == ["isolated", "interacts"]
    for row in (*found.following, *found.perception):
        assert row.change.value == pytest.approx(100 * (len(row.better) - len(row.worse)) / row.n)
    shown = invoke(*call, "--markdown", "--items").out
    assert all(item in shown for row in found.perception if row.by == "all" for item in (*row.worse, *row.better))


def test_what_the_model_was_trained_on_marks_its_runs(call: list[str], tmp_path: Path) -> None:
    write_training_record(
        tmp_path / "record.json", TrainingRecord((TrainedConstraint("change_case:english_capital"),))
    )
    folder = tmp_path / "runs"
    shutil.copytree(call[call.index("--output-dir") + 1], folder)
    done = invoke(*call, "--output-dir", folder, "--trained-on", tmp_path / "record.json")
    assert done.code == 0, done.err
    found = {path.parent.name: path.read_text("utf-8") for path in folder.rglob("summary.json")}
    assert len(found) == 6
    assert [run for run, summary in found.items() if "|contaminated:" not in summary] == []


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--json", "--markdown"], 2, "exclude each other"),
        (["--margin", "0"], 2, "--margin takes points"),
        (["--placebos", "nowhere.toml"], 2, "no placebos at"),
        (["--model", "replay:example:tuned", "--benchmark", "example"], 2, "recorded responses"),
        (["--seed", "1"], 4, "other settings"),
    ],
)
def test_what_is_wrong_is_said(call: list[str], more: list[str], code: int, message: str) -> None:
    done = invoke(*call, *more)
    assert (done.code, message in done.err) == (code, True), done.err


def test_the_folders_are_those_of_the_conditions(call: list[str]) -> None:
    runs = Path(call[call.index("--output-dir") + 1])
    names = {path.name for path in (runs / "isolated").iterdir()}
    assert names == {"original", "swapped", "rephrased", "placebo", "repeated", "silent"}
    assert {path.name for path in (runs / "reference-distracted_by_demands").iterdir()} == names - {
        "repeated",
        "silent",
    }
