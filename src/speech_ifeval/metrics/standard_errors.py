"""Standard errors of following rates and of their mean: those that the intervals are built on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Group, count_clips, fit
from speech_ifeval.metrics.combinations import combine


class StandardErrors(NamedTuple):
    """Standard errors as fractions: of each group's rate, and of the unweighted mean of the rates."""

    groups: tuple[float, ...]
    mean: float


def standard_errors(groups: Sequence[Group]) -> StandardErrors:
    """Return the standard errors of the groups' rates and of their mean, with clips as the sampling unit.

    Never zero, where every item agrees too. An interval is not the rate and so many of them to either side: near 0
    and 1 it is asymmetric, and `speech_ifeval.metrics.intervals` has it.

    Raises:
        ValueError: no group, or what `speech_ifeval.metrics.intervals.rate_interval` raises for one of them.

    Source: Kish (1965), Survey Sampling, section 8.2, for the design effect of clips.

    >>> coins = np.arange(400) % 2 == 0
    >>> errors = standard_errors([(coins, np.arange(400)), (coins, np.arange(400) + 400)])
    >>> [round(error, 3) for error in errors.groups], round(errors.mean, 3)
    ([0.025, 0.025], 0.018)
    """
    (counts,) = count_clips(groups)
    fitted = fit(counts)
    each = (fitted.spread / np.sqrt(fitted.effective))[0]
    whole = combine([fitted]).believed(np.full(len(groups), 1 / len(groups)))[0]
    return StandardErrors(tuple(each.tolist()), float(np.sqrt(whole)))
