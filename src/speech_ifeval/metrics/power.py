"""What a sample can show: the smallest forgetting rate that it would usually detect."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

from msgspec import Struct

from speech_ifeval.records import CATEGORIES

ASSUMED_RATE = 90.0  # percent: what a reference system usually follows
POWER = 0.8
LEVEL = 0.05
_PRECISION = 1e-9


class Detectable(Struct, frozen=True):
    """The smallest loss that a two-sided test finds in four of five samples, rates in percent.

    Attributes:
        delta: as forgetting rate Δ, a negative number; None where no loss is large enough.
        points: the same in points of IFrate.
        reference: the reference system's IFrate that was assumed.
    """

    delta: float | None
    points: float | None
    reference: float


def smallest_delta(
    sizes: Mapping[str, int], reference: float = ASSUMED_RATE, beyond: float = 0.0
) -> Detectable | None:
    """Return the smallest Δ that runs over so many items can detect, None where a category has none.

    The run and the reference are taken as independent, with equal rates in the categories. Answers to the
    same items go together, and the test is paired, so the real figure is usually smaller.

    Args:
        sizes: items in each of the three categories.
        reference: the reference system's IFrate, in percent.
        beyond: the Δ that it must be told from, in percent, such as the threshold of a warning; 0 is no loss.

    Source: the normal approximation to the power of a difference of two means of proportions.

    >>> found = smallest_delta({"closed-ended": 933, "creative-writing": 400, "chain-of-thought": 200})
    >>> round(found.delta, 1), round(found.points, 1)
    (-4.4, -4.0)
    >>> few = {"closed-ended": 40, "creative-writing": 40, "chain-of-thought": 40}
    >>> round(smallest_delta(few, beyond=-10).delta)
    -26
    """
    counts = [sizes.get(category, 0) for category in CATEGORIES]
    if not all(counts):
        return None
    normal = NormalDist()
    needed = normal.inv_cdf(1 - LEVEL / 2) + normal.inv_cdf(POWER)
    weight = sum(1 / count for count in counts) / len(counts) ** 2
    rate = reference / 100
    margin = -beyond / 100 * rate

    def enough(loss: float) -> bool:
        lower = rate - loss
        return loss - margin >= needed * math.sqrt((rate * (1 - rate) + lower * (1 - lower)) * weight)

    if not enough(rate):
        return Detectable(None, None, reference)
    low, high = 0.0, rate
    while high - low > _PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return Detectable(-100 * high / rate, -100 * high, reference)
