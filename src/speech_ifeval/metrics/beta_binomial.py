"""Rates that differ between labels: the beta-binomial distribution, its fit, and rates shrunk towards their mean.

A label's own rate is drawn from a beta distribution around the mean, its items follow at that rate. What is known
is the correlation of two items of one label: 0 where all labels are alike, 1 where each follows always or never.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats

_AMOUNTS = 24  # of shrinking, that are averaged over
_MEANS = np.linspace(-2.5, 2.5, 9)  # that are averaged over, in standard errors of the mean
_POINTS = 601  # of a rate's distribution, on the logit
_REACH = 18.0  # logits to either side; a limit so far out is 0 or 1
_STEPS = 200
_GOLDEN = (math.sqrt(5) - 1) / 2
_LOG_GAMMA = np.vectorize(math.lgamma, otypes=[np.float64])


class Shrunken(NamedTuple):
    """Rates of labels, shrunk, with their intervals: each (L,).

    >>> Shrunken(np.array([0.8]), np.array([0.6]), np.array([0.9])).rate.tolist()
    [0.8]
    """

    rate: Floats
    low: Floats
    high: Floats


def log_likelihood(followed: Floats, items: Floats, mean: Floats | float, correlation: Floats) -> Floats:
    """Return the log-likelihood of each correlation, (R,), but for a constant.

    Args:
        followed: how many items of each label follow, (L,); need not be whole where `items` are effective ones.
        items: of each label, (L,).
        mean: over labels, strictly between 0 and 1; one, or one for each correlation, (R,).
        correlation: of two items of one label, (R,), each strictly between 0 and 1.

    Source: Griffiths (1973), Biometrics 29, 637-648.

    >>> all_or_none = np.array([5.0, 0.0, 5.0, 0.0]), np.full(4, 5.0)
    >>> low, high = log_likelihood(*all_or_none, 0.5, np.array([0.1, 0.9]))
    >>> bool(high > low)
    True
    """
    worth = (1 / correlation - 1)[:, None]  # prior items that the beta distribution is worth
    centre = np.broadcast_to(mean, correlation.shape)[:, None]
    a, b = centre * worth, (1 - centre) * worth
    terms = (
        _LOG_GAMMA(a + followed)
        + _LOG_GAMMA(b + items - followed)
        - _LOG_GAMMA(worth + items)
        + _LOG_GAMMA(worth)
        - _LOG_GAMMA(a)
        - _LOG_GAMMA(b)
    )
    result: Floats = terms.sum(axis=1)
    return result


def fit_correlation(followed: Floats, items: Floats, mean: float) -> float:
    """Return the correlation of largest likelihood, by golden section on its logit; 0 where none is better.

    Raises:
        ValueError: the mean is 0 or 1, where no label can differ.

    Source: as `log_likelihood`.

    >>> round(fit_correlation(np.array([5.0, 1.0, 4.0, 2.0]), np.full(4, 6.0), 0.5), 3)
    0.122
    """
    if not 0 < mean < 1:
        raise ValueError(f"the mean must lie strictly between 0 and 1, got {mean}")

    def of(logit: float) -> float:
        return float(log_likelihood(followed, items, mean, np.array([1 / (1 + math.exp(-logit))]))[0])

    low, high = -_REACH, _REACH
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = of(left), of(right)
    for _ in range(_STEPS):
        if high - low < 1e-9:
            break
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = of(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = of(right)
    best = (low + high) / 2
    return 0.0 if best < 1 - _REACH else 1 / (1 + math.exp(-best))


def shrunken(followed: Floats, items: Floats, mean: float, level: float = 0.95) -> Shrunken:
    """Return the labels' rates shrunk towards the mean as far as the labels' own spread says.

    Empirical Bayes, but for one thing: the correlation and the mean are not taken as known but averaged over by
    their likelihood, with as much belief beforehand in every amount of shrinking of a label of usual size. With 25
    labels of 5 items the best single correlation is often 0, and no label would then have an interval.

    Args:
        followed: how many items of each label follow, (L,).
        items: of each label, (L,), all above 0.
        mean: over labels as observed, strictly between 0 and 1.
        level: confidence level.

    Raises:
        ValueError: the mean is 0 or 1.

    Source: Christiansen & Morris (1997), JASA 92, 618-632, for the belief; Kass & Steffey (1989), JASA 84,
    717-726, for the averaging.

    >>> found = shrunken(np.array([5.0, 5.0, 4.0, 0.0]), np.full(4, 5.0), 0.7)
    >>> found.rate.round(2).tolist(), bool(found.high[3] < 0.7)
    ([0.95, 0.95, 0.78, 0.13], True)
    """
    if not 0 < mean < 1:
        raise ValueError(f"the mean must lie strictly between 0 and 1, got {mean}")
    centre, worth = (grid.ravel() for grid in np.meshgrid(_means(items, mean), _worths(items)))
    likelihood = log_likelihood(followed, items, centre, 1 / (1 + worth))
    weight = np.exp(likelihood - likelihood.max())
    weight /= weight.sum()
    a, b = centre * worth, (1 - centre) * worth
    rate = ((a[:, None] + followed) / (worth[:, None] + items) * weight[:, None]).sum(axis=0)
    logit = np.linspace(-_REACH, _REACH, _POINTS)
    log_rate, log_rest = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    limits = np.empty((len(items), 2))
    known: dict[tuple[float, float], int] = {}  # labels of the same counts have the same interval
    for at, (hits, n) in enumerate(zip(followed.tolist(), items.tolist(), strict=True)):
        if (same := known.setdefault((hits, n), at)) < at:
            limits[at] = limits[same]
            continue
        density = (a + hits)[:, None] * log_rate + (b + n - hits)[:, None] * log_rest
        density = np.exp(density - density.max(axis=1, keepdims=True))
        mixed = weight @ (density / density.sum(axis=1, keepdims=True))
        limits[at] = np.interp(tails, np.cumsum(mixed) - mixed / 2, logit)
    edge = _REACH - 2.0
    chances = np.where(limits > edge, 1.0, np.where(limits < -edge, 0.0, 1 / (1 + np.exp(-limits))))
    return Shrunken(rate, np.minimum(chances[:, 0], rate), np.maximum(chances[:, 1], rate))


def _worths(items: Floats) -> Floats:
    """Return how many items the mean is worth beside a label's own, an equal step of shrinking apart."""
    shrink = (np.arange(_AMOUNTS) + 0.5) / _AMOUNTS
    worths: Floats = float(np.median(items)) * shrink / (1 - shrink)
    return worths


def _means(items: Floats, mean: float) -> Floats:
    """Return means around the observed one, as far as it would be unsure were the correlation a half."""
    error = math.sqrt((1 + float(np.mean(items))) / 2 / (float(items.sum()) * mean * (1 - mean)))
    means: Floats = 1 / (1 + np.exp(-(math.log(mean / (1 - mean)) + error * _MEANS)))
    return means
