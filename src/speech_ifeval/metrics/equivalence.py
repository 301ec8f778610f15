"""Is a change small enough to be none? Score interval of a mean paired change, two one-sided tests, their power.

A paired change of a binary outcome is -1, 0 or +1, and its mean the difference of two rates: the interval is that
of Tango (1998), with the design effect of items that share clips. The change of one system less that of another
lies between -2 and +2; the same score statistic, over five values in the place of three, gives its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import PSEUDO_COUNT, Floats, design_effect, satterthwaite
from speech_ifeval.metrics.paired import two_sided
from speech_ifeval.metrics.quantiles import student_t_cdf, student_t_quantile

ALPHA = 0.05  # of each of the two one-sided tests
POWER = 0.8
DRAWS = 1000
_HALVINGS = 50
_ROUNDING = 1e-12


class Changes(NamedTuple):
    """Changes as counts of independent ones, R replications of V values.

    Attributes:
        values: what a change can be, ascending, (V,).
        counts: how many independent changes of each value the data are worth, (R, V): items over design effect.
        df: degrees of freedom, (R,).
        items: how many items there are.
    """

    values: Floats
    counts: Floats
    df: Floats
    items: int

    @property
    def mean(self) -> Floats:
        """The mean change, (R,); a rest of rounding is none."""
        result: Floats = self.counts @ self.values / self.counts.sum(axis=1)
        return np.where(np.abs(result) < _ROUNDING, 0.0, result)


class Equivalent(NamedTuple):
    """What is known of a mean change, as fractions (0.01 is one point).

    Attributes:
        n: items.
        value, low, high: the mean change with its interval.
        p: two-sided p-value that it is 0.
        p_equivalent: that it is as large as the margin, of the two one-sided tests the larger.
        power: how often so many items show the margin where the true change is 0 and items change as often.
        least_margin: the smallest margin that they show with a power of .8.

    >>> Equivalent(160, 0.0, -0.02, 0.02, 1.0, 0.001, 0.98, 0.03).n
    160
    """

    n: int
    value: float
    low: float
    high: float
    p: float
    p_equivalent: float
    power: float
    least_margin: float


def equivalent(
    change: Any, clusters: Sequence[Any], margin: float, *, most: int = 1, seed: int = 0, level: float = 0.95
) -> Equivalent:
    """Return the mean change with its interval, and how sure it is that it lies within the margin.

    Args:
        change: of each item, (n,), whole numbers from -`most` to `most`.
        clusters: one or two labellings of the items, each (n,): items of one label are not independent, such as
            those of one clip. Two are those that belong together in two ways.
        margin: what counts as no change, a fraction above 0.
        most: the largest change of one item: 1 of an outcome, 2 of the difference of two changes.
        seed: of the samples that the power is found with.
        level: confidence level of the interval.

    Raises:
        ValueError: nothing to count, a change beyond `most`, or a margin that is none.

    Source: Tango (1998), Statistics in Medicine 17, 891-908; Schuirmann (1987), Journal of Pharmacokinetics and
    Biopharmaceutics 15, 657-680, for the two tests; clips as in `speech_ifeval.metrics.clips`.

    >>> change = np.repeat([-1, 0, 1], [8, 146, 6])
    >>> found = equivalent(change, [np.arange(160)], margin=0.1)
    >>> [round(x, 3) for x in (found.value, found.low, found.high)], found.p_equivalent < 0.05, found.power > 0.95
    ([-0.013, -0.064, 0.037], True, True)
    """
    if not 0 < margin < most:
        raise ValueError(f"a margin lies between 0 and {most}, got {margin}")
    values = np.arange(-most, most + 1, dtype=np.float64)
    found = changes(values, [tally(change, cluster, values) for cluster in clusters])
    value, low, high = (float(part[0]) for part in change_limits(found, level))
    null = statistic(found, np.zeros(1))[0]
    reach = reaches(found, seed)
    return Equivalent(
        n=found.items,
        value=value,
        low=low,
        high=high,
        p=two_sided(float(null), float(found.df[0])),
        p_equivalent=float(p_equivalent(found, margin)[0]),
        power=float((reach < margin).mean()),
        least_margin=float(np.quantile(reach, POWER)),
    )


def tally(change: Any, cluster: Any, values: Floats) -> Floats:
    """Count the changes of each cluster by their value, (1, C, V).

    Raises:
        ValueError: nothing to count, arrays that do not match, or a change that is none of the values.

    >>> tally([-1, 0, 0], ["a", "a", "b"], np.array([-1.0, 0.0, 1.0])).tolist()
    [[[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    found, label = np.asarray(change), np.asarray(cluster)
    if found.ndim != 1 or found.shape != label.shape or not found.size:
        raise ValueError(
            f"expected changes and their clusters, one each and at least one, got shapes {found.shape} and "
            f"{label.shape}"
        )
    place = np.searchsorted(values, found)
    if not (place < len(values)).all() or not (values[place] == found).all():
        raise ValueError(f"changes must be among {values.tolist()}, got {sorted(set(found.tolist()))}")
    _, index = np.unique(label, return_inverse=True)
    counts = np.zeros((1, index.max() + 1, len(values)))
    np.add.at(counts[0], (index.ravel(), place), 1.0)
    return counts


def changes(values: Floats, tallies: Sequence[Floats]) -> Changes:
    """Return the changes as counts of independent ones.

    The design effect is that of `speech_ifeval.metrics.clips.design_effect`. Of two labellings the excess over 1
    adds up: items that share both count twice, which errs on the wide side.

    Args:
        values: what a change can be, (V,).
        tallies: one or two of the same items, as `tally` returns them, (R, C, V).

    Source: Kish (1965), Survey Sampling; Cameron, Gelbach & Miller (2011), Journal of Business & Economic
    Statistics 29, 238-249, for two labellings.

    >>> alike = np.repeat(np.array([[4.0, 0, 0], [0, 4, 0], [0, 0, 4]]), [10, 80, 10], axis=0)[None]
    >>> found = changes(np.array([-1.0, 0.0, 1.0]), [alike])
    >>> found.items, float(found.counts.sum().round())  # four equal changes to a clip are nearly one change
    (400, 105.0)
    """
    plain = tallies[0].sum(axis=1)
    total = plain.sum(axis=1)
    mean = plain @ values / total
    variance = (plain * (values - mean[:, None]) ** 2).sum(axis=1) / total
    floor = variance + PSEUDO_COUNT / total
    excess = np.zeros_like(total)
    df = np.full_like(total, np.inf)
    for counts in tallies:
        items = counts.sum(axis=2)
        residual = counts @ values - mean[:, None] * items
        deff, learned = np.ones_like(total), np.ones_like(total)
        for sizes in np.unique(items, axis=0):  # replications of one design go together
            same = (items == sizes).all(axis=1)
            parts = design_effect(
                residual[same][:, None], sizes[None], variance[same][:, None], floor[same][:, None]
            )
            deff[same], learned[same] = (part[:, 0] for part in parts)
        held = (items > 0).sum(axis=1).astype(np.float64)
        df = np.minimum(df, satterthwaite(1 - 1 / deff, learned, held, np.minimum(floor, 1.0)))
        excess += deff - 1
    return Changes(values, plain / (1 + excess)[:, None], df, int(total[0]))


def statistic(found: Changes, null: Floats) -> Floats:
    """Return the score statistic, (R,): mean less `null`, over the standard error were `null` true.

    >>> values = np.array([-1.0, 0.0, 1.0])
    >>> one = changes(values, [tally(np.repeat([-1, 0, 1], [7, 13, 1]), np.arange(21), values)])
    >>> round(float(statistic(one, np.zeros(1))[0] ** 2), 2)  # at 0 it is McNemar's
    4.5
    """
    distance = found.mean - null
    distance = np.where(np.abs(distance) < _ROUNDING, 0.0, distance)
    error = np.sqrt(_variance(found.counts, found.values, null) / found.counts.sum(axis=1))
    infinite = np.where(distance == 0, 0.0, np.copysign(np.inf, distance))
    result: Floats = np.divide(distance, error, out=infinite, where=error > 0)
    return result


def _variance(counts: Floats, values: Floats, null: Floats) -> Floats:
    """Return the variance of one change, (R,), at the likeliest shares of the values whose mean is `null`.

    The shares are counts / (total + multiplier x (value - null)) with the multiplier that makes the mean right;
    what no multiplier can reach goes to the outermost value on that side, seen or not.
    """
    inner = values[-1] - _ROUNDING  # a mean at the very end leaves no choice of shares
    away = values - np.clip(null, -inner, inner)[:, None]
    total = counts.sum(axis=1)
    low, high = -total / away[:, -1], -total / away[:, 0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rising = (counts * away / (total + middle * away.T).T).sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    multiplier = (low + high) / 2
    share = counts / (total + multiplier * away.T).T
    rest = np.maximum(1 - share.sum(axis=1), 0.0)
    outermost = np.where(multiplier < 0, away[:, -1], away[:, 0])
    result: Floats = (share * away**2).sum(axis=1) + rest * outermost**2
    return result


def change_limits(found: Changes, level: float) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R,), of the mean change.

    Raises:
        ValueError: a level outside (0, 1).

    >>> values = np.array([-1.0, 0.0, 1.0])
    >>> one = changes(values, [tally(np.repeat([-1, 0, 1], [8, 62, 16]), np.arange(86), values)])
    >>> [round(float(limit[0]), 3) for limit in change_limits(one, 0.95)]
    [0.093, -0.021, 0.209]
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    return limits_at(found, student_t_quantile((1 + level) / 2, found.df))


def limits_at(found: Changes, t: Floats) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R,), at critical values `t`, (R,); by bisection on both sides at once."""
    value, most = found.mean, found.values[-1]
    both = Changes(found.values, np.tile(found.counts, (2, 1)), np.tile(found.df, 2), found.items)
    inner, outer = np.tile(value, 2), np.repeat([-most, most], len(value))
    t = np.tile(t, 2)
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        inside = np.abs(statistic(both, middle)) <= t
        inner, outer = np.where(inside, middle, inner), np.where(inside, outer, middle)
    low, high = np.split(inner, 2)
    return value, np.minimum(low, value), np.maximum(high, value)


def p_equivalent(found: Changes, margin: float) -> Floats:
    """Return the larger p-value, (R,), of the two one-sided tests that the mean is beyond the margin."""
    above = statistic(found, np.full(len(found.df), -margin))
    below = statistic(found, np.full(len(found.df), margin))
    worst = np.minimum(above, -below)
    return np.array([_upper(float(t), float(df)) for t, df in zip(worst, found.df, strict=True)])


def _upper(statistic: float, df: float) -> float:
    return float(statistic < 0) if np.isinf(statistic) else student_t_cdf(-statistic, df)


def reaches(found: Changes, seed: int, draws: int = DRAWS) -> Floats:
    """Return how large a change samples like this one do not rule out, were there none in truth, (draws,).

    Samples are drawn in which an item changes as often as it does here, in either direction alike. Half a change
    is added: changes that are not in the sample are not impossible. A margin is shown by the samples that reach
    less far. Of the one run (R = 1).
    """
    counts = found.counts[0]
    chances = (counts + counts[::-1]) / 2
    middle = len(chances) // 2
    chances[[middle - 1, middle + 1]] += 0.25
    size = max(round(float(counts.sum())), 1)
    drawn = np.random.default_rng(seed).multinomial(size, chances / chances.sum(), size=draws)
    kinds, times = np.unique(drawn, axis=0, return_counts=True)
    samples = Changes(found.values, kinds.astype(np.float64), np.repeat(found.df, len(kinds)), found.items)
    _, low, high = change_limits(samples, 1 - 2 * ALPHA)
    return np.repeat(np.maximum(-low, high), times)
