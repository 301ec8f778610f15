"""Two runs on the same items: which verdicts flipped, and how far apart the runs are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats, Group, GroupFit, count_clips, fit
from speech_ifeval.metrics.combinations import (
    Combination,
    combine,
    degrees_of_freedom,
    excess,
    ratio_limits,
    stacked,
    sum_limits,
)
from speech_ifeval.metrics.quantiles import binomial_cdf, student_t_cdf, student_t_quantile


class Difference(NamedTuple):
    """First minus second, as a fraction, with its interval and the two-sided p-value of no difference.

    >>> Difference(0.02, -0.01, 0.05, 0.2).p
    0.2
    """

    value: float
    low: float
    high: float
    p: float


def mcnemar(lost: int, gained: int, *, mid_p: bool = False) -> float:
    """Return the two-sided p-value that items flip from followed to not followed as often as back.

    Args:
        lost: items followed by the first run only.
        gained: items followed by the second run only.
        mid_p: count half of the observed table's probability. Less conservative, and close to the level for
            independent items (Fagerland, Lydersen & Laake 2013). The exact test is the default: items that share a
            clip flip together, which neither form allows for, so there is no slack to give away.

    Raises:
        ValueError: a negative count.

    Source: McNemar (1947), Psychometrika 12, 153-157; Fagerland, Lydersen & Laake (2013), BMC Med. Res. Methodol.
    13, 91.

    >>> round(mcnemar(8, 1), 4), round(mcnemar(8, 1, mid_p=True), 4), mcnemar(0, 0)
    (0.0391, 0.0215, 1.0)
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"counts of items cannot be negative, got {lost} and {gained}")
    n, k = lost + gained, min(lost, gained)
    if lost == gained:
        return 1.0  # no imbalance at all
    both_tails = 2 * binomial_cdf(k, n)
    if mid_p:
        both_tails -= binomial_cdf(k, n) - (binomial_cdf(k - 1, n) if k else 0.0)
    return min(both_tails, 1.0)


def difference(first: Sequence[Group], second: Sequence[Group], level: float = 0.95) -> Difference:
    """Return IFrate of `first` minus IFrate of `second`, paired by clip.

    The p-value is that of the score statistic at no difference: below 1 - level where the interval excludes 0.

    Args:
        first: groups (followed, clip) in category order.
        second: the same categories; the items may differ where some are unscored.
        level: confidence level.

    Raises:
        ValueError: no scored item in a group, or a different number of groups.

    Source: as `speech_ifeval.metrics.intervals.points_interval`.

    >>> clip = np.arange(100)
    >>> result = difference([(clip < 80, clip)], [(clip < 90, clip)])
    >>> round(result.value, 2), result.p < 0.01
    (-0.1, True)
    """
    return differences([(first, second)], level)[0]


def differences(pairs: Iterable[tuple[Sequence[Group], Sequence[Group]]], level: float = 0.95) -> list[Difference]:
    """Return what `difference` does for many pairs of runs, each of as many groups.

    The intervals of all are searched at once, which for the 4,950 pairs of 100 runs is most of the work.

    Raises:
        ValueError: as `difference`.

    Source: as `difference`.

    >>> clip = np.arange(100)
    >>> good, fair = [(clip < 90, clip)], [(clip < 80, clip)]
    >>> [round(one.value, 2) for one in differences([(fair, good), (good, good)])]
    [-0.1, 0.0]
    """
    sums, weights = [], np.zeros(0)
    for first, second in pairs:
        sums.append(combine([fit(counts) for counts in count_clips(first, second)]))
        weights = np.repeat([1.0, -1.0], len(first)) / len(first)
    if not sums:
        return []
    limits = zip(*sum_limits(stacked(sums), weights, level), strict=True)
    return [
        Difference(float(value), float(low), float(high), no_difference(one, weights)[1])
        for one, (value, low, high) in zip(sums, limits, strict=True)
    ]


class GroupDifference(NamedTuple):
    """A difference of two means with interval and p-value; None but for the value where nothing varies."""

    value: float
    low: float | None
    high: float | None
    p: float | None


def group_difference(change: Any, cluster: Any, second: Any, level: float = 0.95) -> GroupDifference:
    """Return the mean change of the second group of items less that of the first; both may share clusters.

    Linearised, summed by cluster, with Student's t: with few changes in a group the interval is too narrow.

    Args:
        change: of each item, (n,).
        cluster: which cluster each belongs to, (n,).
        second: whether it is of the second group, (n,) booleans.
        level: confidence level.

    Raises:
        ValueError: a group is empty.

    Source: Binder (1983), International Statistical Review 51, 279-292.

    >>> change, second = [0, -1, 0, 0, -1, -1, 0, -1], np.repeat([False, True], 4)
    >>> found = group_difference(change, np.arange(8), second)
    >>> found.value, round(found.p, 2)
    (-0.5, 0.17)
    """
    value, is_second = np.asarray(change, dtype=np.float64), np.asarray(second, dtype=np.bool_)
    if is_second.all() or not is_second.any():
        raise ValueError("a difference of two groups needs an item in each")
    means = value[~is_second].mean(), value[is_second].mean()
    apart = float(means[1] - means[0])
    parts = np.where(is_second, (value - means[1]) / is_second.sum(), -(value - means[0]) / (~is_second).sum())
    _, index = np.unique(cluster, return_inverse=True)
    by_cluster = np.bincount(index.ravel(), weights=parts)
    count = len(by_cluster)
    if count < 2 or not np.abs(by_cluster).max() > 1e-12:
        return GroupDifference(apart, None, None, None)
    error = float(np.sqrt(count / (count - 1) * (by_cluster @ by_cluster)))
    t = float(student_t_quantile((1 + level) / 2, np.array([count - 1.0]))[0])
    return GroupDifference(apart, apart - t * error, apart + t * error, two_sided(apart / error, count - 1))


def forgetting_difference(
    first: Sequence[Group],
    first_ref: Sequence[Group],
    second: Sequence[Group],
    second_ref: Sequence[Group],
    level: float = 0.95,
) -> Difference:
    """Return the forgetting rate of `first` minus that of `second`, each against its own reference.

    The two intervals are combined by the distances of their limits from the values (MOVER), with the correlation
    of the linearised ratios over clips: a reference the two share cancels as far as it should. The p-value is
    below 1 - level where the interval excludes 0.

    Raises:
        ValueError: a reference follows no item, or what `difference` raises.

    Source: Donner & Zou (2012), Statistical Methods in Medical Research 21, 347-359; linearisation: Binder (1983),
    International Statistical Review 51, 279-292.

    >>> clip = np.arange(100)
    >>> ref = [(clip < 90, clip)]
    >>> result = forgetting_difference([(clip < 60, clip)], ref, [(clip < 80, clip)], ref)
    >>> round(result.value, 3), result.high < 0
    (-0.222, True)
    """
    return forgetting_differences([first, second], [first_ref, second_ref], [(0, 1)], level)[0]


def forgetting_differences(
    runs: Sequence[Sequence[Group]],
    refs: Sequence[Sequence[Group]],
    pairs: Sequence[tuple[int, int]],
    level: float = 0.95,
) -> list[Difference]:
    """Return what `forgetting_difference` does for pairs of several runs, each with its reference, by their index.

    What depends on one run alone is computed once, which for 20 runs and their 190 pairs is most of the work.

    Raises:
        ValueError: as `forgetting_difference`.

    Source: as `forgetting_difference`.

    >>> clip = np.arange(100)
    >>> ref = [(clip < 90, clip)]
    >>> both = forgetting_differences([[(clip < 60, clip)], [(clip < 80, clip)]], [ref, ref], [(0, 1), (1, 0)])
    >>> [round(one.value, 3) for one in both]
    [-0.222, 0.222]
    """
    fits = [fit(counts) for counts in count_clips(*runs, *refs)]
    sides = [_forgetting(run, ref, level) for run, ref in zip(fits, fits[len(runs) :], strict=False)]
    return [_apart(sides[first], sides[second], level) for first, second in pairs]


class _Forgetting(NamedTuple):
    """A forgetting rate with its limits, and what each clip adds to its error, (C,)."""

    value: float
    low: float
    high: float
    by_clip: Floats


def _forgetting(run: GroupFit, ref: GroupFit, level: float) -> _Forgetting:
    value, low, high = (float(x[0]) for x in ratio_limits(combine([run, ref]), level))
    return _Forgetting(value, low, high, _linearised(run, ref, value))


def _apart(first: _Forgetting, second: _Forgetting, level: float) -> Difference:
    z_1, z_2 = first.by_clip, second.by_clip
    clips = len(z_1)
    size = float(np.sqrt((z_1 @ z_1) * (z_2 @ z_2)))
    # Shrunk by two clips: runs that agree on every clip seen need not agree on every clip.
    correlation = float(z_1 @ z_2) / size * clips / (clips + 2) if size > 0 else 0.0
    down = _side(first.value - first.low, second.high - second.value, correlation)
    up = _side(first.high - first.value, second.value - second.low, correlation)
    value = first.value - second.value
    df = float(max(clips - 1, 1))
    t = float(student_t_quantile((1 + level) / 2, np.array([df]))[0])
    toward_zero = down if value > 0 else up
    statistic = 0.0 if value == 0 else t * abs(value) / toward_zero if toward_zero > 0 else np.inf
    return Difference(value, value - down, value + up, two_sided(statistic, df))


def no_difference(sums: Combination, weights: Floats) -> tuple[float, float]:
    """Return the statistic and two-sided p-value that a weighted sum of rates is 0, for the one run (R = 1)."""
    _, statistic = excess(sums, weights, 0.0, 0.0)
    df = degrees_of_freedom(sums, weights)
    return float(statistic[0]), two_sided(float(statistic[0]), float(df[0]))


def two_sided(statistic: float, df: float) -> float:
    """Return the two-sided p-value of a Student's t statistic; 0 where it is infinite.

    >>> round(two_sided(2.0227, 39), 4)
    0.05
    """
    return 0.0 if np.isinf(statistic) else min(2 * student_t_cdf(-abs(statistic), df), 1.0)


def _linearised(run: GroupFit, ref: GroupFit, ratio: float) -> Floats:
    """Return what each clip adds to the error of the ratio of mean rates, (C,)."""
    top = (run.residual[0] / run.total[:, None]).sum(axis=0)
    bottom = (ref.residual[0] / ref.total[:, None]).sum(axis=0)
    result: Floats = (top - ratio * bottom) / ref.rate[0].sum()
    return result


def _side(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0)))
