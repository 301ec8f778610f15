"""Where the evidence comes from: a scored run, a reference beside it, recorded responses; what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from speech_ifeval.analysis.diagnosis.diagnosing import diagnose
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import Scoring, score
from tests.analysis.diagnosis.planting import write_benchmark
from tests.cli.conftest import contents

EXAMPLE = load_benchmark("example")
TUNED, REFERENCE = locate("example:tuned"), locate("example:reference")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return score([TUNED], EXAMPLE, output_dir=tmp_path / "tuned", reference=[REFERENCE])[1]


def test_the_reference_beside_a_run_is_taken_and_nothing_is_written(run: Path) -> None:
    before = contents(run)
    found = diagnose(run, EXAMPLE)
    assert (found.name, found.reference) == ("tuned", "reference")
    assert found.findings[0].check == "high-forgetting"
    assert contents(run) == before


def test_recorded_responses_are_diagnosed_as_their_scored_run_is_and_nothing_stays(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert diagnose(TUNED, EXAMPLE, reference=REFERENCE) == diagnose(run, EXAMPLE)
    assert list(scratch.iterdir()) == []


def test_a_run_without_a_reference_says_that_it_has_none(tmp_path: Path) -> None:
    _, folder = score([TUNED], EXAMPLE, output_dir=tmp_path / "tuned")
    found = diagnose(folder, EXAMPLE)
    assert found.reference is None
    assert all(one.against_reference is None for one in found.findings)
    why = next(one.why for one in found.unmade if one.check == "high-forgetting")
    assert why == "no reference: name its run with --reference"


def test_a_reference_beside_that_was_scored_otherwise_is_left_out_and_it_is_said(run: Path) -> None:
    score([run / "reference"], EXAMPLE, scoring=Scoring(judge="none"))  # now there are two scorings
    found = diagnose(run, EXAMPLE)
    assert found.reference is None
    assert "several scorings" in next(one.why for one in found.unmade if one.check == "high-forgetting")


def test_the_scoring_that_is_named_is_taken(run: Path) -> None:
    score([run], EXAMPLE, scoring=Scoring(rules="careful"))
    found = diagnose(run, EXAMPLE, scoring="careful")
    assert "|rules:careful|" in found.signature
    why = next(one.why for one in found.unmade if one.check == "lenient-passes")
    assert "rules careful" in why
    with pytest.raises(UsageError, match="no scoring 'ifeval'"):
        diagnose(run, EXAMPLE, scoring="ifeval")


def test_the_judge_is_the_one_that_the_scoring_was_made_with(run: Path) -> None:
    score([run], EXAMPLE, scoring=Scoring(judge="heuristic"))
    found = diagnose(run, EXAMPLE, scoring="official.heuristic-1")
    assert any("rules of thumb" in note for note in found.notes)
    assert "|judge:heuristic-1|" in found.signature
    why = {one.check: one.why for one in found.unmade}
    assert "is these rules" in why["judged-unlike-rules"]
    assert "worse-answers" not in why  # this judge has judged the answers too


def test_what_does_not_belong_together_is_refused(run: Path, tmp_path: Path) -> None:
    unscored = shutil.copytree(run, tmp_path / "unscored")
    for path in unscored.glob("verdicts.*"):
        path.unlink()
    with pytest.raises(UsageError, match="score the responses first"):
        diagnose(unscored, EXAMPLE)
    with pytest.raises(MismatchError, match="was scored on example-.*--benchmark"):
        diagnose(run, write_benchmark(tmp_path / "planted"))
    _, careful = score([REFERENCE], EXAMPLE, output_dir=tmp_path / "other", scoring=Scoring(rules="careful"))
    with pytest.raises(MismatchError, match="rules: 'official' against 'careful'"):
        diagnose(run, EXAMPLE, reference=careful)
    with pytest.raises(UsageError, match="--examples takes"):
        diagnose(run, EXAMPLE, examples=-1)


def test_the_number_of_examples_is_the_callers(run: Path) -> None:
    none, five = (diagnose(run, EXAMPLE, examples=count) for count in (0, 5))
    assert all(one.examples == () for one in none.findings)
    for one, other in zip(five.findings, none.findings, strict=True):
        assert len(one.examples) == min(5, len(one.items))
        assert one.items == other.items
