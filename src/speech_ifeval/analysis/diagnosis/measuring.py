"""What a check hands back, and how grave that is: one rule for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from speech_ifeval.results import Difference, Estimate, FindingPart
from speech_ifeval.results.diagnosis import Severity, Worse

SEVERITIES: tuple[Severity, ...] = ("severe", "notable", "note")

# Of 100 replies. Spoilt replies cost up to as many points of IFrate, and the smallest loss that the published
# benchmark detects four times out of five is 4.0 points, Δ −4.4 % (`metrics.power`): less is worth a note.
SPOILT = 5.0
_ROUNDING = 1e-9  # a share is computed as 100 times a quotient: 5 of 100 are not beyond 5 %


@dataclass(frozen=True)
class Rule:
    """When a figure is a finding.

    Attributes:
        threshold: a figure beyond it matters.
        worse: in which direction; ``either`` for a difference that should be nothing.
        floor: an interval that lies beyond this is a note, whatever the threshold; None where a figure on this
            side of the threshold means nothing.
    """

    threshold: float
    worse: Worse = "higher"
    floor: float | None = 0.0


class Case(NamedTuple):
    """An item that shows the trouble, and what is wrong with it."""

    item: str
    failed: str


@dataclass(frozen=True)
class Measured:
    """What a check has measured.

    Attributes:
        figure: what the severity hangs on.
        of: what `figure.n` counts.
        sentence: what was found, in words; printed where it is a finding.
        count: how many of `figure.n`; None where the figure is no share.
        cases: the items that show it, in the benchmark's order.
        parts: the figure by code, by kind of reply, or by reason.
        parts_at_once: whether the intervals of the parts, and the figure's where it is the worst of them, hold all
            at once; else each for itself.
        against: the figure less the reference's.
        at_most: the gravest that it can be, where something beside the figure is not known.
        bound: how large the trouble can be, where the figure's own interval does not say.
    """

    figure: Estimate
    of: str
    sentence: str
    count: int | None = None
    cases: Sequence[Case] = ()
    parts: Sequence[FindingPart] = ()
    parts_at_once: bool = False
    against: Difference | None = None
    at_most: Severity = "severe"
    bound: float | None = None


@dataclass(frozen=True)
class Unmade:
    """Why a check could not be made."""

    why: str


def severity(rule: Rule, figure: Estimate, at_most: Severity = "severe") -> Severity | None:
    """Return how grave a figure is; None where it is no finding.

    Severe where the whole interval is beyond the threshold, notable where the figure is, a note where neither is
    but the interval excludes the floor. A figure without an interval is notable at most.

    >>> rule = Rule(5.0)
    >>> [severity(rule, Estimate(8.0, low, 20.0, 100, 0)) for low in (5.1, 5.0)]
    ['severe', 'notable']
    >>> [severity(rule, Estimate(5.0, low, 20.0, 100, 0)) for low in (0.1, 0.0)]
    ['note', None]
    """
    found = _severity(rule, figure)
    if found is None:
        return None
    return max(found, at_most, key=SEVERITIES.index)


def _severity(rule: Rule, figure: Estimate) -> Severity | None:
    if figure.value is None:
        return None
    ends = (figure.value, figure.low, figure.high)
    sides = {"higher": (1,), "lower": (-1,), "either": (1, -1)}[rule.worse]
    for sign in sides:
        value, low, high = (None if end is None else sign * end for end in ends)
        near = low if sign > 0 else high
        threshold = sign * rule.threshold if rule.worse == "lower" else rule.threshold
        if near is not None and near > threshold + _ROUNDING:
            return "severe"
        if value is not None and value > threshold + _ROUNDING:
            return "notable"
        if rule.floor is not None and near is not None and near > sign * rule.floor + _ROUNDING:
            return "note"
    return None


def worst_bound(rule: Rule, figure: Estimate) -> float | None:
    """Return how large the trouble can be by the interval: its end on the worse side.

    >>> worst_bound(Rule(-30.0, "lower"), Estimate(-2.0, -5.0, 1.0, 100, 0))
    -5.0
    """
    if figure.low is None or figure.high is None:
        return None
    if rule.worse == "either":
        return figure.low if -figure.low > figure.high else figure.high
    return figure.high if rule.worse == "higher" else figure.low


def is_beyond(rule: Rule, bound: float | None) -> bool:
    """Whether a bound is beyond the threshold; an unknown one is.

    >>> is_beyond(Rule(5.0), 5.0), is_beyond(Rule(-30.0, "lower"), -31.0), is_beyond(Rule(5.0), None)
    (False, True, True)
    """
    if bound is None:
        return True
    if rule.worse == "lower":
        return bound < rule.threshold - _ROUNDING
    return (abs(bound) if rule.worse == "either" else bound) > rule.threshold + _ROUNDING
