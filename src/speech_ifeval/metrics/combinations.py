"""Score intervals for a weighted sum of rates, and for a ratio of two, whose items share clips.

The idea of Wilson (1927) carried to several rates: a value is inside the interval when the estimate is not too far
from it, measured by the standard error *at that value*: at the rates nearest to the observed ones (constrained
maximum likelihood, as Miettinen & Nurminen 1985 do for two rates) that would produce the value. Clips enter by the
effective sample size of each rate (Korn & Graubard 1998) and by the correlations between the rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import PRIOR_PAIRS_ACROSS, Floats, GroupFit, correlations, satterthwaite
from speech_ifeval.metrics.quantiles import student_t_quantile

_HALVINGS = 40
_NEWTON_STEPS = 60
_ILLINOIS_STEPS = 40
_OBSERVED_SHARE = 0.8  # of the observed variance; all of it would let its noise widen ordinary intervals
_MOST_INFLATION = 100.0
_ROUNDING = 1e-12
_LOG_REACH = 14.0  # the multiplier is searched over e^-14 .. e^14 times its natural size


class Combination(NamedTuple):
    """Rates of one or several runs side by side: M groups in all.

    Attributes:
        rate: (R, M).
        effective: effective sample sizes, (R, M).
        correlation: between the rates, (R, M, M).
        spread: standard deviation of one outcome, (R, M).
        total: items, (M,), or (R, M) where it differs.
        known: information on the correlation across groups, (R,).
        clips: number of clips, or (R,) where it differs.
        observed: covariance of the rates as the clips show it, unshrunk, (R, M, M).
    """

    rate: Floats
    effective: Floats
    correlation: Floats
    spread: Floats
    total: Floats
    known: Floats
    clips: int | Floats
    observed: Floats

    def value(self, weights: Floats) -> Floats:
        """Return the weighted sum of the rates, (R,); a rest of rounding is none, so equal runs differ by 0."""
        result: Floats = (self.rate * weights).sum(axis=1)
        return np.where(np.abs(result) < _ROUNDING, 0.0, result)

    def variance(self, rate: Floats, weights: Floats) -> Floats:
        """Return the variance of the weighted sum, (R,), were the true rates `rate`."""
        error = np.sqrt(rate * (1 - rate) / self.effective) * weights
        result: Floats = np.maximum((error * (self.correlation @ error[..., None])[..., 0]).sum(axis=1), 0)
        return result

    def believed(self, weights: Floats) -> Floats:
        """Return the variance of the weighted sum, (R,), at the observed rates, kept above zero by `spread`."""
        error = self.spread / np.sqrt(self.effective) * weights
        result: Floats = (error * (self.correlation @ error[..., None])[..., 0]).sum(axis=1)
        return result

    def inflation(self, weights: Floats) -> Floats:
        """Return the factor, (R,), at least 1, that keeps the variance from falling far below the observed one.

        Two runs that agree on nearly every item have a difference whose variance is a small rest of large terms,
        and what shrinking does to those terms can leave too little of it.
        """
        w = np.broadcast_to(weights, self.rate.shape)
        observed = (w * (self.observed @ w[..., None])[..., 0]).sum(axis=1)
        result: Floats = np.clip(
            _OBSERVED_SHARE * observed / np.maximum(self.believed(weights), 1e-300), 1, _MOST_INFLATION
        )
        return result


def combine(fits: Sequence[GroupFit]) -> Combination:
    """Put the groups of several runs side by side, with the correlations their shared clips give them."""
    groups, clips = fits[0].items.shape
    error = np.concatenate([f.residual / f.total[:, None] for f in fits], axis=1)
    observed = error @ np.swapaxes(error, 1, 2) * (clips / max(clips - 1, 1))
    correlation, known = np.empty_like(observed), []
    for i, a in enumerate(fits):
        for j, b in enumerate(fits[: i + 1]):
            rows, columns = slice(i * groups, (i + 1) * groups), slice(j * groups, (j + 1) * groups)
            block, pairs = correlations(a, b, observed[:, rows, columns], same=i == j)
            correlation[:, rows, columns] = block
            correlation[:, columns, rows] = np.swapaxes(block, 1, 2)
            if i == j:
                known.append(pairs)
    return Combination(
        np.concatenate([f.rate for f in fits], axis=1),
        np.concatenate([f.effective for f in fits], axis=1),
        correlation,
        np.concatenate([f.spread for f in fits], axis=1),
        np.concatenate([f.total for f in fits]),
        np.mean(known, axis=0),
        clips,
        observed,
    )


def stacked(sums: Sequence[Combination]) -> Combination:
    """Put combinations of as many groups each below each other along R, to be computed with at once."""
    return Combination(
        rate=np.concatenate([one.rate for one in sums]),
        effective=np.concatenate([one.effective for one in sums]),
        correlation=np.concatenate([one.correlation for one in sums]),
        spread=np.concatenate([one.spread for one in sums]),
        total=np.concatenate([np.broadcast_to(one.total, one.rate.shape) for one in sums]),
        known=np.concatenate([one.known for one in sums]),
        clips=np.concatenate([np.broadcast_to(one.clips, one.known.shape) for one in sums]).astype(np.float64),
        observed=np.concatenate([one.observed for one in sums]),
    )


def degrees_of_freedom(sums: Combination, weights: Floats) -> Floats:
    """Return the degrees of freedom, (R,), of the weighted sum's standard error; see `satterthwaite`."""
    per_item = weights**2 / sums.total
    independent = (per_item * sums.spread**2).sum(axis=1)
    share = 1 - independent / np.maximum(sums.believed(weights), 1e-12 * independent)
    learned = sums.known / (sums.known + PRIOR_PAIRS_ACROSS)
    return satterthwaite(share, learned, sums.clips, independent / per_item.sum(axis=-1))


def critical_value(sums: Combination, weights: Floats, level: float) -> Floats:
    """Return the quantile of Student's t, (R,), that the standard error is multiplied by."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    return student_t_quantile((1 + level) / 2, degrees_of_freedom(sums, weights))


def _constrained(sums: Combination, weights: Floats, multiplier: Floats) -> Floats:
    """Return rates q with n (p - q) = multiplier * weight * q (1 - q): the likelihood's, constrained."""
    n, pull = sums.effective, multiplier[:, None] * weights
    b = pull + n
    root = np.sqrt(np.maximum(b * b - 4 * pull * n * sums.rate, 0))
    # Two forms of one root, each free of cancellation where it is used.
    up = b >= 0
    q = np.where(
        up,
        2 * n * sums.rate / np.where(up, np.maximum(b + root, 1e-300), 1.0),
        (b - root) / np.where(up, 1.0, 2 * pull),
    )
    return np.clip(q, 0, 1)


def _edge(sums: Combination, weights: Floats, side: float, t: Floats) -> Floats:
    """Return the rates at the edge of the interval, pulling the sum down (side -1) or up (+1); by bisection."""
    value, size = sums.value(weights), _natural_size(sums, weights)
    low, high = np.full_like(value, -_LOG_REACH), np.full_like(value, _LOG_REACH)
    t = t * np.sqrt(sums.inflation(weights))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rate = _constrained(sums, weights, -side * np.exp(size + middle))
        distance = (rate * weights).sum(axis=1) - value
        inside = distance**2 <= t**2 * sums.variance(rate, weights)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return _constrained(sums, weights, -side * np.exp(size + (low + high) / 2))


def _rates_at(sums: Combination, weights: Floats, null: float) -> Floats:
    """Return the constrained rates whose weighted sum is `null`; by Newton's method kept in a bracket."""
    value, size = sums.value(weights), np.exp(_natural_size(sums, weights))
    side = np.where(value > null, 1.0, -1.0)
    low, high = size * np.exp(-_LOG_REACH), size * np.exp(_LOG_REACH)
    slope = (weights**2 * sums.rate * (1 - sums.rate) / sums.effective).sum(axis=1)
    pull = np.clip(np.abs(value - null) / np.maximum(slope, 1e-12), low, high)
    for _ in range(_NEWTON_STEPS):
        rate = _constrained(sums, weights, side * pull)
        beyond = side * ((rate * weights).sum(axis=1) - null)  # falls as the pull grows
        low, high = np.where(beyond > 0, pull, low), np.where(beyond > 0, high, pull)
        # How fast the sum falls: minus the derivative of each rate by the pull, from the equation it solves.
        stiffness = sums.effective + (side * pull)[:, None] * weights * (1 - 2 * rate)
        slope = (weights**2 * rate * (1 - rate) / np.maximum(stiffness, 1e-12)).sum(axis=1)
        new = pull + beyond / np.maximum(slope, 1e-300)
        new = np.where((new > low) & (new < high), new, np.sqrt(low * high))
        if (np.abs(new - pull) <= 1e-10 * pull).all():
            break
        pull = new
    return _constrained(sums, weights, side * pull)


def _natural_size(sums: Combination, weights: Floats) -> Floats:
    """Return the logarithm, (R,), of the multiplier at which the constraint starts to move the rates."""
    result: Floats = np.log((sums.effective / np.maximum(np.abs(weights), 1e-12)).min(axis=1))
    return result


def sum_limits(sums: Combination, weights: Floats, level: float) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R,), of the weighted sum of rates."""
    value, t = sums.value(weights), critical_value(sums, weights, level)
    low, high = ((_edge(sums, weights, side, t) * weights).sum(axis=1) for side in (-1.0, 1.0))
    return value, np.minimum(low, value), np.maximum(high, value)


def excess(sums: Combination, weights: Floats, null: float, t: Floats | float) -> tuple[Floats, Floats]:
    """Return distance² - t² variance, (R,), at the rates whose weighted sum is `null`, and distance / error.

    Positive where `null` lies outside the interval of critical value t. The second is the signed statistic.
    """
    value = sums.value(weights)
    rate = _rates_at(sums, weights, null)
    distance = value - null
    distance = np.where(np.abs(distance) < _ROUNDING, 0.0, distance)
    variance = sums.variance(rate, weights) * sums.inflation(weights)
    infinite = np.where(distance == 0, 0.0, np.copysign(np.inf, distance))
    error = np.sqrt(variance)
    statistic = np.divide(distance, error, out=infinite, where=error > 0)
    return distance**2 - np.square(t) * variance, statistic


def ratio_weights(angle: Floats, groups: int) -> Floats:
    """Return weights (R, 2 groups) whose sum is zero where mean rate 1 / mean rate 2 is tan(angle)."""
    parts = np.stack([np.cos(angle), -np.sin(angle)], axis=1) / groups
    result: Floats = np.repeat(parts, groups, axis=1)
    return result


def ratio_limits(sums: Combination, level: float) -> tuple[Floats, Floats, Floats]:
    """Return value, low and high, each (R,), of (mean of the first half's rates) / (mean of the second half's).

    A ratio ρ is inside when 0 is inside the interval of mean 1 - ρ mean 2 (Fieller 1954). The angle whose tangent
    is the ratio is searched, so that neither a mean of 0 nor a high ratio is a special case. The second mean must
    not be 0. Illinois method: false position that halves the weight of an end kept twice.
    """
    groups = sums.rate.shape[1] // 2
    first, second = sums.rate[:, :groups].mean(axis=1), sums.rate[:, groups:].mean(axis=1)
    if not (second > 0).all():
        raise ValueError("the reference follows no item: a rate relative to it is undefined")
    centre = np.arctan2(first, second)
    t = critical_value(sums, ratio_weights(centre, groups), level)
    low, high = (_ratio_edge(sums, centre, far, t) for far in (0.0, np.pi / 2))
    value = first / second
    return value, np.minimum(np.tan(low), value), np.maximum(np.tan(high), value)


def _ratio_edge(sums: Combination, centre: Floats, far: float, t: Floats) -> Floats:
    """Return the angle, (R,), between `centre` and `far` where the interval ends."""
    groups = sums.rate.shape[1] // 2

    def outside(angle: Floats) -> Floats:
        return excess(sums, ratio_weights(angle, groups), 0.0, t)[0]

    # Steps that double find a bracket near the centre; over the whole range false position would crawl.
    inner, outer, step = centre, centre, 0.02
    f_inner = f_outer = np.full_like(centre, -1e-300)
    while step < 4 and not (f_outer > 0).all():
        ahead = np.where(centre < far, np.minimum(centre + step, far), np.maximum(centre - step, far))
        grow = f_outer <= 0
        value = outside(np.where(grow, ahead, outer))
        inner, f_inner = np.where(grow, outer, inner), np.where(grow, f_outer, f_inner)
        outer, f_outer = np.where(grow, ahead, outer), np.where(grow, value, f_outer)
        step *= 2
    reached = f_outer > 0  # otherwise the interval goes all the way
    last = np.zeros_like(centre)
    for turn in range(_ILLINOIS_STEPS):
        if not reached.any() or (np.abs(outer - inner)[reached] < 1e-9).all():
            break
        position = (inner * f_outer - outer * f_inner) / np.where(reached, f_outer - f_inner, 1.0)
        middle = np.where(reached, (inner + outer) / 2 if turn % 4 == 3 else position, far)
        value = outside(middle)
        inside = value <= 0
        f_outer = np.where(inside, np.where(last > 0, f_outer / 2, f_outer), value)
        f_inner = np.where(inside, value, np.where(last < 0, f_inner / 2, f_inner))
        inner, outer = np.where(inside, middle, inner), np.where(inside, outer, middle)
        last = np.where(inside, 1.0, -1.0)
    return np.where(reached, outer, far)
