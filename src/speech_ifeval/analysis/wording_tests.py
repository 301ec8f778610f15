"""Each variation of a constraint's wording tested: over-dispersion, what would have been seen, shrunken rates."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from speech_ifeval.analysis.worded import Variation, Worded, variations
from speech_ifeval.metrics.beta_binomial import fit_correlation, shrunken
from speech_ifeval.metrics.clips import Floats
from speech_ifeval.metrics.dealing import EFFECTS, Dealt
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.nested import Nested, outer_test
from speech_ifeval.metrics.overdispersion import (
    LEVEL,
    WANTED,
    Limits,
    able_to_find,
    added_variance,
    component_limits,
    detectable,
    least_p,
    p_value,
    power,
    unseen_limits,
)
from speech_ifeval.results import WordingRate, WordingTest
from speech_ifeval.results.wording import Finding

ONE_LEVEL = "all items have the same"
ONCE = "none of them is asked twice"
CONSTANT = "items that could have exchanged theirs all follow, or none does"
CANNOT = "no dealing would be significant, so it is not adjusted for"
NOTHING_TO_EXCHANGE = "none of them could have been exchanged"


@dataclass(frozen=True)
class Examined:
    """A variation with what was drawn for it.

    Attributes:
        worded, variation: whose, and what.
        why: why nothing is tested, None where something is.
        null: the statistic of dealings without an effect, sorted.
        simulated: of dealings with each of `EFFECTS`.
        over: for levels that hold others whole, the test by exchanging these.
    """

    worded: Worded
    variation: Variation
    why: str | None
    null: Floats | None = None
    simulated: Floats | None = None
    over: Nested | None = None

    @property
    def dealt(self) -> Dealt:
        """The items with the levels as labels."""
        return self.variation.dealt

    @cached_property
    def limits(self) -> Limits | None:
        """Of the variance that the levels add; None where nothing tells it."""
        if not self.dealt.information:
            return None
        if self.simulated is None:  # all alike: no more is known than that they might not always be
            return unseen_limits(self.dealt)
        return component_limits(self.dealt, self.simulated)

    @property
    def p(self) -> float | None:
        """The p-value of the test."""
        if self.over is not None:
            return p_value(self.over.statistic, self.over.null)
        return None if self.null is None else p_value(self.dealt.statistic, self.null)

    @property
    def least_p(self) -> float | None:
        """The least p-value that the test can have."""
        null = self.null if self.over is None else self.over.null
        return None if null is None else least_p(null)


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of one figure: adding another constraint changes no figure of this one.

    >>> generator(0, "a").random() == generator(0, "b").random()
    False
    """
    return np.random.default_rng([seed, zlib.crc32("/".join(names).encode())])


def draw(constraints: Sequence[Worded], effect: float, seed: int) -> list[list[Examined]]:
    """Draw what the tests of each constraint's variations need.

    Args:
        constraints: of a run.
        effect: standard deviation on the logit at which power is stated, at most the largest of `EFFECTS`.
        seed: of everything that is drawn.
    """
    return [
        [_drawn(worded, variation, effect, seed) for variation in (variations(worded) if worded.verdicts else [])]
        for worded in constraints
    ]


def _drawn(worded: Worded, variation: Variation, effect: float, seed: int) -> Examined:
    dealt = variation.dealt
    why = None
    if len(variation.keys) < 2:
        why = ONE_LEVEL
    elif dealt.items.max() == 1:
        why = ONCE
    elif variation.inner is None and not dealt.information:
        why = NOTHING_TO_EXCHANGE
    elif (dealt if variation.inner is None else variation.inner).constant:
        why = CONSTANT
    if why is not None:
        return Examined(worded, variation, why)
    rng = generator(seed, worded.name, variation.varied)
    if variation.inner is None:
        return Examined(worded, variation, None, dealt.null(rng), dealt.with_effects(rng))
    over = outer_test(variation.inner, dealt.label, rng, effect)
    return Examined(worded, variation, NOTHING_TO_EXCHANGE if over is None else None, over=over)


def conclusions(drawn: Sequence[Sequence[Examined]], effect: float) -> list[list[WordingTest]]:
    """Test every variation, p-values adjusted (Holm) over all that can come out significant.

    Args:
        drawn: of each constraint, as `draw` returns it.
        effect: as `draw` took it.
    """
    told = [one for tests in drawn for one in tests if one.least_p is not None]
    can = able_to_find([one.least_p or 0.0 for one in told])
    family = [one for one, able in zip(told, can, strict=True) if able]
    adjusted = holm([one.p or 0.0 for one in family])
    by_place = {id(one): p for one, p in zip(family, adjusted, strict=True)}
    level = LEVEL / max(len(family), 1)
    return [[_test(one, effect, level, by_place.get(id(one))) for one in tests] for tests in drawn]


def _test(one: Examined, effect: float, level: float, p_holm: float | None) -> WordingTest:
    dealt, p = one.dealt, one.p
    chance = size = expected = None
    if one.over is not None:
        chance, expected = one.over.power(level), float(one.over.null.mean())
    elif one.simulated is not None and one.null is not None:
        powers = power(one.simulated, one.null, level)
        chance, expected = float(np.interp(effect, EFFECTS, powers)), dealt.null_mean
        found_from = detectable(powers)
        if found_from is not None:
            size = 100 * float(np.interp(found_from, EFFECTS, added_variance(dealt))) ** 0.5
    # Over phrases the levels' spread is not told from that of their phrases.
    limits = one.limits if one.variation.inner is None else None
    found = p_holm is not None and p_holm < LEVEL
    return WordingTest(
        varied=one.variation.varied,
        levels=len(one.variation.keys),
        n=dealt.followed.size,
        fewest=int(dealt.items.min()),
        most=int(dealt.items.max()),
        statistic=None if p is None else dealt.statistic if one.over is None else one.over.statistic,
        expected=expected,
        p=p,
        p_holm=p_holm,
        power=chance,
        detectable=size,
        sd=None if limits is None else 100 * max(dealt.component or 0.0, 0.0) ** 0.5,
        low=None if limits is None else 100 * max(limits.low, 0.0) ** 0.5,
        high=None if limits is None else 100 * limits.high**0.5,
        bounded=limits is not None and limits.bounded,
        correlation=_correlation(dealt),
        finding=_finding(one.why, chance, found=found),
        why=one.why or (CANNOT if p_holm is None else None),
        rates=_rates(one.variation, found=found),
    )


def _finding(why: str | None, chance: float | None, *, found: bool) -> Finding:
    if why is not None:
        return "untested"
    if found:
        return "found"
    return "not found" if chance is not None and chance >= WANTED else "undecided"


def _comparable(dealt: Dealt) -> tuple[Floats, Floats, float]:
    """Return what follows and the items of each level, as of one stratum, and the rate over all.

    A level's rate is taken to the mix of strata that all items have, and its items to as many as are as sure:
    on the same questions a difference is surer than on others.
    """
    rate = float(dealt.followed.mean())
    own = np.clip(rate + (dealt.observed - dealt.expected) / dealt.items, 0, 1)
    spread = dealt.variance / dealt.items
    worth = np.divide(rate * (1 - rate), spread, out=np.ones_like(spread), where=spread > 0)
    items = dealt.items * np.maximum(worth, 1.0)
    return own * items, items, rate


def _correlation(dealt: Dealt) -> float | None:
    followed, items, rate = _comparable(dealt)
    return fit_correlation(followed, items, rate) if 0 < rate < 1 and dealt.information else None


def _rates(variation: Variation, *, found: bool) -> list[WordingRate]:
    dealt = variation.dealt
    followed, items, rate = _comparable(dealt)
    if not 0 < rate < 1 or not dealt.information:
        return []
    shrunk = shrunken(followed, items, rate)
    rows = []
    for at, (key, text) in enumerate(zip(variation.keys, variation.texts, strict=True)):
        low, high = float(shrunk.low[at]), float(shrunk.high[at])
        n, hits = int(dealt.items[at]), int(dealt.observed[at])
        rows.append(
            WordingRate(
                wording=key,
                text=text,
                followed=hits,
                n=n,
                rate=100 * hits / n,
                shrunk=100 * float(shrunk.rate[at]),
                low=100 * low,
                high=100 * high,
                apart=_apart(low, high, rate) if found else None,
            )
        )
    return rows


def _apart(low: float, high: float, rate: float) -> Literal["above", "below"] | None:
    return "above" if low > rate else "below" if high < rate else None


def together(drawn: Sequence[Sequence[Examined]], effect: float, seed: int) -> tuple[float, float] | None:
    """Test all constraints at once, and return the p-value and the power if all had this effect; None if none can.

    Each constraint's statistic counts in standard deviations of its dealings without an effect.
    """
    tested = [
        (one.dealt.statistic, one.null, one.simulated)
        for tests in drawn
        for one in tests
        if one.variation.counts_as_luck and one.null is not None and one.simulated is not None
    ]
    tested = [(statistic, null, simulated) for statistic, null, simulated in tested if null.std() > 0]
    if not tested:
        return None
    rng = generator(seed, "together")
    seen, chance, with_effect = 0.0, np.zeros(len(tested[0][1])), np.zeros(tested[0][2].shape)
    for statistic, null, simulated in tested:
        mean, spread = null.mean(), null.std()
        seen += float((statistic - mean) / spread)
        chance += (rng.permutation(null) - mean) / spread
        with_effect += (simulated - mean) / spread
    chance.sort()
    return p_value(seen, chance), float(np.interp(effect, EFFECTS, power(with_effect, chance, LEVEL)))
