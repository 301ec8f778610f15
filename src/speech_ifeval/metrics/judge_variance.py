"""What a judge that does not always say the same adds to the interval of a rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from msgspec import Struct

Z = 1.959963984540054  # 97.5 % of the normal distribution


class JudgeVariance(Struct, frozen=True):
    """How much verdicts vary between repeats of the same judging.

    Attributes:
        items: replies with at least two verdicts.
        divided: those of them whose verdicts are not all the same.
        rates: the rate of each repeat, over the replies that it scored, in percent.
        deviation: the standard deviation of the rate of one judging, from the judge alone, in points.
        of_majority: that of the rate of the majority of the repeats, which is the rate that counts, in points.
    """

    items: int
    divided: int
    rates: tuple[float, ...]
    deviation: float
    of_majority: float

    def part_of(self, half_width: float) -> float:
        """Return how much of the half-width of the majority's interval, both in points, the judge accounts for.

        The interval samples clips with the majority's verdicts, so it holds the judge's variance already: this is
        what would go if the judge always said the same.
        """
        return half_width - math.sqrt(max(0.0, half_width**2 - (Z * self.of_majority) ** 2))


def judge_variance(verdicts: Sequence[Sequence[bool | None]]) -> JudgeVariance | None:
    """Estimate the judge's variance from the verdicts of each reply, one a repeat; None where none has two.

    For a reply with share p of yes among k verdicts the variance of one verdict is p (1 - p) k / (k - 1),
    unbiased; the variance of the rate over n replies is their sum over n squared, replies being judged one by one.
    The majority of k says yes with the binomial chance q of more than half, at the share p, an even division left
    out; its variance is q (1 - q). That is exact where p is; p is estimated from the k verdicts themselves, and no
    estimate from them is unbiased.

    >>> found = judge_variance([[True, True], [True, False], [False, False], [True, True]])
    >>> found.divided, found.rates, round(found.deviation, 2)
    (1, (75.0, 50.0), 17.68)
    >>> three = judge_variance([[True, True, False]] * 4)
    >>> round(three.deviation, 2), round(three.of_majority, 2)
    (28.87, 21.91)
    """
    scored = [[verdict for verdict in row if verdict is not None] for row in verdicts]
    several = [row for row in scored if len(row) > 1]
    if not several:
        return None
    total = majority = 0.0
    for row in several:
        share = sum(row) / len(row)
        total += share * (1 - share) * len(row) / (len(row) - 1)
        chance = _chance_of_majority(sum(row), len(row))
        majority += chance * (1 - chance)
    rates = []
    for repeat in range(max(map(len, verdicts))):
        column = [row[repeat] for row in verdicts if len(row) > repeat and row[repeat] is not None]
        if column:
            rates.append(100 * sum(map(bool, column)) / len(column))
    return JudgeVariance(
        items=len(several),
        divided=sum(len(set(row)) > 1 for row in several),
        rates=tuple(rates),
        deviation=100 * math.sqrt(total) / len(several),
        of_majority=100 * math.sqrt(majority) / len(several),
    )


@cache
def _chance_of_majority(yes: int, verdicts: int) -> float:
    """Return how likely most of as many verdicts are yes again, at the share that was, given that they divide."""
    share = yes / verdicts
    chances = [
        math.comb(verdicts, count) * share**count * (1 - share) ** (verdicts - count)
        for count in range(verdicts + 1)
    ]
    above, below = sum(chances[verdicts // 2 + 1 :]), sum(chances[: (verdicts + 1) // 2])
    return above / (above + below)
