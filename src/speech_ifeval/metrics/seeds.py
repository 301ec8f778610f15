"""Several runs of one recipe on one benchmark: a mean whose interval knows both seeds and clips.

Seeds and clips are crossed: every seed answers about every clip. Neither more seeds nor more clips alone make the
mean certain, so the variance of the mean is that between seeds plus that between clips; what both have a hand
in is counted twice, on the safe side. The degrees of freedom are Satterthwaite's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.quantiles import student_t_quantile

Floats = NDArray[np.float64]


class CrossedMean(NamedTuple):
    """A mean over seeds with its 95 % interval; the interval is None with one seed or one clip."""

    value: float
    low: float | None
    high: float | None


def clip_shares(followed: Sequence[Mapping[str, Sequence[tuple[str, bool]]]]) -> Floats:
    """Return what each clip adds to each seed's IFrate, in percent, shape ``(seeds, clips)``.

    Args:
        followed: of each seed, by category, the clip and the outcome of every scored item.

    >>> clip_shares([{"a": [("x", True), ("y", False)], "b": [("x", True)]}]).sum(axis=1).tolist()
    [75.0]
    """
    clips = {clip: place for place, clip in enumerate(_clips(followed))}
    shares = np.zeros((len(followed), len(clips)))
    for seed, categories in enumerate(followed):
        for outcomes in categories.values():
            for clip, outcome in outcomes:
                shares[seed, clips[clip]] += 100 * outcome / len(outcomes) / len(categories)
    return shares


def _clips(followed: Sequence[Mapping[str, Sequence[tuple[str, bool]]]]) -> list[str]:
    found = (clip for seed in followed for outcomes in seed.values() for clip, _ in outcomes)
    return list(dict.fromkeys(found))


def crossed_mean(shares: Any) -> CrossedMean:
    """Return the mean over seeds of what clips add up to.

    Args:
        shares: shape ``(seeds, clips)``; a seed's figure is the sum of its row.

    >>> crossed_mean([[1.0, 2.0, 3.0], [1.0, 2.0, 5.0]]).value
    7.0
    """
    values = np.asarray(shares, dtype=np.float64)
    seeds, clips = values.shape
    mean = float(values.sum(axis=1).mean())
    if seeds < 2 or clips < 2:
        return CrossedMean(mean, None, None)
    between_seeds = float(values.sum(axis=1).var(ddof=1)) / seeds
    between_clips = float(values.mean(axis=0).var(ddof=1)) * clips
    variance = between_seeds + between_clips
    if variance == 0:
        return CrossedMean(mean, mean, mean)
    freedom = variance**2 / (between_seeds**2 / (seeds - 1) + between_clips**2 / (clips - 1))
    half = float(student_t_quantile(0.975, np.array([freedom]))[0]) * variance**0.5
    return CrossedMean(mean, mean - half, mean + half)


def crossed_relative(shares: Any, reference: Any) -> CrossedMean:
    """Return the mean change against a reference in percent of it, such as Δ, over seeds; linearised.

    Args:
        shares: shape ``(seeds, clips)``, as `clip_shares` gives them.
        reference: shape ``(clips,)``, the same clips of the reference system; its sum is not 0.

    >>> crossed_relative([[20.0, 30.0], [20.0, 30.0]], [40.0, 60.0]).value
    -50.0
    """
    values, base = np.asarray(shares, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    whole = base.sum()
    ratio = values.sum(axis=1).mean() / whole
    around = crossed_mean(100 * (values - ratio * base) / whole)
    change = 100 * (float(ratio) - 1)
    if around.low is None or around.high is None:
        return CrossedMean(change, None, None)
    return CrossedMean(change, change + around.low - around.value, change + around.high - around.value)
