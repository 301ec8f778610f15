"""From items to clips: the counts every interval is computed from, and how alike the items of a clip are.

Arrays carry a leading axis of replications, so that a simulation of thousands of runs and the one run of a user
go through the same code: R replications, K groups (categories) of items, C clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Group = tuple[NDArray[np.bool_], NDArray[Any]]

# What is believed of the correlation between two outcomes in one clip before any data, and how many informative
# pairs of items that belief is worth. With two failures in forty clips the data say nothing about correlation;
# without a prior the interval would then be that of independent items. Chosen by simulation (docs/statistics.md).
PRIOR_CORRELATION = 0.1
PRIOR_PAIRS = 30.0
PRIOR_PAIRS_ACROSS = 10.0  # between categories of one run, all pairs of categories pooled
PAIRS_TO_LEAVE_POOL = 100.0  # before one pair of categories goes its own way
PRIOR_PAIRS_BETWEEN_RUNS = 3.0  # two runs on the same items may agree almost perfectly, so the data soon win
CLUSTERED_EXCESS = 0.15  # failures that come in clumps make pairs less informative, the more so the rarer they are
LEAST_DF = 10.0  # by Satterthwaite; fewer clips than this have fewer
PSEUDO_COUNT = 0.1  # keeps a spread above zero where every item agrees


class ClipCounts(NamedTuple):
    """Items (K, C) per group and clip, and how many of them follow, (R, K, C)."""

    items: Ints
    followed: Ints


class GroupFit(NamedTuple):
    """What one run says: each array (R, K) unless stated.

    Attributes:
        rate: share followed.
        spread: standard deviation of one outcome, kept above zero.
        deff: design effect, the variance of `rate` over that of as many independent items; at least 1.
        learned: share of the data, against the prior, in what is believed of the correlation.
        total: items per group, (K,).
        residual: followed minus expected per clip, (R, K, C).
        items: items per group and clip, (K, C).
    """

    rate: Floats
    spread: Floats
    deff: Floats
    learned: Floats
    total: Floats
    residual: Floats
    items: Floats

    @property
    def effective(self) -> Floats:
        """Effective sample size (R, K): items over design effect."""
        return self.total / self.deff


def check_group(followed: Any, clip: Any) -> Group:
    """Return the two arrays of a group, or raise ValueError saying what is wrong with them.

    >>> check_group([True, False], [0])
    Traceback (most recent call last):
    ...
    ValueError: followed and clip must be one-dimensional and of one length, got shapes (2,) and (1,)
    """
    outcome, index = np.asarray(followed), np.asarray(clip)
    if outcome.ndim != 1 or outcome.shape != index.shape:
        raise ValueError(
            "followed and clip must be one-dimensional and of one length, "
            f"got shapes {outcome.shape} and {index.shape}"
        )
    if outcome.size == 0:
        raise ValueError("no scored item: a rate of nothing has no value")
    if outcome.dtype != np.bool_:
        raise ValueError(f"followed must be boolean (drop unscored items first), got dtype {outcome.dtype}")
    return outcome, index


def count_clips(*runs: Sequence[Group]) -> tuple[ClipCounts, ...]:
    """Count items per clip for runs on the same clips; a clip's label only has to be the same in all of them.

    >>> run = [(np.array([True, True, False]), np.array([7, 7, 9]))]
    >>> count_clips(run)[0].items.tolist(), count_clips(run)[0].followed.tolist()
    ([[2, 1]], [[[2, 0]]])
    """
    checked = [[check_group(*group) for group in run] for run in runs]
    if not all(checked):
        raise ValueError("a run needs at least one group of items")
    if len({len(run) for run in checked}) > 1:
        raise ValueError(f"runs must have the same groups, got {[len(run) for run in checked]} groups")
    labels = [clip for run in checked for _, clip in run]
    unique, flat = np.unique(np.concatenate(labels), return_inverse=True)
    parts = iter(np.split(flat.ravel(), np.cumsum([len(clip) for clip in labels])[:-1]))
    counts = []
    for run in checked:
        items = np.zeros((len(run), len(unique)), dtype=np.int64)
        hits = np.zeros_like(items)
        for k, (outcome, _) in enumerate(run):
            index = next(parts)
            items[k] = np.bincount(index, minlength=len(unique))
            hits[k] = np.bincount(index[outcome], minlength=len(unique))
        counts.append(ClipCounts(items, hits[None]))
    return tuple(counts)


def information(pairs: Floats | float, variance: Floats) -> Floats:
    """Return how many independent pairs of fair coins `pairs` pairs of outcomes are worth for a correlation."""
    return pairs * variance / (variance + CLUSTERED_EXCESS)


def satterthwaite(share: Floats, learned: Floats, clips: Floats | float, variance: Floats) -> Floats:
    """Return the degrees of freedom of a standard error to which correlation within clips adds.

    Clips - 1, or Satterthwaite's 2 / (relative variance of the variance) where that is less. Uncertain is only the
    `share` of the variance that correlation adds, as far as it is `learned` from data, not prior; and
    it is the more so the fewer clips hold a rare outcome: of `clips`, about clips x `variance` of one outcome.

    Source: Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

    >>> satterthwaite(np.array([0.0, 0.5]), np.array([1.0, 1.0]), 40, np.array([0.25, 0.05])).tolist()
    [39.0, 16.0]
    """
    relative = (share * learned) ** 2 / (clips * variance)
    df = np.maximum(2 / np.maximum(relative, 1e-9), LEAST_DF)
    result: Floats = np.minimum(np.maximum(np.subtract(clips, 1), 1), df)
    return result


def fit(counts: ClipCounts) -> GroupFit:
    """Estimate rates, and design effects from the intra-clip correlation shrunk towards its prior.

    The correlation is the mean product of standardised residuals over all pairs of items of one clip (the moment
    form of the analysis-of-variance estimator), corrected for the estimated rate. Source: Ridout, Demetrio & Firth
    (1999), Biometrics 55, 137-148; design effect: Kish (1965), Survey Sampling, section 8.2.

    >>> clips = ClipCounts(np.full((1, 50), 4), np.repeat([0, 4], 25)[None, None])
    >>> fit(clips).deff.round(1).tolist()  # four equal answers to a clip are nearly one answer
    [[3.7]]
    """
    items = counts.items.astype(np.float64)
    total = items.sum(axis=1)
    rate = counts.followed.sum(axis=2) / total
    variance = rate * (1 - rate)
    floor = (rate * total + PSEUDO_COUNT) * ((1 - rate) * total + PSEUDO_COUNT) / (total + 2 * PSEUDO_COUNT) ** 2
    residual = counts.followed - rate[..., None] * items
    deff, learned = design_effect(residual, items, variance, floor)
    return GroupFit(rate, np.sqrt(floor), deff, learned, total, residual, items)


def design_effect(residual: Floats, items: Floats, variance: Floats, floor: Floats) -> tuple[Floats, Floats]:
    """Return design effects from the intra-clip correlation, and the share of data against the prior in each.

    Args:
        residual: what each clip's items sum up to, less what is expected of them, (R, K, C).
        items: items per group and clip, (K, C).
        variance: of one outcome, (R, K).
        floor: the same, kept above zero, (R, K).

    >>> alike = np.repeat([-2.0, 2.0], 25)[None, None]  # four outcomes a clip, all of them alike
    >>> deff, learned = design_effect(alike, np.full((1, 50), 4.0), np.full((1, 1), 0.25), np.full((1, 1), 0.25))
    >>> deff.round(1).tolist()
    [[3.7]]
    """
    total = items.sum(axis=1)
    pairs = (items * (items - 1)).sum(axis=1)  # ordered
    products = (residual**2).sum(axis=2) - total * variance
    rough = np.divide(products, variance * pairs, out=np.zeros_like(variance), where=variance * pairs > 0)
    estimate = rough + (1 + pairs / total * np.clip(rough, 0, 1)) / total
    known = information(pairs / 2, floor)
    correlation = (estimate * known + PRIOR_CORRELATION * PRIOR_PAIRS) / (known + PRIOR_PAIRS)
    deff: Floats = 1 + pairs / total * np.clip(correlation, 0, 1)
    return deff, known / (known + PRIOR_PAIRS)


def correlations(a: GroupFit, b: GroupFit, observed: Floats, *, same: bool) -> tuple[Floats, Floats]:
    """Return correlations (R, K, K) between the rates of two runs' groups on the same clips, and what is known.

    The second array (R,) is the information, in pairs of items, behind the pooled correlation across groups.
    `observed` is the covariance of the rates as the clips show it, (R, K, K); `same` says that both are one run,
    whose diagonal is one.
    """
    groups = len(a.items)
    shared = a.items @ b.items.T  # pairs of items in one clip, (K, K)
    spread = a.spread[:, :, None] * b.spread[:, None, :]
    cross = observed * np.outer(a.total, b.total)
    known = information(shared, spread)
    own = np.divide(cross, shared * spread, out=np.zeros_like(cross), where=shared > 0)

    off = ~np.eye(groups, dtype=bool)
    weight = np.where(off, 1 / np.outer(a.total, b.total), 0.0)
    expected = (weight * shared * spread).sum(axis=(1, 2))
    pooled = (weight * cross).sum(axis=(1, 2))
    pooled = np.divide(pooled, expected, out=np.zeros_like(pooled), where=expected > 0)
    pool = (known * off).sum(axis=(1, 2)) / (2 if same else 1)
    prior = PRIOR_CORRELATION if same else 0.0
    pooled = (pooled * pool + prior * PRIOR_PAIRS_ACROSS) / (pool + PRIOR_PAIRS_ACROSS)

    strength = np.where(off, PAIRS_TO_LEAVE_POOL, PRIOR_PAIRS_BETWEEN_RUNS)
    shrunk = (own * known + pooled[:, None, None] * strength) / (known + strength)
    scale = np.sqrt((a.total * a.deff)[:, :, None] * (b.total * b.deff)[:, None, :])
    result: Floats = np.clip(shrunk * shared / scale, -1, 1)
    if same:
        result[:, ~off] = 1.0
    return result, pool
