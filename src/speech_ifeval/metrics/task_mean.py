"""One figure for how right answers are, over data sets that are measured by accuracy and by word errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.clips import Group
from speech_ifeval.metrics.intervals import mean_rate_interval
from speech_ifeval.metrics.paired import difference
from speech_ifeval.results import Difference, Estimate

NOTHING = "no answer without a constraint is scored"
NOTHING_SHARED = "no answer without a constraint is scored in both"

_Key = tuple[str, str]  # data set and metric


def task_mean(answers: Iterable[Answer]) -> Estimate:
    """Return how right the answers to questions without a constraint are, in percent, data sets weighing alike.

    A data set counts with its accuracy, or with 100 less its word error rate, which can be below 0. The interval
    is the score interval of a mean of rates, with clips as the sampling unit; of transcripts, words are the items,
    and errors beyond the words that were said shift it.

    Source: as `speech_ifeval.metrics.intervals.mean_rate_interval`.

    >>> def answer(k):
    ...     return Answer(str(k), str(k), "asr", f"{k}.wav", None, "accuracy", None, None, False, correct=k < 3)
    >>> task_mean(map(answer, range(4))).value
    75.0
    """
    answers = [answer for answer in answers if not answer.constrained]
    datasets = _datasets(answers)
    unscored = sum(not answer.scored for answer in answers)
    if not datasets:
        return Estimate(None, None, None, 0, unscored, NOTHING)
    value, low, high = mean_rate_interval([one.group for one in datasets.values()])
    beyond = _beyond(datasets.values())
    scored = sum(one.answers for one in datasets.values())
    return Estimate(100 * value - beyond, 100 * low - beyond, min(100 * high - beyond, 100.0), scored, unscored)


def task_mean_change(answers: Iterable[Answer], before: Iterable[Answer]) -> Difference:
    """Return by how much `task_mean` differs between two systems, in points, on what both answered and is scored.

    Source: as `speech_ifeval.metrics.paired.difference`, paired by clip.

    >>> def answers(right):
    ...     ids = map(str, range(40))
    ...     return [Answer(k, k, "a", k, None, "accuracy", "", "", False, int(k) < right) for k in ids]
    >>> change = task_mean_change(answers(20), answers(30))
    >>> change.value, change.high < 0, change.p < 0.01
    (-25.0, True, True)
    """
    ours = {answer.item: answer for answer in answers if answer.scored and not answer.constrained}
    theirs = {answer.item: answer for answer in before if answer.scored and not answer.constrained}
    shared = [item for item in ours if item in theirs and ours[item].metric == theirs[item].metric]
    first, second = _datasets([ours[item] for item in shared]), _datasets([theirs[item] for item in shared])
    if not first:
        return Difference(None, None, None, None, None, NOTHING_SHARED)
    value, low, high, p = difference([first[key].group for key in first], [second[key].group for key in first])
    beyond = _beyond(first.values()) - _beyond(second.values())
    return Difference(100 * value - beyond, 100 * low - beyond, 100 * high - beyond, p, p)


class _Dataset(NamedTuple):
    """Right and wrong items of one data set, answers or words, and errors beyond its words as a share of these."""

    group: Group
    answers: int
    beyond: float


def _datasets(answers: Iterable[Answer]) -> dict[_Key, _Dataset]:
    rows: dict[_Key, list[Answer]] = {}
    for answer in answers:
        if answer.scored:
            rows.setdefault((answer.dataset, answer.metric), []).append(answer)
    made = {key: _dataset(theirs) for key, theirs in rows.items()}
    return {key: one for key, one in made.items() if one is not None}


def _dataset(answers: Sequence[Answer]) -> _Dataset | None:
    """None where nothing is said in any clip: there is no word to have wrong."""
    items = np.array([1 if one.edits is None else one.edits.words for one in answers])
    wrong = np.array([int(not one.correct) if one.edits is None else one.edits.errors for one in answers])
    if not items.sum():
        return None
    held = np.minimum(wrong, items)
    right = np.concatenate([np.arange(size) >= errors for size, errors in zip(items, held, strict=True)])
    clips = np.repeat(np.array([one.clip for one in answers]), items)
    return _Dataset((right, clips), len(answers), float((wrong - held).sum() / items.sum()))


def _beyond(datasets: Iterable[_Dataset]) -> float:
    every = list(datasets)
    return 100 * sum(one.beyond for one in every) / len(every)
