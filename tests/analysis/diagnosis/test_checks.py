"""The register, what the checks say to do, and figures worked out by hand."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from speech_ifeval.analysis.diagnosis.checks import same_replies
from speech_ifeval.analysis.diagnosis.diagnosing import diagnose
from speech_ifeval.analysis.diagnosis.measuring import Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.reading import read_evidence
from speech_ifeval.analysis.diagnosis.registry import Check, all_checks, check
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.cli import app
from speech_ifeval.models.recorded import locate
from speech_ifeval.results import Diagnosis
from tests.analysis.diagnosis import planting


@pytest.fixture(scope="module")
def example() -> Diagnosis:
    return diagnose(locate("example:tuned"), load_benchmark("example"), reference=locate("example:reference"))


@pytest.mark.parametrize("one", all_checks(), ids=lambda one: one.name)
def test_a_check_says_what_to_do_with_commands_that_are_there(one: Check) -> None:
    assert one.cause.endswith(".")
    assert one.advice
    for command in re.findall(r"`speech-ifeval ([^`]+)`", " ".join((one.cause, *one.advice))):
        words = shlex.split(command)
        called = words[:2] if words[0] == "lab" else words[:1]
        shown = CliRunner().invoke(app, [*called, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert shown.exit_code == 0, command
        for option in (word for word in words if word.startswith("--")):
            assert option in shown.output, command


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):

        @check("truncation", title="again", about="replies", rule=Rule(5.0), cause=".", advice=("",))
        def again(evidence: object) -> Unmade:
            return Unmade("never")


def test_every_check_is_found_cleared_or_said_not_to_be_made(example: Diagnosis) -> None:
    names = [one.check for one in (*example.findings, *example.clean, *example.unmade)]
    assert sorted(names) == sorted(one.name for one in all_checks())


def test_forgetting_is_that_of_the_summary_and_told_by_code(example: Diagnosis) -> None:
    found = next(one for one in example.findings if one.check == "high-forgetting")
    assert found.figure == example.forgetting
    assert found.severity == "severe"
    wrap = next(part for part in found.parts if part.name == "WR")
    assert (wrap.figure.n, round(wrap.figure.value or 0, 2)) == (11, -63.64)
    assert wrap.p is not None


def test_what_ifrate_would_be_if_near_misses_counted(example: Diagnosis) -> None:
    found = next(one for one in example.findings if one.check == "near-misses")
    missed = len(found.items)
    creative = sum(item.startswith("creative-writing/") for item in found.items)
    gain = 100 * ((missed - creative) / 40 + creative / 16) / 3
    assert f"IFrate would be {(example.ifrate.value or 0) + gain:.2f} %: +{gain:.2f} (" in found.sentence


def test_an_example_shows_what_was_demanded_and_how_the_reply_ends(example: Diagnosis) -> None:
    found = next(one for one in example.findings if one.check == "near-misses")
    for one in found.examples:
        item = load_benchmark("example").item(one.item)
        assert one.instruction.endswith(item.instruction[-40:])
        assert item.constraints[0].id in one.failed


def test_whether_clips_are_several_is_found_once_a_reply_and_not_once_an_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, benchmark = planting.clean(), planting.write_benchmark(tmp_path / "benchmark")
    planted = planting.same_reply(run)
    evidence, _ = read_evidence(planting.write(tmp_path, run, benchmark), benchmark)
    looked: list[int] = []

    def counted(said_of: set[tuple[str, str | None]]) -> bool:
        looked.append(len(said_of))
        return several(said_of)

    several = same_replies._are_several
    monkeypatch.setattr(same_replies, "_are_several", counted)
    found = same_replies.same_reply(evidence)
    assert isinstance(found, Measured)
    assert {case.item for case in found.cases} == planted
    assert looked.count(len(planted)) == 1
