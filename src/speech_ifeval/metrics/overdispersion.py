"""Over-dispersion: whether labels differ more than chance makes them, what test would have seen it, and how much.

All from dealings as `speech_ifeval.metrics.dealing` draws them: the p-value from dealings without an effect, the
power and the interval from dealings with effects of known size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats
from speech_ifeval.metrics.dealing import EFFECTS, Dealt
from speech_ifeval.metrics.quantiles import student_t_quantile

LEVEL = 0.05
WANTED = 0.8  # power with which a test that finds nothing says something
_ROUNDING = 1e-9
_NODES = 101
_HALVINGS = 60


def p_value(statistic: float, null: Floats) -> float:
    """Return the share of dealings, the observed one among them, whose statistic is as large.

    >>> p_value(3.0, np.array([1.0, 2.0, 3.0]))
    0.5
    """
    as_large = len(null) - np.searchsorted(null, _just_below(statistic), side="left")
    return float((1 + as_large) / (1 + len(null)))


def critical(null: Floats, level: float) -> float:
    """Return the least statistic whose p-value is at most `level`; infinite where none is.

    >>> critical(np.arange(99.0), 0.05), critical(np.ones(99), 0.05)
    (95.0, inf)
    """
    allowed = int(np.floor(level * (1 + len(null)) + _ROUNDING)) - 1
    if allowed < 1:
        return float("inf")
    candidate = float(null[-allowed])
    if p_value(candidate, null) <= level:
        return candidate
    above = null[null > candidate + _ROUNDING * max(1.0, abs(candidate))]
    return float(above[0]) if len(above) else float("inf")


def least_p(null: Floats) -> float:
    """Return the least p-value that a dealing can have.

    >>> least_p(np.array([1.0, 1.0, 2.0, 2.0])), least_p(np.arange(99.0))
    (0.6, 0.02)
    """
    return p_value(float(null[-1]), null)


def able_to_find(least: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which tests of a family can come out significant at all; the others need not be adjusted for.

    With so few items or failures that even the most uneven dealing is no rare one, a test cannot find anything,
    falsely or not. Which tests these are depends on how many items follow, not on whose they are.

    Args:
        least: the least p-value that each test can have.
        level: of the family.

    Source: Tarone (1990), Biometrics 46, 515-522.

    >>> able_to_find([1.0, 0.02, 0.001, 0.03])
    [False, True, True, False]
    """
    family = next(
        (size for size in range(1, len(least) + 1) if sum(one <= level / size for one in least) <= size), 1
    )
    return [one <= level / family for one in least]


def power(simulated: Floats, null: Floats, level: float) -> Floats:
    """Return how often the test finds each effect, (effects,), at a level for the single test.

    Args:
        simulated: as `Dealt.with_effects` returns them.
        null: as `Dealt.null` returns it.
    """
    result: Floats = (simulated >= _just_below(critical(null, level))).mean(axis=1)
    return result


def detectable(shares: Any, effects: Sequence[float] = EFFECTS, wanted: float = WANTED) -> float | None:
    """Return the least effect that is found so often, interpolated; None where not even the largest is.

    >>> round(detectable([0.0, 0.6, 1.0], effects=(0.0, 1.0, 2.0)), 6)
    1.5
    """
    rising = np.maximum.accumulate(np.asarray(shares, dtype=np.float64))
    if rising[-1] < wanted:
        return None
    return float(np.interp(wanted, rising, effects)) if rising[0] < wanted else float(effects[0])


class Limits(NamedTuple):
    """Limits of a variance.

    Attributes:
        low: below 0 where no effect at all is in the interval, by as much as the estimate could be too large then;
            sums need it.
        high: the upper limit.
        bounded: whether the data bound it from above: else nothing but the rate does.

    >>> Limits(-0.01, 0.02, True).bounded
    True
    """

    low: float
    high: float
    bounded: bool


def component_limits(dealt: Dealt, simulated: Floats, level: float = 0.95) -> Limits:
    """Return the interval of the variance that labels add to the rate.

    The size of an effect on the logit is in its interval if a statistic as large as the observed one, and one as
    small, are each not too rare under it; between the effects tried it is interpolated. What an effect makes of a
    rate depends on the rate, which few labels leave unsure; the two are combined by the distances of their limits.

    Args:
        dealt: what was observed.
        simulated: as ``dealt.with_effects(rng)`` returns them, for `EFFECTS`.
        level: confidence level.

    Source: test inversion; MOVER, Zou & Donner (2008), Statistics in Medicine 27, 1693-1702.
    """
    tail, seen = (1 - level) / 2, dealt.statistic
    above = np.maximum.accumulate((simulated >= _just_below(seen)).mean(axis=1))
    below = np.minimum.accumulate((simulated <= _just_above(seen)).mean(axis=1))
    bounded = bool(below[-1] <= tail)
    least = float(np.interp(tail, above, EFFECTS)) if above[0] < tail else 0.0
    largest = float(np.interp(-tail, -below, EFFECTS)) if bounded else EFFECTS[-1]

    seen_value = dealt.component or 0.0
    value = max(seen_value, 0.0)
    centre, reach = _logit_rate(dealt, value)
    labels = float((dealt.items > 0).sum())
    reach *= float(student_t_quantile(1 - tail, np.array([labels - 1]))[0])  # few labels, one rate
    side = 1.0 if centre >= 0 else -1.0
    towards = -side * min(reach, abs(centre))  # at a half there is most room for labels to differ
    at_rate, further, nearer = (added_variance(dealt, move=move) for move in (0.0, side * reach, towards))
    here, less, more = (_at(np.interp(value, at_rate, EFFECTS), one) for one in (at_rate, further, nearer))
    if least:  # an effect there is, whatever the rate: so by ratios, which never come to nothing
        ratios = value / _at(least, at_rate), here / less
        low = value / np.exp(np.hypot(*(np.log(max(float(ratio), 1.0)) for ratio in ratios)))
    else:
        too_large = (float(np.quantile(simulated[0], 1 - tail)) - dealt.null_mean) / dealt.information
        low = min(seen_value - too_large, 0.0)
    if bounded:
        high = value + np.hypot(max(_at(largest, at_rate) - value, 0.0), max(more - here, 0.0))
    else:
        room = float(expit(np.array(centre + towards)))
        high = room * (1 - room)
    return Limits(float(low), max(float(high), seen_value), bounded)


def unseen_limits(dealt: Dealt) -> Limits:
    """Return the interval where all outcomes of a stratum are alike: as much as the rate leaves room for.

    >>> from speech_ifeval.metrics.dealing import strata
    >>> items = strata(["asr"] * 20, list(range(20)))
    >>> round(unseen_limits(Dealt(np.ones(20, dtype=bool), np.arange(20) // 2, items)).high, 3)
    0.023
    """
    rate = _usual_rate(dealt)
    return Limits(0.0, rate * (1 - rate), False)


def _asked(dealt: Dealt) -> float:
    """Return how many questions there are: a clip that is asked several times counts once."""
    clips = dealt.strata.of_clip
    return dealt.followed.size - float(dealt.counts[clips].sum()) + int(clips.sum())


def _usual_rate(dealt: Dealt) -> float:
    """Return the following rate, half a question added to either side."""
    asked = _asked(dealt)
    return (float(dealt.followed.mean()) * asked + 0.5) / (asked + 1)


def _logit_rate(dealt: Dealt, variance: float) -> tuple[float, float]:
    """Return the logit of the following rate, and its standard error given the variance that labels add."""
    rate = _usual_rate(dealt)
    own, room = variance * float((dealt.items**2).sum()) / dealt.followed.size**2, rate * (1 - rate)
    return float(np.log(rate / (1 - rate))), float(np.sqrt(own + room / _asked(dealt))) / room


def _at(effect: Any, variances: Floats) -> float:
    """Return the variance at an effect between those tried."""
    return float(np.interp(effect, EFFECTS, variances))


def added_variance(dealt: Dealt, effects: Sequence[float] = EFFECTS, *, move: float = 0.0) -> Floats:
    """Return the variance of a label's following rate, (effects,), that effects of each size on the logit make.

    At the rates and the mix of the strata, an item at the rate of all added to each: of a stratum whose items all
    follow it is not known that they always would.

    Args:
        dealt: whose rates.
        effects: standard deviations on the logit.
        move: logits that every rate is moved by.
    """
    size = dealt.counts.sum(axis=1)
    usual = _usual_rate(dealt)
    odds = (dealt.rate * size + usual) / ((1 - dealt.rate) * size + 1 - usual) * np.exp(move)
    rates, place = np.unique((odds / (1 + odds)).round(12), return_inverse=True)
    share = np.bincount(place.ravel(), weights=size) / size.sum()
    node, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    weight = weight / weight.sum()
    result = []
    for effect in effects:
        following = expit(_intercepts(rates, effect, node, weight)[:, None] + effect * node)
        mixed = share @ following
        result.append(float(weight @ (mixed - weight @ mixed) ** 2))
    return np.array(result)


def _intercepts(rates: Floats, effect: float, node: Floats, weight: Floats) -> Floats:
    """Return the logits at which the mean over labels is each of the rates, by bisection."""
    reach = 40.0 + 10.0 * effect
    low, high = np.full(len(rates), -reach), np.full(len(rates), reach)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = expit(middle[:, None] + effect * node) @ weight > rates
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    found: Floats = (low + high) / 2
    return found


def expit(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), without overflow.

    >>> expit(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    small = np.exp(-np.abs(x))
    result: Floats = np.where(x >= 0, 1.0, small) / (1 + small)
    return result


def _just_below(value: float) -> float:
    return value - _ROUNDING * max(1.0, abs(value))


def _just_above(value: float) -> float:
    return value + _ROUNDING * max(1.0, abs(value))
