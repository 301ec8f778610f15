"""Several runs or several codes at once: p-values that allow for it, and how sure a ranking is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Group, count_clips, fit
from speech_ifeval.metrics.combinations import combine
from speech_ifeval.metrics.paired import no_difference


class RankInterval(NamedTuple):
    """A run's place by IFrate, 1 the best, and the places it may have.

    >>> RankInterval(2, 1, 3).high
    3
    """

    rank: int
    low: int
    high: int


def holm(pvalues: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that the chance of any false finding among them stays at the level.

    Raises:
        ValueError: a p-value outside [0, 1].

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(pvalues, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():  # also refuses nan
        raise ValueError(f"p-values must lie between 0 and 1, got {list(pvalues)}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p)))), 1.0)
    return [float(value) for value in adjusted]


def rank_intervals(runs: Sequence[Sequence[Group]], level: float = 0.95) -> list[RankInterval]:
    """Return each run's rank by IFrate with the ranks it may have, all true at once with confidence `level`.

    A run's best rank is one more than the runs significantly better, its worst is the number of runs less those
    significantly worse, by all pairwise differences (paired by clip) at Holm-adjusted p-values. Equal IFrates
    share the better rank.

    Args:
        runs: two or more runs on the same clips, each its groups (followed, clip) in category order.
        level: confidence level.

    Raises:
        ValueError: fewer than two runs, a level outside (0, 1), or what `difference` raises.

    Source: Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91, 476-518, with Holm's steps.

    >>> clip = np.arange(100)
    >>> rank_intervals([[(clip < 50, clip)], [(clip < 92, clip)], [(clip < 90, clip)]])
    [RankInterval(rank=3, low=3, high=3), RankInterval(rank=1, low=1, high=2), RankInterval(rank=2, low=1, high=2)]
    """
    if len(runs) < 2:
        raise ValueError(f"a ranking needs at least two runs, got {len(runs)}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level}")
    fits = [fit(counts) for counts in count_clips(*runs)]
    groups = len(runs[0])
    weights = np.repeat([1.0, -1.0], groups) / groups
    pairs = list(combinations(range(len(runs)), 2))
    tests = [no_difference(combine([fits[i], fits[j]]), weights) for i, j in pairs]
    adjusted = holm([p for _, p in tests])
    better = np.zeros(len(runs), dtype=int)
    worse = np.zeros(len(runs), dtype=int)
    for (i, j), (statistic, _), p in zip(pairs, tests, adjusted, strict=True):
        if p < 1 - level:
            winner, loser = (i, j) if statistic > 0 else (j, i)
            better[loser] += 1
            worse[winner] += 1
    means = [round(float(f.rate.mean()), 12) for f in fits]
    return [
        RankInterval(1 + sum(other > mean for other in means), 1 + int(better[i]), len(runs) - int(worse[i]))
        for i, mean in enumerate(means)
    ]
