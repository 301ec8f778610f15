"""Two judges by data set, without and with the constraint: what each sees, and how far apart that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.analysis.judged_changes import compare_judges, judged_changes
from speech_ifeval.analysis.sensitivity import sensitivity
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.judges import Judgements
from speech_ifeval.records import Judgement
from speech_ifeval.report.agreement_tables import agreement_markdown
from speech_ifeval.results import JudgedChange
from tests.command_line import invoke
from tests.shared_data import DESTA2, RELEASE, needs_release

EXAMPLE = load_benchmark("example")
HASH = "0" * 64
ASKED = [item for item in EXAMPLE.in_category("closed-ended") if item.metric == "accuracy"]


def judge(said: Mapping[str, bool | None], hashed: str = HASH) -> Judgements:
    return {(id, "accuracy"): Judgement(id, "accuracy", one, hashed, "Result") for id, one in said.items()}


def everything(verdict: bool) -> dict[str, bool | None]:
    return {id: verdict for item in ASKED for id in (item.id, item.twin) if id is not None}


def whole(first: Judgements, second: Judgements) -> JudgedChange:
    row = judged_changes(first, second, EXAMPLE)[0]
    assert (row.by, row.group) == ("all", "all")
    return row


def test_a_judge_who_errs_on_one_side_sees_another_change() -> None:
    n = len(ASKED)
    strict = everything(True) | {item.twin: False for item in ASKED[:4] if item.twin is not None}
    row = whole(judge(everything(True)), judge(strict))
    assert (row.twins, row.plain.n, row.constrained.n) == (n, n, n)
    assert (row.plain.value, row.constrained.value) == (pytest.approx(100 * (n - 4) / n), 100.0)
    assert row.right == ((n, n), (n - 4, n))
    first, second = row.changes
    assert (first.value, second.value, row.apart.value) == (0.0, pytest.approx(400 / n), pytest.approx(400 / n))


def test_judges_who_err_alike_on_both_sides_see_one_change() -> None:
    denied = {id: False for item in ASKED[:4] for id in (item.id, item.twin) if id is not None}
    row = whole(judge(everything(True)), judge(everything(True) | denied))
    assert row.plain.value == row.constrained.value != 100
    assert [change.value for change in (*row.changes, row.apart)] == [0, 0, 0]


def test_data_sets_are_told_apart_and_adjusted_together() -> None:
    strict = everything(True) | {item.id: False for item in ASKED}
    whole, *parts = judged_changes(judge(everything(True)), judge(strict), EXAMPLE)
    assert [row.group for row in parts] == list(dict.fromkeys(item.dataset for item in ASKED))
    assert {row.by for row in parts} == {"dataset"}
    assert sum(row.twins for row in parts) == whole.twins
    assert whole.apart.p_holm == whole.apart.p
    smallest = min(parts, key=lambda row: row.changes[1].p or 0).changes[1]
    assert smallest.p_holm == pytest.approx(min((smallest.p or 0) * len(parts), 1))


def test_only_replies_that_both_have_scored_count() -> None:
    said = everything(True)
    unscored, unknown, other, twinless = ASKED[:4]
    second = judge(said) | judge({unscored.id: None}) | judge({other.id: True}, "1" * 64)
    del second[unknown.id, "accuracy"]
    assert twinless.twin is not None
    del second[twinless.twin, "accuracy"]
    n = len(ASKED)
    for row in (whole(judge(said), second), whole(second, judge(said))):
        assert (row.twins, row.plain.n, row.constrained.n) == (n - 4, n - 1, n - 3)


def test_one_side_alone_is_compared_without_a_change() -> None:
    said = judge({item.id: True for item in ASKED})
    row = whole(said, said)
    assert (row.twins, row.plain.value, row.constrained.value) == (0, None, 100)
    assert [change.value for change in (*row.changes, row.apart)] == [None] * 3
    assert row.apart.why == "no twins to compare"
    assert judged_changes(judge({}), said, EXAMPLE) == []


def write(path: Path, judgements: Judgements) -> Path:
    path.write_bytes(msgspec.json.Encoder().encode_lines(list(judgements.values())))
    return path


def test_the_change_is_told_where_it_is_known_which_items_they_are(tmp_path: Path) -> None:
    one = write(tmp_path / "judgements.one.jsonl", judge(everything(True)))
    two = write(tmp_path / "judgements.two.jsonl", judge(everything(True) | {i.id: False for i in ASKED}))
    assert compare_judges(one, two).changes == []
    found = compare_judges(one, two, EXAMPLE)
    shown = agreement_markdown(found)
    assert "The two see different changes of all closed questions, +0.00 points and −100.00" in shown
    assert "accuracy with the constraint" in shown
    alike = write(tmp_path / "judgements.three.jsonl", judge(everything(True)))
    assert "see different changes" not in agreement_markdown(compare_judges(one, alike, EXAMPLE))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, JudgedChange]:
    run = tmp_path_factory.mktemp("heuristic") / "run"
    call = ("score", DESTA2, "--benchmark", RELEASE, "--judge", "heuristic", "--output-dir", run, "--json")
    assert invoke(*call).code == 0
    return {row.group: row for row in compare_judges(DESTA2, run, load_benchmark(RELEASE)).changes}


@needs_release
def test_the_first_judges_change_is_that_of_the_sensitivity(published: dict[str, JudgedChange]) -> None:
    wrong = {
        row.group: row
        for row in sensitivity(DESTA2, load_benchmark(RELEASE)).behaviours
        if row.name == "wrong" and row.by in ("all", "dataset")
    }
    assert list(wrong) == list(published)
    for group, row in published.items():
        mine, theirs = row.changes[0], wrong[group].change
        assert (mine.value, mine.low, mine.high, mine.p_holm) == pytest.approx(
            (-(theirs.value or 0), -(theirs.high or 0), -(theirs.low or 0), theirs.p_holm)
        )


@needs_release
def test_the_docs_say_that_the_heuristics_change_is_another(published: dict[str, JudgedChange]) -> None:
    mmau = published["MMAU"]
    apart = [side.n - round((side.value or 0) * side.n / 100) for side in (mmau.plain, mmau.constrained)]
    more = [after - before for before, after in zip(*mmau.right, strict=True)]
    mild = [(differ + extra) // 2 for differ, extra in zip(apart, more, strict=True)]
    recorded, heuristic = ((change.value or 0) for change in mmau.changes)
    docs = Path(__file__).parents[2] / "docs"
    told = {
        "judge-agreement.md": (
            f"without a constraint, {apart[0]} of {mmau.plain.n}, than on those with one, {apart[1]};",
            f"{mild[0]} and {mild[1]} of these only the heuristic takes as right",
            f"MMAU fall by {-heuristic:.2f} points where the recorded judge sees {recorded:+.2f}",
        ),
        "sensitivity.md": (f"sees −{-heuristic:.2f} points, the other {recorded:+.2f}",),
        "task-level.md": (f"sees −{-heuristic:.2f} points, the recorded judge {recorded:+.2f}",),
    }
    for page, sentences in told.items():
        words = " ".join((docs / page).read_text().split())
        for sentence in sentences:
            assert sentence in words, f"{page}: {sentence}"
        assert "measured by" in words
