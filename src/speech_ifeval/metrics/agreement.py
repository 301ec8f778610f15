"""How far two judges agree: the share of equal verdicts, and Cohen's κ, which takes off what chance would give.

`first` and `second` are boolean arrays (n,), one verdict an item; `clip` is an array (n,) of integers saying
which audio file each item belongs to: verdicts on replies to one clip hang together, so clips are what is sampled.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from speech_ifeval.metrics.bootstrap import Ratio, ratio_interval, resampled
from speech_ifeval.metrics.clips import check_group
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.quantiles import student_t_quantile

_ROUNDING = 1e-12


class Confusion(NamedTuple):
    """How often two judges said what: the first's word stands first.

    >>> Confusion(40, 5, 3, 52).n, Confusion(40, 5, 3, 52).equal
    (100, 92)
    """

    yes_yes: int
    yes_no: int
    no_yes: int
    no_no: int

    @property
    def n(self) -> int:
        """The items that both have judged."""
        return sum(self)

    @property
    def equal(self) -> int:
        """The items of which both say the same."""
        return self.yes_yes + self.no_no


class Kappa(NamedTuple):
    """Cohen's κ with its standard error and the limits of its interval; 1 is full agreement, 0 that of chance."""

    value: float
    error: float
    low: float
    high: float


def confusion(first: Any, second: Any) -> Confusion:
    """Count what the two judges say of the same items.

    Raises:
        ValueError: the arrays are not boolean, of one dimension and one length, or are empty.

    >>> confusion([True, True, False], [True, False, False])
    Confusion(yes_yes=1, yes_no=1, no_yes=0, no_no=1)
    """
    one, _ = check_group(first, np.zeros(len(first)))
    other, _ = check_group(second, np.zeros(len(second)))
    if len(one) != len(other):
        raise ValueError(f"expected two verdicts an item, got {len(one)} and {len(other)} verdicts")
    return Confusion(
        int((one & other).sum()), int((one & ~other).sum()), int((~one & other).sum()), int((~one & ~other).sum())
    )


def cohen_kappa(first: Any, second: Any, clip: Any, level: float = 0.95) -> Kappa | None:
    """Return Cohen's κ of two judges' verdicts; None where one of them says the same of everything.

    Its standard error is the large-sample one of Fleiss, Cohen & Everitt (1969), with what the items of a clip add
    to the error summed before it is squared; with one item a clip it is theirs to the digit. The interval is that
    of Fisher's z (the inverse hyperbolic tangent of κ), with Student's t at clips - 1 degrees of freedom; around κ
    itself it holds down to .89 where judges agree well (tests/metrics/test_agreement.py). Judges who agree on
    everything leave no error to see: the limits are then κ at those of the share of equal verdicts.

    Raises:
        ValueError: as `confusion`.

    Source: Cohen (1960), Educational and Psychological Measurement 20, 37-46; Fleiss, Cohen & Everitt (1969),
    Psychological Bulletin 72, 323-327.

    >>> verdicts = np.arange(100) < 50
    >>> result = cohen_kappa(verdicts, np.arange(100) < 55, np.arange(100))
    >>> [round(one, 3) for one in result]
    [0.9, 0.043, 0.77, 0.958]
    """
    counts = confusion(first, second)
    one, clips = check_group(first, clip)
    other, _ = check_group(second, clip)
    n = counts.n
    first_yes, second_yes = float(one.mean()), float(other.mean())
    observed = counts.equal / n
    chance = first_yes * second_yes + (1 - first_yes) * (1 - second_yes)
    if first_yes in (0, 1) or second_yes in (0, 1):
        return None
    value = (observed - chance) / (1 - chance)
    # What each item adds: its agreement, less how it moves the agreement of chance.
    moved = np.where(one, second_yes, 1 - second_yes) + np.where(other, first_yes, 1 - first_yes) - 2 * chance
    added = (((one == other) - observed) * (1 - chance) - moved * (1 - observed)) / (1 - chance) ** 2
    by_clip = _sums(added, clips)
    error = float(np.sqrt((by_clip**2).sum())) / n
    if abs(value) > 1 - _ROUNDING:
        low, high = ((limit - chance) / (1 - chance) for limit in rate_interval(one == other, clips, level)[1:])
        return Kappa(value, error, max(low, -1.0), min(high, 1.0))
    t = float(student_t_quantile((1 + level) / 2, np.array([float(max(len(by_clip) - 1, 1))]))[0])
    z, reach = np.arctanh(value), t * error / (1 - value**2)
    return Kappa(value, error, float(np.tanh(z - reach)), float(np.tanh(z + reach)))


def rate_of_words(errors: Any, words: Any, clip: Any, seed: int = 0) -> Ratio | None:
    """Return the sum of `errors` over the sum of `words`, with its interval; None where there is no word.

    Args:
        errors: (n,) counts, one an item.
        words: (n,) counts.
        clip: (n,) integers; items of a clip are resampled together.
        seed: of the bootstrap.

    Source: `speech_ifeval.metrics.bootstrap.ratio_interval`.

    >>> rate = rate_of_words([1, 0, 2, 0] * 9, [10] * 36, np.arange(36))
    >>> [round(one, 3) for one in rate]
    [0.075, 0.05, 0.106]
    """
    top, bottom = _sums(errors, clip), _sums(words, clip)
    return ratio_interval(top, bottom, resampled(len(top), seed)) if bottom.sum() > 0 else None


def _sums(values: Any, clip: Any) -> Any:
    _, index = np.unique(clip, return_inverse=True)
    return np.bincount(index.ravel(), weights=values)
