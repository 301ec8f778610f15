"""What a judge that does not always say the same adds to the interval of a rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

Z = 1.959963984540054  # 97.5 % of the normal distribution


class JudgeVariance(Struct, frozen=True):
    """How much verdicts vary between repeats of the same judging.

    Attributes:
        items: replies with at least two verdicts.
        divided: those of them whose verdicts are not all the same.
        rates: the rate of each repeat, over the replies that it scored, in percent.
        deviation: the standard deviation of the rate of one judging, from the judge alone, in points.
    """

    items: int
    divided: int
    rates: tuple[float, ...]
    deviation: float

    def part_of(self, half_width: float) -> float:
        """Return how much of an interval's half-width, both in points, the judge accounts for.

        The interval samples clips with the verdicts they got, so it holds the judge's variance already: this is
        what would go if the judge always said the same.
        """
        return half_width - math.sqrt(max(0.0, half_width**2 - (Z * self.deviation) ** 2))


def judge_variance(verdicts: Sequence[Sequence[bool | None]]) -> JudgeVariance | None:
    """Estimate the judge's variance from the verdicts of each reply, one a repeat; None where none has two.

    For a reply with share p of yes among k verdicts the variance of one verdict is p (1 - p) k / (k - 1),
    unbiased; the variance of the rate over n replies is their sum over n squared, replies being judged one by one.

    >>> found = judge_variance([[True, True], [True, False], [False, False], [True, True]])
    >>> found.divided, found.rates, round(found.deviation, 2)
    (1, (75.0, 50.0), 17.68)
    """
    scored = [[verdict for verdict in row if verdict is not None] for row in verdicts]
    several = [row for row in scored if len(row) > 1]
    if not several:
        return None
    total = 0.0
    for row in several:
        share = sum(row) / len(row)
        total += share * (1 - share) * len(row) / (len(row) - 1)
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
    )
