"""Do labels have the same effects in two runs? The covariance of what they add, beyond what items share anyway.

Two runs that answer the same items agree on hard items whatever the labels do. So the items keep both their
outcomes, and labels are dealt anew to both at once: what remains above the mean of all dealings is due to labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats
from speech_ifeval.metrics.dealing import Dealt, batches
from speech_ifeval.metrics.overdispersion import p_value

PERMUTATIONS = 1999
RESAMPLES = 2000
_TOLD = 0.95  # of the resamples must show effects in both runs, or the correlation has no interval


class Correlation(NamedTuple):
    """How alike the effects of labels are in two runs; None where they are too small to tell.

    >>> Correlation(0.4, 0.1, 0.7, 0.01, 60).labels
    60
    """

    value: float | None
    low: float | None
    high: float | None
    p: float
    labels: int


def shared_effects(
    pairs: Sequence[tuple[Dealt, Dealt]], rng: np.random.Generator, level: float = 0.95
) -> Correlation:
    """Return the correlation of labels' effects in two runs, over several constraints.

    Each constraint counts by its covariance over what chance alone makes of it. The correlation is of the effects
    themselves, not of observed rates, so it is not pulled towards 0 by the few items of a label; it can come out
    beyond ±1 and is cut there. The interval resamples the labels of each constraint.

    Args:
        pairs: for each constraint both runs' outcomes, with the same items, labels and strata in the same order.
        rng: of the permutations and resamples.
        level: of the interval.

    Raises:
        ValueError: a pair does not hold the same items.

    Source: covariance components by moments, Searle, Casella & McCulloch (1992), Variance Components, chapter 11.
    """
    parts: list[Floats] = []
    null = np.zeros(PERMUTATIONS)
    for first, second in pairs:
        if not np.array_equal(first.label, second.label):
            raise ValueError("a pair must hold the same items with the same labels, in the same order")
        if first.constant or second.constant or not first.information:
            continue
        scale = float(np.sqrt(first.null_mean * second.null_mean))
        own = [
            _by_label(one, other) / size
            for one, other, size in (
                (first, second, scale),
                (first, first, first.null_mean),
                (second, second, second.null_mean),
            )
        ]
        parts.append(np.array(own))
        null += _permuted(first, second, rng) / scale
    labels = sum(part.shape[1] for part in parts)
    if not parts:
        return Correlation(None, None, None, 1.0, 0)
    sums = np.sum([part.sum(axis=1) for part in parts], axis=0)
    p = p_value(abs(float(sums[0])), np.sort(np.abs(null)))
    if min(sums[1], sums[2]) <= 0:
        return Correlation(None, None, None, p, labels)
    value = float(np.clip(sums[0] / np.sqrt(sums[1] * sums[2]), -1, 1))
    low, high = _limits(parts, rng, level)
    if low is None or high is None:
        return Correlation(value, None, None, p, labels)
    return Correlation(value, min(low, value), max(high, value), p, labels)


def _by_label(first: Dealt, second: Dealt) -> Floats:
    """Return each label's product of what follows beyond what is expected, less its mean over dealings, (L,)."""
    rest = (first.observed - first.expected) * (second.observed - second.expected)
    size = first.counts.sum(axis=1)
    both = np.bincount(first.strata.number, weights=first.followed & second.followed) / size
    covariance = (both - first.rate * second.rate) * size / np.maximum(size - 1, 1)
    result: Floats = rest - covariance @ (first.counts - first.counts**2 / size[:, None])
    return result


def _permuted(first: Dealt, second: Dealt, rng: np.random.Generator) -> Floats:
    """Return the covariance statistic, less its mean, of dealings of the labels to both runs at once."""
    chance = float(
        ((first.observed - first.expected) * (second.observed - second.expected) - _by_label(first, second)).sum()
    )
    drawn = []
    for batch in batches(PERMUTATIONS, first.followed.size):
        places = first.exchanged(rng, batch)
        rests = [one.sums_of(one.followed[places]) - one.expected for one in (first, second)]
        drawn.append((rests[0] * rests[1]).sum(axis=1) - chance)
    return np.concatenate(drawn)


def _limits(parts: Sequence[Floats], rng: np.random.Generator, level: float) -> tuple[float | None, float | None]:
    """Return the percentiles of the correlation over resamples of each constraint's labels."""
    totals = np.zeros((RESAMPLES, 3))
    for part in parts:
        labels = part.shape[1]
        drawn = rng.multinomial(labels, np.full(labels, 1 / labels), size=RESAMPLES)
        totals += drawn @ part.T
    told = (totals[:, 1] > 0) & (totals[:, 2] > 0)
    if told.mean() < _TOLD:
        return None, None
    ratios = totals[told, 0] / np.sqrt(totals[told, 1] * totals[told, 2])
    low, high = np.quantile(np.clip(ratios, -1, 1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
