"""How right answers are over data sets: values by hand, intervals as scipy and a bootstrap have them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from speech_ifeval.metrics.answers import Answer, WordEdits
from speech_ifeval.metrics.task_mean import NOTHING, NOTHING_SHARED, task_mean, task_mean_change


def closed(id: str, correct: bool | None, clip: str | None = None, dataset: str = "closed") -> Answer:
    why = "not judged" if correct is None else None
    return Answer(id, id, dataset, clip or id, None, "accuracy", None, None, False, correct=correct, unscored=why)


def spoken(id: str, errors: int, words: int, clip: str | None = None) -> Answer:
    edits = WordEdits(hits=words - errors, substitutions=errors, deletions=0, insertions=0)
    return Answer(id, id, "asr", clip or id, None, "wer", None, None, False, edits=edits, words=words)


def inserted(id: str, insertions: int, words: int) -> Answer:
    edits = WordEdits(hits=words, substitutions=0, deletions=0, insertions=insertions)
    return Answer(id, id, "asr", id, None, "wer", None, None, False, edits=edits, words=words)


def test_data_sets_weigh_alike_whatever_their_size() -> None:
    answers = [closed(str(k), k < 9) for k in range(10)] + [spoken(f"s{k}", 1, 4) for k in range(3)]
    found = task_mean(answers)
    assert found.value == pytest.approx((90 + 75) / 2)
    assert found.n == 13


def test_answers_under_a_constraint_and_unscored_ones_do_not_count() -> None:
    constrained = Answer("c", "c", "closed", "c", None, "accuracy", "CC", "x", True, correct=False)
    found = task_mean([closed("a", True), closed("b", None), constrained])
    assert (found.value, found.n, found.unscored) == (100.0, 1, 1)


def test_nothing_scored_is_no_figure() -> None:
    assert task_mean([closed("a", None)]).value is None
    assert task_mean([]).why == NOTHING
    assert task_mean_change([], [closed("a", True)]).why == NOTHING_SHARED
    assert task_mean([spoken("s", 2, 0)]).why == NOTHING


@pytest.mark.parametrize("right", [0, 1, 20, 41, 59, 60])
def test_the_interval_of_one_accuracy_is_near_wilsons(right: int) -> None:
    found = task_mean(closed(str(k), k < right) for k in range(60))
    expected = stats.binomtest(right, 60).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1.0)


@pytest.mark.parametrize("number", [3, 40])
def test_all_right_is_no_certainty(number: int) -> None:
    found = task_mean(closed(str(k), True) for k in range(number))
    assert found.value == 100
    assert found.low is not None
    assert found.low < 100 - 100 / number
    change = task_mean_change((closed(str(k), True) for k in range(2)), (closed(str(k), False) for k in range(2)))
    assert change.value == 100
    assert change.p is not None
    assert change.p > 0.01


def test_the_p_of_a_change_is_near_that_of_the_paired_t_test() -> None:
    draw = np.random.default_rng(1)
    before, after = draw.random(80) < 0.7, draw.random(80) < 0.5
    found = task_mean_change(
        (closed(str(k), bool(one)) for k, one in enumerate(after)),
        (closed(str(k), bool(one)) for k, one in enumerate(before)),
    )
    assert found.value == pytest.approx(100 * (after.mean() - before.mean()))
    expected = stats.ttest_rel(after.astype(float), before.astype(float)).pvalue
    assert found.p == pytest.approx(expected, rel=0.01)


def test_a_change_is_over_what_both_have() -> None:
    b = [closed(f"b{k}", k == 0, dataset="b") for k in range(20)]
    gone = [closed(f"b{k}", None, dataset="b") for k in range(20)]
    a = [closed(f"a{k}", k < 19, dataset="a") for k in range(20)]
    change = task_mean_change([*a, *gone], [*a, *b])
    assert change.value == 0
    assert change.p == 1


def test_transcripts_and_closed_questions_of_one_data_set_weigh_alike() -> None:
    words = Answer("s", "s", "closed", "s", None, "wer", None, None, False, edits=WordEdits(99, 0, 0, 0), words=99)
    assert task_mean([closed("a", False), words]).value == pytest.approx(50)


def test_words_that_nobody_said_count_as_errors() -> None:
    found = task_mean([spoken(str(k), 2, 10) for k in range(9)] + [inserted("x", 15, 10)])
    assert found.value == pytest.approx(100 - 100 * (18 + 15) / 100)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_the_interval_of_word_errors_is_near_a_bootstrap_of_clips() -> None:
    draw = np.random.default_rng(2)
    words = draw.integers(5, 15, 200)
    errors = draw.binomial(words, 0.2)
    found = task_mean(spoken(str(k), int(e), int(w)) for k, (e, w) in enumerate(zip(errors, words, strict=True)))
    picks = draw.integers(0, 200, (4000, 200))
    resampled = 100 - 100 * errors[picks].sum(1) / words[picks].sum(1)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=0.4)


def test_two_answers_of_one_clip_are_not_two_clips() -> None:
    apart = task_mean(closed(str(k), k % 2 == 0) for k in range(40))
    together = task_mean(closed(str(k), k % 4 < 2, clip=str(k // 2)) for k in range(40))
    assert apart.low is not None
    assert together.low is not None
    assert together.low < apart.low


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "rate", "spread"), [(40, 0.05, 0.05), (40, 0.3, 0.2), (200, 0.1, 0.1)])
def test_intervals_hold_the_truth_where_clips_differ(clips: int, rate: float, spread: float) -> None:
    """A data set of transcripts and one of closed questions about the same clips, hard and easy ones."""
    draw = np.random.default_rng(clips)
    held, replications = 0, 600
    for _ in range(replications):
        hard = np.clip(draw.beta(rate / spread, (1 - rate) / spread, clips), 1e-6, 1 - 1e-6)
        words = draw.integers(5, 12, clips)
        wrong, right = draw.binomial(words, hard), draw.random(clips) >= hard
        found = task_mean(
            [
                *(
                    spoken(f"s{k}", int(e), int(w), clip=str(k))
                    for k, (e, w) in enumerate(zip(wrong, words, strict=True))
                ),
                *(closed(f"c{k}", bool(one), clip=str(k)) for k, one in enumerate(right)),
            ]
        )
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 100 * (1 - rate) <= found.high
    assert held / replications >= 0.93
