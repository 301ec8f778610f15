"""A forgetting rate in two parts that add up to it: what changed weights cost, and what hearing costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats, Group, count_clips, fit
from speech_ifeval.metrics.combinations import Combination, combine, critical_value, excess
from speech_ifeval.metrics.intervals import Interval

_STEP = 0.02
_FARTHEST = 64.0
_HALVINGS = 50


def part_interval(
    upper: Sequence[Group], lower: Sequence[Group], reference: Sequence[Group], level: float = 0.95
) -> Interval:
    """Return (IFrate of `upper` - IFrate of `lower`) / IFrate of `reference`, as a fraction, with its interval.

    With the reference as `lower` it is the forgetting rate of `upper`. All three are paired by clip: what they
    share on a clip cancels.

    Args:
        upper, lower, reference: groups (followed, clip) in category order.
        level: confidence level.

    Raises:
        ValueError: the reference follows no item, no scored item in a group, or other numbers of groups.

    Source: Fieller (1954), J. R. Statist. Soc. B 16, 175-185: a ratio is inside where the upper rate, less the
    lower, less that share of the reference's, is not told from 0; with the score variance of
    `speech_ifeval.metrics.combinations`.

    >>> clip = np.arange(200)
    >>> audio, text, ref = ([(clip < n, clip)] for n in (100, 140, 160))
    >>> value, low, high = part_interval(audio, text, ref)
    >>> round(value, 2), low < value < high < 0
    (-0.25, True)
    """
    sums = combine([fit(counts) for counts in count_clips(upper, lower, reference)])
    groups = len(upper)
    rates = [float(sums.rate[0, start : start + groups].mean()) for start in range(0, 3 * groups, groups)]
    if rates[2] <= 0:
        raise ValueError("the reference follows no item: a rate relative to it is undefined")
    value = (rates[0] - rates[1]) / rates[2]
    t = critical_value(sums, _weights(value, groups), level)
    low, high = (_edge(sums, value, side, t, groups) for side in (-1.0, 1.0))
    return Interval(value, low, high)


def _weights(share: float, groups: int) -> Floats:
    return np.repeat([1.0, -1.0, -share], groups) / groups


def _edge(sums: Combination, value: float, side: float, t: Floats, groups: int) -> float:
    """Return where the interval ends on a side; by doubling steps, then by halving."""

    def outside(share: float) -> bool:
        return bool(excess(sums, _weights(share, groups), 0.0, t)[0][0] > 0)

    inner, step = value, _STEP
    while not outside(value + side * step):
        inner, step = value + side * step, 2 * step
        if step > _FARTHEST:
            return side * np.inf
    outer = value + side * step
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        inner, outer = (inner, middle) if outside(middle) else (middle, outer)
    return inner


class ResampledParts(NamedTuple):
    """Parts of Δ, in percent, on every resample of clips, (B,) each; `total` is Δ itself."""

    weights: Floats
    modality: Floats
    total: Floats


def resampled_parts(
    audio: Sequence[Group], text: Sequence[Group], reference: Sequence[Group], draws: Floats
) -> ResampledParts:
    """Return both parts and Δ on resamples of clips; on each of them the parts add up.

    Args:
        audio, text, reference: groups (followed, clip) in category order.
        draws: how often each clip is drawn, ``(B, clips)``, as `speech_ifeval.metrics.bootstrap.resampled` gives
            it. Where the reference follows nothing the parts are infinite, or no number.
    """
    shares = []
    for counts in count_clips(audio, text, reference):
        followed, items = counts.followed[0].astype(np.float64), counts.items.astype(np.float64)
        with np.errstate(invalid="ignore"):
            shares.append(((draws @ followed.T) / (draws @ items.T)).mean(axis=1))
    a, t, r = shares
    with np.errstate(divide="ignore", invalid="ignore"):
        return ResampledParts(100 * (t - r) / r, 100 * (a - t) / r, 100 * (a - r) / r)
