"""Sensitivity of the published DeSTA2 responses, as the docs print it, and in how long."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.analysis.sensitivity import read_system, sensitivity, sensitivity_of
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.metrics.task_level import task_level
from speech_ifeval.report.figures import number
from speech_ifeval.results import Sensitivity
from tests.command_line import invoke
from tests.shared_data import DESTA2, RELEASE, needs_release

DOCS = Path(__file__).parents[2] / "docs"


def shown(page: str) -> tuple[list[str], str]:
    found = re.search(
        r"<!-- output of: speech-ifeval (.+?) -->\n(.*?)<!-- end of output -->", (DOCS / page).read_text(), re.S
    )
    assert found is not None
    return shlex.split(found[1]), found[2].strip()


def placed(call: list[str], **places: Path) -> list[str]:
    """The command as the docs print it, with the folders of this machine."""
    return [str(places.get(word, word)) for word in call]


@pytest.fixture(scope="module")
def desta2() -> Sensitivity:
    return sensitivity(DESTA2, load_benchmark(RELEASE))


@needs_release
def test_the_docs_show_what_the_command_prints() -> None:
    call, text = shown("sensitivity.md")
    done = invoke(*placed(call, desta2=DESTA2, official=RELEASE))
    assert done.out.strip() == text, "paste the command's output into docs/sensitivity.md"


@needs_release
def test_the_published_figures_are_in_it(desta2: Sensitivity) -> None:
    rates = {row.group: row for row in desta2.word_errors}
    assert (round(rates["all"].plain or 0, 2), round(rates["all"].constrained or 0, 2)) == (4.87, 8.92)
    title, quotation, end = (
        rates[name] for name in ("detectable_format:title", "startend:quotation", "startend:end_checker")
    )
    assert [round((row.plain or 0) / 100, 3) for row in (title, quotation, end)] == [0.053, 0.039, 0.075]
    assert [round((row.constrained or 0) / 100, 3) for row in (title, quotation, end)] == [0.274, 0.062, 0.155]
    right = {
        row.group: (row.n - row.plain, row.n - row.constrained) for row in desta2.behaviours if row.name == "wrong"
    }
    assert right["Gender_recognition"] == (171, 170)
    assert right["Speech_emotion_recognition"] == (129, 117)
    assert right["MMAU"] == (151, 155)
    assert any("closed-ended/0056" in note for note in desta2.notes)


@needs_release
def test_where_the_recorded_judge_contradicts_what_it_reads_is_told(desta2: Sensitivity) -> None:
    rows = {row.group: row for row in desta2.behaviours if row.name == "contradicted"}
    wrong = {row.group: row for row in desta2.behaviours if row.name == "wrong"}
    assert rows["all"].plain + rows["all"].constrained == len(desta2.contradicted)
    named = {f"closed-ended-plain/{number:04d}" for number in (601, 604, 664, 665, 682, 691, 692)}
    assert named <= set(desta2.contradicted)
    mmau, judged = rows["MMAU"], wrong["MMAU"]
    right = [(judged.n - judged.plain, mmau.plain), (judged.n - judged.constrained, mmau.constrained)]
    before, after = (100 * (count + denied) / judged.n for count, denied in right)
    told = (
        f"{mmau.plain} of the {judged.n} MMAU replies without a constraint and {mmau.constrained} with one",
        f"from {number((judged.constrained - judged.plain) * -100 / judged.n, signed=True)} to "
        f"{number(after - before, signed=True)} points",
    )
    for page in ("sensitivity.md", "task-level.md"):
        words = " ".join((DOCS / page).read_text().split())
        for sentence in told:
            assert sentence in words, f"{page}: {sentence}"


@needs_release
def test_counts_are_those_of_their_items(desta2: Sensitivity) -> None:
    for row in desta2.behaviours:
        assert row.constrained - row.plain == len(row.appeared) - len(row.disappeared)
        assert row.change.value == pytest.approx(100 * (row.constrained - row.plain) / row.n)
    for answers in desta2.answers:
        assert answers.changed == len(answers.items)
    groups: dict[tuple[str, str], set[str]] = {}
    for row in desta2.behaviours:
        if row.name == "wrong":
            groups.setdefault(("wrong", row.by), set()).update(row.appeared)
    assert (
        len(set(map(frozenset, groups.values()))) == 1
    )  # by data set, code and constraint they are the same flips


@needs_release
def test_the_task_level_prints_the_same_changes(desta2: Sensitivity) -> None:
    level = task_level(read_system(DESTA2, load_benchmark(RELEASE)).answers)
    spoken = level.datasets["Automatic_speech_recognition"]
    ours = {(row.by, row.group): row.change for row in desta2.word_errors}
    for by, groups in (("code", spoken.codes), ("constraint", spoken.constraints)):
        for name, group in groups.items():
            mine = ours[by, name]
            assert (mine.value, mine.low, mine.high, mine.p, mine.p_holm) == pytest.approx(
                (group.change.value, group.change.low, group.change.high, group.change.p, group.change.p_holm)
            )
    for row in desta2.behaviours:
        if row.name == "wrong" and row.by == "dataset":
            change = level.datasets[row.group].change
            assert (row.change.value, row.change.low, row.change.high, row.change.p) == pytest.approx(
                (-(change.value or 0), -(change.high or 0), -(change.low or 0), change.p)
            )


@needs_release
def test_the_system_against_itself_leaves_nothing() -> None:
    found = sensitivity(DESTA2, load_benchmark(RELEASE), reference=DESTA2)
    for row in (*found.behaviours, *found.word_errors):
        assert row.against_reference is not None
        assert row.against_reference.value == 0
        assert row.reference_n == row.n


@needs_release
def test_1866_twin_replies_take_less_than_three_seconds_of_processor_time() -> None:
    benchmark = load_benchmark(RELEASE)
    began = time.process_time()  # which other programs on the machine do not lengthen
    found = sensitivity_of(read_system(DESTA2, benchmark), benchmark)
    took = time.process_time() - began
    assert found.twins == 933
    assert took < 3


def test_the_same_seed_gives_the_same_document() -> None:
    from speech_ifeval.models.recorded import locate

    both = [sensitivity(locate("example:tuned"), load_benchmark("example"), seed=4) for _ in range(2)]
    assert msgspec.json.encode(both[0]) == msgspec.json.encode(both[1])
    assert "|seed:4|" in both[0].signature


@needs_release
def test_the_docs_show_how_far_the_heuristic_agrees(tmp_path: Path) -> None:
    scored = invoke(
        "score", DESTA2, "--benchmark", RELEASE, "--judge", "heuristic", "--output-dir", tmp_path / "run", "--json"
    )
    assert scored.code == 0
    call, text = shown("judge-agreement.md")
    done = invoke(*placed(call, desta2=DESTA2, official=RELEASE, run=tmp_path / "run"))
    assert done.out.partition("| they disagree on")[0].strip() == text, (
        "paste the command's output into docs/judge-agreement.md"
    )
