"""Changes between twins as figures: against other tools, by hand, and equal to the task level's."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from speech_ifeval.analysis.changes import Grouping, adjusted, behaviour, changed_answers, word_errors
from speech_ifeval.analysis.twins import Side, Twin
from speech_ifeval.metrics.task_level import task_level
from speech_ifeval.results import Difference
from tests.analysis.making import closed, spoken

ALL = Grouping("all", "all")
RIGHT, WRONG = ("calm", True), ("cross", False)


def wrong(side: Side) -> bool | None:
    return side.wrong


def right(side: Side) -> bool | None:
    return side.answer.correct


def flips(both: int, worse: int, better: int, neither: int, name: str = "t") -> list[Twin]:
    sides = (
        [(WRONG, WRONG)] * both + [(RIGHT, WRONG)] * worse + [(WRONG, RIGHT)] * better + [(RIGHT, RIGHT)] * neither
    )
    return [closed(f"{name}{index:03d}", *pair) for index, pair in enumerate(sides)]


@pytest.mark.parametrize(("worse", "better"), [(22, 10), (8, 1), (0, 0), (0, 6), (5, 5)])
def test_flips_are_counted_named_and_tested(worse: int, better: int) -> None:
    twins = flips(20, worse, better, 60)
    row = behaviour("wrong", ALL, twins, wrong, None)
    assert row is not None
    assert (row.n, row.plain, row.constrained) == (len(twins), 20 + better, 20 + worse)
    assert row.appeared == tuple(twin.id for twin in twins[20 : 20 + worse])
    assert row.disappeared == tuple(twin.id for twin in twins[20 + worse : 20 + worse + better])
    expected = mcnemar([[20, better], [worse, 60]], exact=True).pvalue if worse + better else 1.0
    assert row.change.p == pytest.approx(expected)
    assert row.change.value == pytest.approx(100 * (worse - better) / len(twins))
    assert row.change.low is not None
    assert row.change.high is not None
    assert row.change.low <= row.change.value <= row.change.high


def test_twins_with_an_unscored_side_do_not_count() -> None:
    twins = [*flips(1, 1, 0, 8), closed("u", RIGHT, ("calm", None))]
    row = behaviour("wrong", ALL, twins, wrong, None)
    assert row is not None
    assert row.n == 10
    assert behaviour("wrong", ALL, twins[-1:], wrong, None) is None


def test_the_references_own_change_is_taken_off() -> None:
    ours, theirs = flips(10, 20, 5, 65), flips(10, 10, 10, 70)
    reference = {twin.id: twin for twin in theirs}
    row = behaviour("wrong", ALL, ours, wrong, reference)
    assert row is not None
    assert row.against_reference is not None
    assert row.reference_n == 100
    assert row.against_reference.value == pytest.approx(15.0 - 0.0)
    # Against the spread of the difference itself, twin by twin.
    change = np.array([float(bool(t.constrained.wrong)) - float(bool(t.plain.wrong)) for t in ours])
    change -= np.array([float(bool(t.constrained.wrong)) - float(bool(t.plain.wrong)) for t in theirs])
    half = 1.96 * change.std(ddof=1) / 10 * 100
    assert row.against_reference.high is not None
    assert row.against_reference.low is not None
    assert (row.against_reference.high - row.against_reference.low) / 2 == pytest.approx(half, rel=0.25)


def test_a_reference_that_changes_alike_leaves_nothing() -> None:
    twins = flips(10, 20, 5, 65)
    row = behaviour("wrong", ALL, twins, wrong, {twin.id: twin for twin in twins})
    assert row is not None
    assert row.against_reference is not None
    assert row.against_reference.value == 0
    assert row.against_reference.p == 1


def test_without_a_twin_in_common_the_reference_says_nothing() -> None:
    row = behaviour("wrong", ALL, flips(1, 1, 1, 1), wrong, {})
    assert row is not None
    assert row.against_reference is not None
    assert (row.reference_n, row.against_reference.value, row.against_reference.why) == (
        0,
        None,
        "no twins to compare",
    )


@pytest.mark.slow
def test_the_difference_in_differences_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held, replications, n = 0, 150, 200
    for _ in range(replications):
        # Both systems lose by luck of the twin as well as by their own; the truth is +10 against +4 points.
        luck, ours, theirs = rng.random(n), rng.random((2, n)), rng.random((2, n))
        sides = [0.3 * luck + 0.7 * own for own in (*ours, *theirs)]
        cut = [
            np.quantile(0.3 * rng.random(20000) + 0.7 * rng.random(20000), share)
            for share in (0.7, 0.6, 0.74, 0.7)
        ]
        verdicts = [side < limit for side, limit in zip(sides, cut, strict=True)]
        pairs = [
            [closed(f"{i}", ("x", bool(plain[i])), ("x", bool(with_it[i]))) for i in range(n)]
            for plain, with_it in (verdicts[:2], verdicts[2:])
        ]
        row = behaviour("wrong", ALL, pairs[0], wrong, {twin.id: twin for twin in pairs[1]})
        assert row is not None
        assert row.against_reference is not None
        assert row.against_reference.low is not None
        assert row.against_reference.high is not None
        held += row.against_reference.low <= 6.0 <= row.against_reference.high
    assert held / replications >= 0.91


def test_word_errors_change_as_the_task_level_says() -> None:
    rng = np.random.default_rng(5)
    twins = [
        spoken(f"s{index:02d}", (int(rng.integers(0, 3)), 0), (int(rng.integers(0, 5)), int(rng.integers(0, 4))),
               speaker=f"reader {index % 12}")
        for index in range(60)
    ]  # fmt: skip
    row = word_errors(ALL, twins, None, seed=0)
    level = task_level([side.answer for twin in twins for side in (twin.plain, twin.constrained)])
    change = level.datasets["wer"].change
    assert row is not None
    assert (row.change.value, row.change.low, row.change.high, row.change.p) == (
        pytest.approx(change.value), pytest.approx(change.low), pytest.approx(change.high), change.p
    )  # fmt: skip
    assert (row.plain, row.constrained) == (
        pytest.approx(level.datasets["wer"].plain.rate), pytest.approx(level.datasets["wer"].constrained.rate)
    )  # fmt: skip
    assert (len(row.items), len(row.fewer)) == (change.worse, change.better)


@pytest.mark.parametrize("speakers", [9, 10, 11, 12])
@pytest.mark.parametrize("metric", ["wer", "accuracy"])
def test_the_two_agree_where_speakers_are_unscored(speakers: int, metric: str) -> None:
    rng = np.random.default_rng(6)
    twins = []
    for index in range(10 * speakers):
        bad = int(rng.integers(0, 4)) + 3 * (index % speakers % 2)
        speaker = {"speaker": f"reader {index % speakers}"}
        if metric == "wer":
            twin = spoken(f"{index:03d}", (1, 0), (bad, 0), **speaker)
        else:
            twin = closed(f"{index:03d}", RIGHT, (WRONG, RIGHT)[bad < 4], **speaker)
        if index % speakers < 2:  # two speakers have no transcript with the constraint
            answer = msgspec.structs.replace(twin.constrained.answer, edits=None, correct=None, words=10)
            twin = replace(twin, constrained=replace(twin.constrained, answer=answer))
        twins.append(twin)
    level = task_level([side.answer for twin in twins for side in (twin.plain, twin.constrained)])
    change = level.datasets[metric].change
    row = word_errors(ALL, twins, None, seed=0) if metric == "wer" else behaviour("right", ALL, twins, right, None)
    assert row is not None
    assert row.n == change.n == 10 * (speakers - 2)
    assert change.low is not None
    assert (row.change.value, row.change.low, row.change.high, row.change.p) == (
        change.value, change.low, change.high, change.p
    )  # fmt: skip


@pytest.mark.parametrize(("by", "speakers"), [("speaker", 20), ("clip", 0), ("clip", 9)])
def test_the_difference_in_differences_samples_what_belongs_together(by: str, speakers: int) -> None:
    # Ten twins in a row change alike, so 20 speakers, or clips, tell far less than 200 that stand alone would.
    def row(members: int) -> Difference:
        ours, theirs = [], []
        for index in range(200):
            group = f"{index // members}"
            fields = {"clip": f"{group if by == 'clip' else index}.wav"}
            if speakers:
                fields["speaker"] = group if by == "speaker" else f"{index % speakers}"
            ours.append(closed(f"{index:03d}", RIGHT, (RIGHT, WRONG)[index // 10 % 3 == 0], **fields))
            theirs.append(closed(f"{index:03d}", RIGHT, RIGHT, **fields))
        found = behaviour("wrong", ALL, ours, wrong, {twin.id: twin for twin in theirs})
        assert found is not None
        assert found.against_reference is not None
        return found.against_reference

    alone, together = row(members=1), row(members=10)
    assert alone.value == together.value == 35.0
    widths = [(one.high or 0) - (one.low or 0) for one in (alone, together)]
    assert widths[1] > 2 * widths[0]


def test_flips_change_as_the_task_level_says() -> None:
    twins = flips(20, 22, 10, 60)
    row = behaviour("wrong", ALL, twins, wrong, None)
    level = task_level([side.answer for twin in twins for side in (twin.plain, twin.constrained)])
    change = level.datasets["accuracy"].change
    assert row is not None
    assert change.value is not None
    assert change.low is not None
    assert row.change.value == pytest.approx(-change.value)
    assert row.change.high == pytest.approx(-change.low)
    assert row.change.p == pytest.approx(change.p)


def test_word_errors_less_those_of_the_reference() -> None:
    ours = [spoken(f"{index}", (1, 0), (3, 1)) for index in range(20)]
    theirs = [spoken(f"{index}", (1, 0), (1, index % 2)) for index in range(20)]
    row = word_errors(ALL, ours, {twin.id: twin for twin in theirs}, seed=0)
    assert row is not None
    assert row.against_reference is not None
    assert row.change.value == pytest.approx(30)
    assert row.change.why is not None  # every twin changed alike
    assert row.against_reference.value == pytest.approx(30 - 5)
    assert row.against_reference.low is not None
    assert 20 < row.against_reference.low < 25


def test_transcripts_without_a_word_have_no_rate() -> None:
    row = word_errors(ALL, [spoken("a", (0, 0), (0, 2), words=0)], None, seed=0)
    assert row is not None
    assert (row.n, row.words, row.plain, row.change.value, row.change.why) == (
        1,
        0,
        None,
        None,
        "no twins to compare",
    )


def test_changed_answers_state_what_the_untold_could_make_of_them() -> None:
    twins = [
        *(closed(f"c{index}", RIGHT, WRONG) for index in range(3)),
        *(closed(f"s{index}", RIGHT, RIGHT) for index in range(5)),
        *(closed(f"u{index}", ("furious", False), ("raging", False)) for index in range(2)),
        closed("x", RIGHT, ("calm", None)),
    ]
    row = changed_answers("accuracy", ALL, twins)
    assert row is not None
    assert (row.n, row.changed, row.untold) == (8, 3, 2)
    assert row.rate.value == pytest.approx(37.5)
    assert row.if_untold == (pytest.approx(30.0), pytest.approx(50.0))
    assert row.items == ("c0", "c1", "c2")


def test_codes_are_a_family_and_the_whole_is_none() -> None:
    rows = [
        behaviour("wrong", Grouping(by, group), flips(10, worse, 1, 50, name), wrong, None)
        for by, group, worse, name in (("all", "all", 9, "a"), ("code", "CC", 9, "b"), ("code", "JS", 4, "c"))
    ]
    whole, first, second = adjusted(rows)
    assert whole.change.p_holm == whole.change.p
    assert first.change.p_holm == pytest.approx(2 * first.change.p)
    assert second.change.p_holm == second.change.p
