"""A ratio of sums, such as errors over words: its interval by resampling clusters, its test by swapping sides."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats
from speech_ifeval.metrics.quantiles import student_t_quantile

RESAMPLES = 2000
SWAPS = 9999
_AT_ONCE = 1 << 18  # signs; each takes 17 bytes while they are multiplied
_ROWS = 100
_NORMAL = NormalDist()


class Ratio(NamedTuple):
    """A ratio of sums with its interval; None where the clusters do not tell: fewer than two, or all alike.

    >>> Ratio(0.25, None, None).value
    0.25
    """

    value: float
    low: float | None
    high: float | None


def resampled(clusters: int, seed: int, resamples: int = RESAMPLES) -> Floats:
    """Return how often each cluster is drawn, (resamples, clusters): each row draws as many as there are.

    >>> resampled(3, seed=0, resamples=4).sum(axis=1).tolist()
    [3.0, 3.0, 3.0, 3.0]
    """
    rng, equal = np.random.default_rng(seed), np.full(clusters, 1 / clusters)
    drawn = np.empty((resamples, clusters))
    for start in range(0, resamples, _ROWS):  # the counts come as whole numbers, which take as much room again
        drawn[start : start + _ROWS] = rng.multinomial(clusters, equal, size=min(_ROWS, resamples - start))
    return drawn


def ratio_interval(top: Floats, bottom: Floats, draws: Floats, level: float = 0.95) -> Ratio:
    """Return sum(top) / sum(bottom) with its bias-corrected and accelerated bootstrap interval.

    A cluster's top and bottom are drawn together, so that long and short ones keep their weight. The normal
    quantile is widened to Student's t and by √(C / (C - 1)), without which few clusters make it too narrow.

    Args:
        top, bottom: sums of each cluster, (C,); the sum of `bottom` must be positive.
        draws: as `resampled` returns them, (B, C).
        level: confidence level.

    Raises:
        ValueError: nothing to divide by.

    Source: Efron (1987), JASA 82, 171-185; Hesterberg (2015), The American Statistician 69, 371-386, for the
    widening; Bisani & Ney (2004), ICASSP, for the word error rate.

    >>> errors, words = np.tile([0.0, 1.0, 2.0, 6.0], 10), np.tile([8.0, 10.0, 9.0, 12.0], 10)
    >>> value, low, high = ratio_interval(errors, words, resampled(40, seed=0))
    >>> round(value, 3), round(low, 2), round(high, 2)
    (0.231, 0.17, 0.3)
    """
    if not bottom.sum() > 0:
        raise ValueError("a ratio to nothing is undefined")
    clusters, value = len(top), float(top.sum() / bottom.sum())
    rest = top - value * bottom  # what each cluster adds to the error of the ratio
    if clusters < 2 or np.abs(rest).max() <= 1e-9 * max(np.abs(top).max(), 1.0):
        return Ratio(value, None, None)
    drawn_bottom = draws @ bottom
    # A draw of clusters without a word has no ratio; it is as good as any other to leave out.
    ratios = (draws @ top)[drawn_bottom > 0] / drawn_bottom[drawn_bottom > 0]
    bias = _z(_share_below(ratios, value), len(ratios))
    skew = float((rest**3).sum() / (6 * (rest**2).sum() ** 1.5))
    widening = np.sqrt(clusters / (clusters - 1))
    t = widening * float(student_t_quantile((1 + level) / 2, np.array([clusters - 1.0]))[0])
    low, high = np.quantile(ratios, [_corrected(bias, skew, -t), _corrected(bias, skew, t)])
    return Ratio(value, min(float(low), value), max(float(high), value))


def _share_below(ratios: Floats, value: float) -> float:
    """Return the share of ratios below a value, those that equal it counted half."""
    nearly = 1e-12 * max(abs(value), 1.0)
    below, above = np.mean(ratios < value - nearly), np.mean(ratios > value + nearly)
    return float(below + (1 - below - above) / 2)


def _z(share: float, n: int) -> float:
    # No more is known of a share than that it lies within one draw of 0 or 1.
    return _NORMAL.inv_cdf(min(max(share, 1 / (n + 1)), n / (n + 1)))


def _corrected(bias: float, skew: float, z: float) -> float:
    """Return which share of the resamples ends the interval, where a normal one would end at `z`."""
    moved = bias + z
    return _NORMAL.cdf(bias + moved / max(1 - skew * moved, 0.05))


def swap_test(changes: Floats, seed: int, swaps: int = SWAPS) -> float:
    """Return the two-sided p-value that the two sides of a cluster could as well be swapped.

    Approximate randomisation: each cluster's change keeps its size and takes either sign by chance. Few clusters
    that change at all cannot give a small p-value, as in McNemar's test, which this is for one outcome a cluster.

    Args:
        changes: what one side has more than the other, a sum for each cluster, (C,).
        seed: of the swaps; the observed signs are one of them, so p is at least 1 / (swaps + 1).
        swaps: how many are drawn.

    Source: Noreen (1989), Computer Intensive Methods for Testing Hypotheses; Riezler & Maxwell (2005), ACL
    workshop on evaluation measures, who find the bootstrap to reject too often.

    >>> round(swap_test(np.array([3.0, 1.0, 2.0, 0.0, 4.0]), seed=0), 2)  # 2 of 16 ways of signs
    0.12
    """
    moved = changes[changes != 0]
    if not len(moved):
        return 1.0
    rng = np.random.default_rng(seed)
    rows = max(
        4, _AT_ONCE // len(moved) // 4 * 4
    )  # signs come out of four bytes at a time: the same as all at once
    as_far = 0
    for start in range(0, swaps, rows):
        signs = rng.integers(0, 2, size=(min(rows, swaps - start), len(moved)), dtype=np.int8)
        drawn = np.abs((2.0 * signs - 1.0) @ moved)
        as_far += int((drawn >= abs(moved.sum()) * (1 - 1e-12) - 1e-12).sum())
    return (1 + as_far) / (swaps + 1)


def paired_change(more: Any, words: Any, cluster: Any, seed: int, level: float = 0.95) -> tuple[Ratio, float]:
    """Return what twins gain in errors over the words of their references, with its interval, and its p-value.

    Twins have one reference, so the difference of their rates is that of their errors over its words.

    Args:
        more: errors on one side minus those on the other, (n,).
        words: of the references, (n,).
        cluster: which cluster each belongs to, (n,), integers from 0.
        seed: of the resamples and of the swaps.
        level: confidence level.

    Raises:
        ValueError: there is no word.

    Source: `ratio_interval`, `swap_test`.

    >>> change, p = paired_change([0, 1, 2, 6] * 10, [10] * 40, np.arange(40), seed=0)
    >>> round(change.value, 3), p < 0.001
    (0.225, True)
    """
    top, bottom = (np.bincount(cluster, weights=column).astype(np.float64) for column in (more, words))
    return ratio_interval(top, bottom, resampled(len(top), seed), level), swap_test(top, seed)
