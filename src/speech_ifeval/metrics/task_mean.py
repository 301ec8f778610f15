"""One figure for how right answers are, over data sets that are measured by accuracy and by word errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.clips import Floats
from speech_ifeval.metrics.paired import two_sided
from speech_ifeval.metrics.quantiles import student_t_quantile
from speech_ifeval.results import Difference, Estimate

NOTHING = "no answer without a constraint is scored"


class _Shares(NamedTuple):
    """A mean over data sets, in percent, and what each clip adds to its error."""

    value: float
    n: int
    by_clip: Mapping[str, float]


def task_mean(answers: Iterable[Answer]) -> Estimate:
    """Return how right the answers to questions without a constraint are, in percent, data sets weighing alike.

    A data set counts with its accuracy, or with 100 less its word error rate, which can be below 0. The interval
    is from the spread of linearised contributions over clips.

    Source: Binder (1983), International Statistical Review 51, 279-292, for the linearisation.

    >>> def answer(k):
    ...     return Answer(str(k), str(k), "asr", f"{k}.wav", None, "accuracy", None, None, False, correct=k < 3)
    >>> task_mean(map(answer, range(4))).value
    75.0
    """
    answers = list(answers)
    unscored = sum(not answer.scored for answer in answers if not answer.constrained)
    shares = _shares(answers)
    if shares is None:
        return Estimate(None, None, None, 0, unscored, NOTHING)
    low, high = _around(shares.value, np.array(list(shares.by_clip.values())))
    high = None if high is None else min(high, 100.0)  # nothing is righter than right
    return Estimate(shares.value, low, high, shares.n, unscored)


def task_mean_change(answers: Iterable[Answer], before: Iterable[Answer]) -> Difference:
    """Return by how much `task_mean` differs between two systems that answered the same questions, in points.

    >>> def answers(right):
    ...     ids = map(str, range(40))
    ...     return [Answer(k, k, "a", k, None, "accuracy", "", "", False, int(k) < right) for k in ids]
    >>> change = task_mean_change(answers(20), answers(30))
    >>> change.value, change.high < 0, change.p < 0.01
    (-25.0, True, True)
    """
    ours, theirs = _shares(answers), _shares(before)
    if ours is None or theirs is None:
        return Difference(None, None, None, None, None, NOTHING)
    clips = list(dict.fromkeys([*ours.by_clip, *theirs.by_clip]))
    by_clip = np.array([ours.by_clip.get(clip, 0.0) - theirs.by_clip.get(clip, 0.0) for clip in clips])
    value = ours.value - theirs.value
    low, high = _around(value, by_clip)
    error = _error(by_clip)
    p = 1.0 if value == 0 else two_sided(value / error if error > 0 else np.inf, max(len(clips) - 1.0, 1.0))
    return Difference(value, low, high, p, p)


def _shares(answers: Iterable[Answer]) -> _Shares | None:
    datasets: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.scored and not answer.constrained:
            datasets.setdefault(answer.dataset, []).append(answer)
    rates: list[float] = []
    by_clip: dict[str, float] = {}
    for rows in datasets.values():
        # Right answers of answers, or errors of words.
        over = [1.0 if one.edits is None else float(one.edits.words) for one in rows]
        wrong = [float(not one.correct) if one.edits is None else float(one.edits.errors) for one in rows]
        rate = sum(wrong) / sum(over)
        rates.append(100 - 100 * rate)
        for one, top, bottom in zip(rows, wrong, over, strict=True):
            added = -100 * (top - rate * bottom) / sum(over) / len(datasets)
            by_clip[one.clip] = by_clip.get(one.clip, 0.0) + added
    if not rates:
        return None
    return _Shares(sum(rates) / len(rates), sum(map(len, datasets.values())), by_clip)


def _error(by_clip: Floats) -> float:
    clips = len(by_clip)
    return float(np.sqrt((by_clip**2).sum() * clips / max(clips - 1, 1)))


def _around(value: float, by_clip: Floats) -> tuple[float | None, float | None]:
    if len(by_clip) < 2:
        return None, None
    half = float(student_t_quantile(0.975, np.array([len(by_clip) - 1.0]))[0]) * _error(by_clip)
    return value - half, value + half
