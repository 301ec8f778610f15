"""How much of a rate is luck with its labels: what the variance between wordings makes of IFrate.

Two questions. Had other wordings of the same kind been written, as many and asked as often: the items of a wording
share its luck, so few wordings with many items leave much of it. Had the same wordings been dealt anew, one to an
item: items draw independently, and little is left.

The interval of a rate over clips takes two items of one wording for independent. What they share is added: the
variance over clips and wordings as crossed factors is that over clips plus the covariance of pairs of one wording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.dealing import Dealt
from speech_ifeval.metrics.intervals import Interval
from speech_ifeval.metrics.overdispersion import Limits
from speech_ifeval.metrics.quantiles import student_t_quantile


class Deviation(NamedTuple):
    """A standard deviation with its interval, as a fraction.

    >>> Deviation(0.006, 0.002, 0.011).value
    0.006
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Source:
    """What one constraint's labels add to a rate.

    Attributes:
        dealt: its items with their labels.
        limits: of the variance that the labels add to the following rate.
        share: what one item counts for in the rate, such as 1 / items of its category.
    """

    dealt: Dealt
    limits: Limits
    share: float

    @property
    def _variance(self) -> float:
        return self.dealt.component or 0.0

    def _scaled(self, factor: float) -> Interval:
        """The variance times a factor, with its limits."""
        return Interval(factor * self._variance, factor * self.limits.low, factor * self.limits.high)

    def redrawn(self) -> Interval:
        """What it adds to the variance of the rate, had other labels been drawn."""
        return self._scaled(self.share**2 * float((self.dealt.items**2).sum()))

    def shared(self) -> Interval:
        """What pairs of items of one label add to the variance of the rate."""
        return self._scaled(self.share**2 * float((self.dealt.items * (self.dealt.items - 1)).sum()))

    def dealt_anew(self) -> Interval:
        """What it adds to the variance of the rate, had every question drawn one of the same labels.

        A question that is asked with several labels shows how far it depends on them, the chance of a label with
        this very question included; of items that are asked once only the labels' own effect is known.
        """
        counts = self.dealt.counts
        asked = counts.sum(axis=1)
        crossed = self.dealt.strata.of_clip & (counts.max(axis=1) == 1)
        once = float(asked[~crossed].sum())
        labels = int((self.dealt.items > 0).sum())
        own = self._scaled(self.share**2 * once * (labels - 1) / labels)
        # Each question counts for as much as its items did together.
        within = (asked[crossed] * self.share) ** 2 * (self.dealt.rate * (1 - self.dealt.rate))[crossed]
        total = float(within.sum())
        error = 0.0
        if len(within) > 1:
            t = float(student_t_quantile(0.975, np.array([len(within) - 1.0]))[0])
            error = t * float(np.sqrt(len(within) * within.var(ddof=1)))
        return Interval(own.value + total, own.low + max(total - error, 0.0), own.high + total + error)


def deviation(parts: Sequence[Interval]) -> Deviation:
    """Return the standard deviation that independent variances add up to, by the distances of their limits.

    Source: MOVER, Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.

    >>> found = deviation([Interval(4e-6, 1e-6, 9e-6), Interval(5e-6, 1e-6, 17e-6)])
    >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
    (0.003, 0.002, 0.0047)
    """
    total = sum(part.value for part in parts)
    down = float(np.sqrt(sum((part.value - part.low) ** 2 for part in parts)))
    up = float(np.sqrt(sum((part.high - part.value) ** 2 for part in parts)))
    value, low, high = (float(np.sqrt(max(one, 0.0))) for one in (total, total - down, total + up))
    return Deviation(value, min(low, value), max(high, value))


def widened(interval: Interval, shared: float, level: float = 0.95) -> Interval:
    """Return an interval over clips with the variance of pairs of one label added, as a fraction.

    Args:
        interval: over clips.
        shared: that variance; none where it is negative.
        level: of the interval.

    Source: crossed factors, Cameron, Gelbach & Miller (2011), J. Bus. Econ. Stat. 29, 238-249; combined by the
    distances of the limits, Zou & Donner (2008).

    >>> [round(limit, 3) for limit in widened(Interval(0.9, 0.88, 0.915), 0.0001)]
    [0.9, 0.872, 0.925]
    """
    more = NormalDist().inv_cdf((1 + level) / 2) ** 2 * max(shared, 0.0)
    value, low, high = interval
    return Interval(
        value,
        max(value - float(np.hypot(value - low, np.sqrt(more))), 0.0),
        min(value + float(np.hypot(high - value, np.sqrt(more))), 1.0),
    )
