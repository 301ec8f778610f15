"""What docs/diagnosis.md says of the checks, of the example and of DeSTA2 is what they are and what is printed."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest

from speech_ifeval.analysis.diagnosis.diagnosing import diagnosis_of
from speech_ifeval.analysis.diagnosis.reading import read_evidence
from speech_ifeval.analysis.diagnosis.registry import Check, all_checks
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.results import Diagnosis, Finding
from tests.command_line import invoke, run
from tests.shared_data import DESTA2, RELEASE, needs_release

PAGE = (Path(__file__).parents[3] / "docs/diagnosis.md").read_text()
ROWS = re.findall(r"^\| `([a-z-]+)` \| .+? \| (.+?) \| .*\|$", PAGE, re.M)


def threshold(check: Check) -> str:
    sign = {"higher": "over ", "lower": "under ", "either": "±"}[check.rule.worse]
    return f"{sign}{check.rule.threshold:g} {check.unit}".replace("-", "−")


def test_the_table_has_every_check_with_its_threshold_in_the_order_they_are_told() -> None:
    checks = [(check.name, threshold(check)) for check in all_checks()]
    assert checks == ROWS
    assert f"looks for {len(ROWS)} troubles" in PAGE


def test_the_page_shows_what_is_printed_of_the_example() -> None:
    shown = re.search(r"<!-- output of: speech-ifeval (diagnose example.+?) -->\n```text\n(.*?)```", PAGE, re.S)
    assert shown is not None
    out = run(*shlex.split(shown[1])).out
    assert "\n".join(line.rstrip() for line in out.splitlines()).strip() == shown[2].strip(), (
        "paste the command's output into docs/diagnosis.md"
    )


@needs_release
def test_the_page_shows_what_is_printed_of_desta2() -> None:
    shown = re.search(
        r"<!-- output of: speech-ifeval (diagnose desta2 [^\n]+?) -->\n(.*?)<!-- end of output -->", PAGE, re.S
    )
    assert shown is not None
    places = {"desta2": DESTA2, "official": RELEASE}
    done = invoke(*(places.get(word, word) for word in shlex.split(shown[1])))
    assert done.out.strip() == shown[2].strip(), "paste the command's output into docs/diagnosis.md"


@pytest.fixture(scope="module")
def desta2() -> tuple[Diagnosis, float]:
    evidence, _ = read_evidence(DESTA2, load_benchmark(RELEASE))
    began = time.process_time()  # which other programs on the machine do not lengthen
    return diagnosis_of(evidence), time.process_time() - began


def found(desta2: tuple[Diagnosis, float], check: str) -> Finding:
    return next(one for one in desta2[0].findings if one.check == check)


@needs_release
def test_the_79_near_misses_of_json_are_found_and_what_they_are_worth(desta2: tuple[Diagnosis, float]) -> None:
    misses = found(desta2, "near-misses")
    json_code = next(part for part in misses.parts if part.name == "JS")
    assert json_code.text == "84 of 89 failures: 79 unclosed-json, 5 text-outside-json"
    ifrate = 100 * ((781 + 79) / 933 + 367 / 400 + 183 / 200) / 3
    assert f"If 79 × unclosed-json counted as followed, IFrate would be {ifrate:.2f} %" in misses.sentence
    assert misses.severity == "severe"


@needs_release
def test_the_false_passes_of_the_wrap_code_are_named(desta2: tuple[Diagnosis, float]) -> None:
    lenient = found(desta2, "lenient-passes")
    assert lenient.of == "constraints under WR"
    assert {int(item.rpartition("/")[2]) for item in lenient.items} == {726, 729, 731, 736, 744}


@needs_release
def test_what_sensitivity_and_the_judge_say_is_said_again(desta2: tuple[Diagnosis, float]) -> None:
    assert found(desta2, "judge-contradicted").count == 32
    transcripts = found(desta2, "worse-transcripts")
    assert (round(transcripts.figure.value or 0, 2), transcripts.severity) == (4.05, "note")
    clean = {one.check for one in desta2[0].clean}
    assert {"worse-answers", "same-reply", "one-answer", "empty-replies", "judge-unscored"} <= clean
    why = {one.check: one.why for one in desta2[0].unmade}
    assert set(why) == {"audio-cut", "changed-answers", "high-forgetting", "truncation"}
    assert "180 of 679 answers" in why["changed-answers"]


@needs_release
def test_2466_replies_take_less_than_three_seconds_of_processor_time(desta2: tuple[Diagnosis, float]) -> None:
    assert desta2[1] < 3
