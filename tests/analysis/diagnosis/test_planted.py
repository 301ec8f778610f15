"""Runs with exactly one trouble are diagnosed with that trouble, on the items that have it, and with no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.analysis.diagnosis.diagnosing import diagnose
from speech_ifeval.analysis.diagnosis.registry import all_checks
from speech_ifeval.benchmarks import Benchmark
from tests.analysis.diagnosis.planting import AGAINST_REFERENCE, ALONE, Plant, clean, write, write_benchmark


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return write_benchmark(tmp_path_factory.mktemp("benchmark") / "planted")


@pytest.fixture(scope="module")
def sound(benchmark: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("sound"), clean(), benchmark)


def test_where_nothing_is_wrong_nothing_is_found_and_every_check_is_accounted_for(
    benchmark: Benchmark, sound: Path
) -> None:
    found = diagnose(sound, benchmark, reference=sound)
    assert found.findings == ()
    assert [one.check for one in found.unmade] == ["audio-cut"]
    assert len(found.clean) + len(found.unmade) == len(all_checks())
    for one in found.clean:
        assert one.figure.n > 0
        # Transcripts without any word error are all alike, which has no interval.
        assert (one.bound is None) == (one.check == "worse-transcripts")
        assert one.beyond or one.bound is not None


def test_every_check_has_its_plant() -> None:
    planted = {plant.__name__.replace("_", "-") for plant in (*ALONE, *AGAINST_REFERENCE)}
    assert planted == {check.name for check in all_checks()}


@pytest.mark.parametrize("plant", [*ALONE, *AGAINST_REFERENCE], ids=lambda plant: plant.__name__)
def test_one_trouble_is_found_and_no_other(
    plant: Plant, benchmark: Benchmark, sound: Path, tmp_path: Path
) -> None:
    run = clean()
    planted = plant(run)
    reference = sound if plant in AGAINST_REFERENCE else None
    found = diagnose(write(tmp_path, run, benchmark, reference), benchmark, reference=reference)
    assert [one.check for one in found.findings] == [plant.__name__.replace("_", "-")]
    (finding,) = found.findings
    assert finding.severity in ("severe", "notable")
    assert set(finding.items) == planted
    assert len(finding.examples) == 3
    assert {example.item for example in finding.examples} <= planted
    assert finding.figure.low is not None
    assert finding.cause
    assert finding.advice
    if finding.count is not None and finding.check not in ("one-answer",):
        assert finding.count == len(planted)


def test_what_no_check_could_see_is_listed_apart(benchmark: Benchmark, tmp_path: Path) -> None:
    run = clean()
    run.judged.clear()
    for id in [id for id in run.replies if id.startswith("closed-ended-plain/")]:
        del run.replies[id]
    found = diagnose(write(tmp_path, run, benchmark), benchmark)
    why = {one.check: one.why for one in found.unmade}
    assert "--reference" in why["high-forgetting"]
    assert all("without its constraint" in why[name] for name in ("worse-answers", "constraint-ignored"))
    assert all("judge" in why[name] for name in ("format-rigidity", "judge-unscored", "judged-unlike-rules"))
    assert found.findings == ()
