"""Accuracy and word errors of twins: figures, pairs, bounds, clusters, parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from speech_ifeval.judges.extraction import NOT_A_SUBSTRING as FLAG_OF_JUDGES
from speech_ifeval.metrics.answers import NOT_A_SUBSTRING, UNANSWERABLE, Answer, WordEdits
from speech_ifeval.metrics.clusters import LEAST_SPEAKERS
from speech_ifeval.metrics.paired import difference
from speech_ifeval.metrics.task_level import task_level
from speech_ifeval.results import TaskGroup


def answer(pair: int, constrained: bool, **fields: Any) -> Answer:
    name = f"{pair:04d}"
    known = {
        "item": f"closed-ended/{name}" if constrained else f"closed-ended-plain/{name}",
        "pair": f"closed-ended/{name}",
        "dataset": "data",
        "clip": f"{name}.wav",
        "speaker": None,
        "metric": "accuracy",
        "code": "CC",
        "constraint": "change_case:english_capital",
        "constrained": constrained,
    }
    return Answer(**{**known, **fields})


def right(*twins: tuple[bool | None, bool | None], **fields: Any) -> list[Answer]:
    """Twins by whether the answer without, and with, the constraint is right."""
    return [
        answer(pair, bool(side), correct=correct, **fields)
        for pair, both in enumerate(twins)
        for side, correct in enumerate(both)
    ]


def edited(words: int, errors: int | None) -> dict[str, Any]:
    """A transcript of so many words and errors: substitutions, then insertions."""
    if errors is None:
        return {"metric": "wer", "words": words, "unscored": "not judged"}
    wrong = min(errors, words)
    return {"metric": "wer", "words": words, "edits": WordEdits(words - wrong, wrong, 0, errors - wrong)}


def spoken(*twins: tuple[int, int | None, int | None], **fields: Any) -> list[Answer]:
    """Twins by the words of their reference, and the errors without and with the constraint."""
    return [
        answer(pair, bool(side), **edited(words, errors), **fields)
        for pair, (words, *both) in enumerate(twins)
        for side, errors in enumerate(both)
    ]


def only(answers: Sequence[Answer], seed: int = 0) -> TaskGroup:
    (group,) = task_level(answers, seed).datasets.values()
    return group


def test_accuracy_is_counted_and_its_change_tested_by_mcnemar() -> None:
    twins = [(True, True)] * 20 + [(True, False)] * 9 + [(False, True)] * 2 + [(False, False)] * 9
    group = only(right(*twins))
    assert (group.plain.correct, group.plain.n, group.plain.rate) == (29, 40, 72.5)
    assert (group.constrained.correct, group.constrained.rate) == (22, pytest.approx(55.0))
    assert (group.change.worse, group.change.better, group.change.n) == (9, 2, 40)
    assert group.change.p == pytest.approx(statsmodels_mcnemar([[20, 9], [2, 9]], exact=True).pvalue)
    before, after = np.array(twins).T
    expected = difference([(after, np.arange(40))], [(before, np.arange(40))])
    assert group.change.value == pytest.approx(-17.5)
    assert (group.change.low, group.change.high) == pytest.approx((100 * expected.low, 100 * expected.high))


def test_word_error_rate_is_that_of_the_corpus_and_not_a_mean() -> None:
    group = only(spoken((10, 1, 5), (90, 0, 1), (5, 5, 5)))
    assert group.plain.rate == pytest.approx(100 * 6 / 105)
    assert group.constrained.rate == pytest.approx(100 * 11 / 105)
    assert group.change.value == pytest.approx(100 * 5 / 105)
    assert (group.change.worse, group.change.better) == (2, 0)
    assert (group.plain.words, group.plain.substitutions, group.plain.insertions) == (105, 6, 0)


def test_more_errors_than_words_and_empty_references() -> None:
    group = only(spoken((4, 0, 10), (0, 3, 0), (0, 0, 0)))
    assert group.plain.rate == pytest.approx(75.0)  # insertions where nothing was said add errors, no words
    assert group.constrained.rate == pytest.approx(250.0)
    silent = only(spoken((0, 1, 2)))
    assert (silent.plain.rate, silent.change.value) == (None, None)
    assert silent.change.why == "no twins are scored on both sides"


def test_the_change_is_paired_and_its_interval_far_narrower_than_the_sides() -> None:
    rng = np.random.default_rng(0)
    errors = rng.integers(0, 20, 60)
    group = only(spoken(*((20, int(e), int(e) + (n % 3 == 0)) for n, e in enumerate(errors))))
    assert group.change.low is not None
    assert group.change.high is not None
    assert group.plain.low is not None
    assert group.plain.high is not None
    assert 0 < group.change.low < group.change.value < group.change.high  # type: ignore[operator]
    assert group.change.high - group.change.low < (group.plain.high - group.plain.low) / 5
    assert group.change.p == pytest.approx(1e-4, abs=1e-4)


def test_sides_that_do_not_differ_have_a_change_of_nothing_without_interval() -> None:
    group = only(spoken(*((20, n, n) for n in range(12))))
    assert (group.change.value, group.change.low, group.change.p) == (0.0, None, 1.0)
    assert group.change.why == "all change alike, or there is one clip: no interval"


def test_only_twins_scored_on_both_sides_are_compared_and_bounds_tell_of_the_rest() -> None:
    group = only(right((True, True), (True, None), (None, False), (None, None), (False, True)))
    assert (group.plain.n, group.plain.unscored, group.constrained.n) == (3, 2, 3)
    assert (group.change.n, group.change.value) == (2, 50.0)
    # Unscored answers as unkind to the constraint as can be: right without it, wrong with it; and as kind.
    assert (group.change.least, group.change.most) == pytest.approx((100 * (0 - 1 - 1 - 1 + 1) / 5, 100 * 2 / 5))


def test_bounds_of_word_errors_reach_to_the_longer_of_reply_and_reference() -> None:
    answers = spoken((10, 2, None), (10, 0, 0))
    answers[1] = msgspec.structs.replace(answers[1], text="word " * 30)
    assert (only(answers).change.least, only(answers).change.most) == pytest.approx((-10.0, 140.0))
    answers[1] = msgspec.structs.replace(answers[1], text=None)
    assert only(answers).change.most == pytest.approx(40.0)


def test_bounds_meet_where_everything_is_scored() -> None:
    group = only(right((True, False), (True, True)))
    assert group.change.least == group.change.most == group.change.value == -50.0


def test_flagged_transcripts_count_and_are_told() -> None:
    answers = spoken((10, 0, 0), (10, 0, 4))
    answers[1] = msgspec.structs.replace(answers[1], flags=(NOT_A_SUBSTRING,))
    side = only(answers).constrained
    assert (side.rate, side.flagged, side.rate_unflagged) == (20.0, 1, 40.0)
    assert only(answers).plain.rate_unflagged is None
    assert NOT_A_SUBSTRING == FLAG_OF_JUDGES


def test_unanswerable_items_count_and_the_others_stand_beside() -> None:
    answers = right((True, True), (False, True), (False, False))
    broken = [msgspec.structs.replace(one, flags=(UNANSWERABLE,)) for one in answers[4:]]
    group = only([*answers[:4], *broken])
    assert (group.plain.n, group.plain.rate) == (3, pytest.approx(100 / 3))
    assert group.answerable is not None
    assert (group.answerable.twins, group.answerable.plain.rate) == (2, 50.0)
    assert only(answers).answerable is None


@pytest.mark.parametrize(
    ("speakers", "unit"), [(LEAST_SPEAKERS, "speaker"), (LEAST_SPEAKERS - 1, "clip"), (0, "clip")]
)
def test_speakers_are_resampled_where_enough_are_known(speakers: int, unit: str) -> None:
    answers = spoken(*((10, 0, n % 4) for n in range(60)))
    answers = [
        msgspec.structs.replace(one, speaker=f"s{int(one.pair[-4:]) % speakers}" if speakers else None)
        for one in answers
    ]
    group = only(answers)
    assert (group.unit, group.clusters) == (unit, speakers if unit == "speaker" else 60)


def test_speakers_who_are_not_compared_do_not_decide_what_is_resampled() -> None:
    answers = [
        msgspec.structs.replace(one, speaker=f"s{int(one.pair[-4:]) % LEAST_SPEAKERS}")
        for one in spoken(*((10, 0, None if n % LEAST_SPEAKERS == 3 else n % 4) for n in range(60)))
    ]
    group = only(answers)
    assert (group.unit, group.clusters) == ("clip", 54)
    nothing_scored = only([msgspec.structs.replace(one, edits=None) for one in answers])
    assert (nothing_scored.unit, nothing_scored.clusters) == ("speaker", LEAST_SPEAKERS)


def test_errors_that_go_by_speaker_make_the_interval_wider() -> None:
    answers = spoken(*((10, 0, 5 * (n // 5 % 2)) for n in range(100)))
    by_speaker = [msgspec.structs.replace(one, speaker=f"s{int(one.pair[-4:]) // 5}") for one in answers]
    widths = [
        group.change.high - group.change.low  # type: ignore[operator]
        for group in (only(answers), only(by_speaker))
    ]
    assert widths[1] > 1.8 * widths[0]


def test_codes_and_constraints_are_parts_in_their_usual_order() -> None:
    codes = [("WR", "startend:quotation"), ("CC", "change_case:english_capital"), ("CC+WR", "a+b"), (None, None)]
    answers = [
        answer(pair, side, correct=side, code=code, constraint=constraint)
        for pair, (code, constraint) in enumerate(codes)
        for side in (False, True)
    ]
    group = only(answers)
    assert list(group.codes) == ["CC", "WR", "CC+WR"]
    assert list(group.constraints) == ["a+b", "change_case:english_capital", "startend:quotation"]
    assert group.twins == 4
    assert all(part.twins == 1 and not part.codes for part in group.codes.values())


def test_p_values_are_adjusted_over_what_stands_together() -> None:
    answers = [
        answer(10 * part + pair, side, correct=not side or pair > 6, code=code)
        for part, code in enumerate(("CC", "WR"))
        for pair in range(10)
        for side in (False, True)
    ]
    group = only(answers)
    assert group.codes["CC"].change.p == pytest.approx(2 * 0.5**7)
    assert group.codes["CC"].change.p_holm == pytest.approx(4 * 0.5**7)
    assert group.change.p_holm == group.change.p


def renamed(answers: Sequence[Answer]) -> list[Answer]:
    return [msgspec.structs.replace(one, pair=f"other/{one.pair}") for one in answers]


def test_no_figure_depends_on_another_group_or_on_the_order_but_on_the_seed() -> None:
    answers = spoken(*((12, n % 3, n % 5) for n in range(30)), dataset="speech")
    more = renamed(right(*[(True, False)] * 5, dataset="mood"))
    alone, beside = only(answers), task_level([*more, *answers]).datasets["speech"]
    assert alone.change.p is not None
    assert beside.change.p_holm == pytest.approx(2 * alone.change.p)
    assert msgspec.structs.replace(beside, change=alone.change) == alone
    assert only(answers, seed=1).change.low != alone.change.low
    assert task_level(answers, seed=1).seed == 1


def test_items_without_twins_have_no_change() -> None:
    group = only([answer(n, True, correct=True) for n in range(3)])
    assert (group.plain.n, group.plain.rate, group.constrained.rate) == (0, None, 100.0)
    assert (group.change.why, group.change.least) == ("no item has a twin without its constraint", None)


def test_a_data_set_measured_two_ways_is_two_groups() -> None:
    found = task_level(
        [*right((True, True)), *(msgspec.structs.replace(one, pair=f"x{one.pair}") for one in spoken((3, 0, 0)))]
    )
    assert {name: group.metric for name, group in found.datasets.items()} == {
        "data": "accuracy",
        "data (wer)": "wer",
    }


def test_no_answers_are_no_groups() -> None:
    assert task_level([]).datasets == {}
