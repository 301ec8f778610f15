"""95 % intervals for following rates, IFrate, points and forgetting, with clips as the sampling unit.

`followed` is a boolean array (n,), `clip` an array (n,) of integers saying which audio file each item belongs to;
a group is one such pair, and a run is a sequence of groups in category order. Method, sources and measured
coverage: docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import ClipCounts, Floats, Group, GroupFit, count_clips, fit, satterthwaite
from speech_ifeval.metrics.combinations import combine, ratio_limits, sum_limits
from speech_ifeval.metrics.quantiles import beta_quantile, student_t_quantile

# The exact limit's error over the interval's: where only one side can err it may spend nearly all of it. At 1.3
# coverage of independent items stays above .93 for every rate and size, and above .97 in the fewest (docs).
_ONE_SIDED = 1.3
_RARE = 12.0  # effective outcomes above which Wilson's limit is always the lower of the two


class Interval(NamedTuple):
    """An estimate with the limits of its interval, all as fractions (0.89 is 89 %).

    >>> Interval(0.89, 0.87, 0.91).low
    0.87
    """

    value: float
    low: float
    high: float


def rate_interval(followed: Any, clip: Any, level: float = 0.95) -> Interval:
    """Return a following rate with its interval, as fractions.

    Wilson's interval at the effective sample size, Student's t for the normal quantile; the limit on the side of a
    rare outcome is never closer than the one-sided exact limit.

    Args:
        followed: (n,) booleans, one an item; unscored items dropped.
        clip: (n,) integers, the clip of each item.
        level: confidence level.

    Raises:
        ValueError: nothing to count, arrays that do not match, or a level outside (0, 1).

    Source: Wilson (1927); Korn & Graubard (1998), Survey Methodology 24, 193-201; Brown, Cai & DasGupta (2001),
    Statistical Science 16, section 4.1.1, for the modified limit.

    >>> value, low, high = rate_interval(np.arange(200) < 190, np.arange(200))
    >>> value, round(low, 3), round(high, 3)
    (0.95, 0.91, 0.973)
    """
    (counts,) = count_clips([(followed, clip)])
    return _first(rate_limits(counts, level), group=0)


def mean_rate_interval(groups: Sequence[Group], level: float = 0.95) -> Interval:
    """Return the unweighted mean of the groups' rates (IFrate, of three categories) with its interval.

    All as fractions.

    Raises:
        ValueError: no group, or what `rate_interval` raises for one of them.

    Source: score interval, see `speech_ifeval.metrics.combinations`.

    >>> closed, creative = np.arange(90) < 80, np.arange(40) < 36
    >>> value, low, high = mean_rate_interval([(closed, np.arange(90)), (creative, np.arange(40) + 50)])
    >>> round(value, 3), round(low, 2), round(high, 2)
    (0.894, 0.81, 0.94)
    """
    (counts,) = count_clips(groups)
    return _first(mean_limits(counts, level))


def points_interval(run_groups: Sequence[Group], ref_groups: Sequence[Group], level: float = 0.95) -> Interval:
    """Return IFrate of the run minus IFrate of the reference, as a fraction (0.01 is one point).

    Paired by clip: what the two share on a clip cancels. Their items need not be the same (some may be unscored).

    Raises:
        ValueError: the runs differ in the number of groups, or what `mean_rate_interval` raises.

    Source: score interval, see `speech_ifeval.metrics.combinations`; for two independent rates it is that of
    Miettinen & Nurminen (1985), Statistics in Medicine 4, 213-226, without their factor n / (n - 1).

    >>> clip = np.arange(100)
    >>> value, low, high = points_interval([(clip < 80, clip)], [(clip < 90, clip)])
    >>> round(value, 2), round(low, 2), round(high, 2)
    (-0.1, -0.17, -0.04)
    """
    run, ref = count_clips(run_groups, ref_groups)
    return _first(points_limits(run, ref, level))


def forgetting_interval(run_groups: Sequence[Group], ref_groups: Sequence[Group], level: float = 0.95) -> Interval:
    """Return the forgetting rate, IFrate of the run / IFrate of the reference - 1, as a fraction.

    Raises:
        ValueError: the reference follows no item, or what `points_interval` raises.

    Source: Fieller (1954), J. R. Statist. Soc. B 16, 175-185, with the score variance of `points_interval`.

    >>> clip = np.arange(100)
    >>> value, low, high = forgetting_interval([(clip < 80, clip)], [(clip < 90, clip)])
    >>> round(value, 2), round(low, 2), round(high, 2)
    (-0.11, -0.19, -0.04)
    """
    value, low, high = ratio_limits(combine([fit(c) for c in count_clips(run_groups, ref_groups)]), level)
    return _first((value - 1, low - 1, high - 1))


def rate_limits(counts: ClipCounts, level: float) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R, K), of every group's own rate."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    fitted = fit(counts)
    held = (counts.items > 0).sum(axis=1).astype(np.float64)
    t = student_t_quantile(
        (1 + level) / 2, satterthwaite(1 - 1 / fitted.deff, fitted.learned, held, fitted.spread**2)
    )
    low = _lower(fitted, fitted.rate, t, _ONE_SIDED * (1 - level))
    high = 1 - _lower(fitted, 1 - fitted.rate, t, _ONE_SIDED * (1 - level))
    return fitted.rate, np.minimum(low, fitted.rate), np.maximum(high, fitted.rate)


def mean_limits(counts: ClipCounts, level: float) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R,), of the mean of the groups' rates."""
    groups = len(counts.items)
    if groups == 1:  # the mean of one is that one, to the digit
        value, low, high = rate_limits(counts, level)
        return value[:, 0], low[:, 0], high[:, 0]
    return sum_limits(combine([fit(counts)]), np.full(groups, 1 / groups), level)


def points_limits(run: ClipCounts, ref: ClipCounts, level: float) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R,), of mean rate of `run` minus mean rate of `ref`."""
    weights = np.repeat([1.0, -1.0], len(run.items)) / len(run.items)
    return sum_limits(combine([fit(run), fit(ref)]), weights, level)


def _lower(fitted: GroupFit, rate: Floats, t: Floats, alpha: float) -> Floats:
    n = fitted.effective
    centre = (rate + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t / (1 + t**2 / n) * np.sqrt(rate * (1 - rate) / n + t**2 / (4 * n**2))
    low = np.maximum(centre - half, 0.0)
    # Wilson's limit for one or two rare outcomes is too near: its coverage falls to .84. The exact one-sided limit
    # is farther there, and nearer everywhere else, so the lower of the two needs no case distinction.
    count = rate * n
    for index in zip(*np.nonzero((count > 1e-9) & (count < _RARE)), strict=True):
        exact = beta_quantile(alpha, float(count[index]), float(n[index] - count[index] + 1))
        low[index] = min(low[index], exact)
    return np.where(count > 1e-9, low, 0.0)


def _first(limits: tuple[Floats, Floats, Floats], group: int | None = None) -> Interval:
    return Interval(*(float(part[0] if group is None else part[0, group]) for part in limits))
