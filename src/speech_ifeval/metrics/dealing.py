"""Labels, such as wordings, dealt to items: do outcomes depend on them more than dealing anew would make them?

Were the label without effect, the items of one stratum could as well have exchanged theirs: an item asked once
with those of its data set, the items of a clip that is asked several times among themselves. Everything here keeps
how many items of each stratum follow, and deals the labels anew: without an effect, for the null distribution, and
with an effect of known size on how easily an item follows, for the power.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.clips import Floats, Ints

PERMUTATIONS = 9999
SIMULATIONS = 1000
# Standard deviations of a label's effect on the logit at which power and intervals are computed.
EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
_CELLS = 2_000_000  # numbers drawn at a time: memory stays in tens of megabytes
_ROUNDING = 1e-9


class Strata(NamedTuple):
    """Within which items labels could have been exchanged.

    Attributes:
        number: the stratum of each item, (n,), numbered from 0.
        of_clip: whether a stratum is a clip that is asked several times, (S,).
    """

    number: Ints
    of_clip: NDArray[np.bool_]


def strata(dataset: Sequence[Hashable], clip: Sequence[Hashable]) -> Strata:
    """Return the strata within which items are exchangeable: clips asked several times, else data sets.

    >>> found = strata(["asr", "asr", "asr", "asr"], ["a", "b", "b", "c"])
    >>> found.number.tolist(), found.of_clip.tolist()
    ([0, 1, 1, 0], [False, True])
    """
    pairs = list(zip(dataset, clip, strict=True))
    count: dict[Hashable, int] = {}
    for pair in pairs:
        count[pair] = count.get(pair, 0) + 1
    numbers: dict[tuple[bool, Hashable], int] = {}
    keys = ((True, pair) if count[pair] > 1 else (False, pair[0]) for pair in pairs)
    number = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    return Strata(number, np.array([several for several, _ in numbers], dtype=np.bool_))


@dataclass(frozen=True)
class Dealt:
    """Outcomes of items with their labels.

    Attributes:
        followed: outcomes, (n,), of bool.
        label: the label of each item, (n,), numbered from 0.
        strata: within which items are exchangeable.

    Raises:
        ValueError: the shapes differ, or there is no item.

    >>> alike = strata(["asr"] * 4, "abcd")
    >>> dealt = Dealt(np.array([True, True, False, False]), np.array([0, 0, 1, 1]), alike)
    >>> dealt.statistic, dealt.component
    (2.0, 0.25)
    """

    followed: NDArray[np.bool_]
    label: Ints
    strata: Strata

    def __post_init__(self) -> None:
        shapes = (self.followed.shape, self.label.shape, self.strata.number.shape)
        if len(set(shapes)) > 1 or self.followed.ndim != 1 or not self.followed.size:
            raise ValueError(f"expected one outcome, label and stratum an item, got shapes {shapes}")

    @cached_property
    def counts(self) -> Floats:
        """Items of each stratum and label, (S, L)."""
        table = np.zeros((int(self.strata.number.max()) + 1, int(self.label.max()) + 1))
        np.add.at(table, (self.strata.number, self.label), 1.0)
        return table

    @property
    def items(self) -> Floats:
        """Items of each label, (L,)."""
        total: Floats = self.counts.sum(axis=0)
        return total

    @cached_property
    def rate(self) -> Floats:
        """Following rate of each stratum, (S,)."""
        rates: Floats = np.bincount(self.strata.number, weights=self.followed) / self.counts.sum(axis=1)
        return rates

    @cached_property
    def _spread(self) -> Floats:
        """Variance of an outcome within each stratum, unbiased, (S,); 0 for a stratum of one item."""
        size = self.counts.sum(axis=1)
        spread: Floats = self.rate * (1 - self.rate) * size / np.maximum(size - 1, 1)
        return spread

    @cached_property
    def expected(self) -> Floats:
        """How many items of each label would follow were the labels without effect, (L,)."""
        total: Floats = self.rate @ self.counts
        return total

    @cached_property
    def observed(self) -> Floats:
        """How many items of each label follow, (L,)."""
        return np.bincount(self.label, weights=self.followed, minlength=self.counts.shape[1]).astype(np.float64)

    @property
    def variance(self) -> Floats:
        """Variance of how many items of each label follow, were their rates those of their strata, (L,)."""
        total: Floats = self._spread @ self.counts
        return total

    @property
    def constant(self) -> bool:
        """Whether the outcomes of every stratum are alike, so that no dealing changes anything."""
        return not self._spread.any()

    @property
    def statistic(self) -> float:
        """The score statistic of over-dispersion, Σ (observed - expected)² over the labels.

        Source: Tarone (1979), Biometrika 66, 585-590, for one stratum; le Cessie & van Houwelingen (1995),
        Biometrics 51, 600-614, for several.
        """
        return float(((self.observed - self.expected) ** 2).sum())

    @cached_property
    def null_mean(self) -> float:
        """The mean of the statistic over all dealings."""
        return float(self._spread @ self._own_share)

    @cached_property
    def _own_share(self) -> Floats:
        """Items of a stratum less the pairs of one label, per item, (S,): how far labels are apart in it."""
        size = self.counts.sum(axis=1)
        result: Floats = size - (self.counts**2).sum(axis=1) / size
        return result

    @cached_property
    def information(self) -> float:
        """How much the statistic grows with the covariance of two items of one label; 0 where nothing tells it."""
        size = self.counts.sum(axis=1)
        apart = np.diag(self.items) - self.counts.T @ (self.counts / size[:, None])
        own = self._own_share**2 / np.maximum(size - 1, 1)
        grows = float((apart**2).sum() - own.sum())
        return grows if grows > _ROUNDING * max(float(self.items.sum()), 1.0) else 0.0

    @property
    def component(self) -> float | None:
        """The variance that labels add to the following rate, perhaps negative; None where nothing tells it.

        It is the covariance of two items of one label beyond that of any two of their stratum, by moments, and
        unbiased but where it is cut at the variance of one outcome, which no label can add more than. With one
        stratum and equally many items a label it is the analysis-of-variance estimate.

        Source: Ridout, Demetrio & Firth (1999), Biometrics 55, 137-148.
        """
        if not self.information:
            return None
        rate = float(self.followed.mean())
        return min((self.statistic - self.null_mean) / self.information, rate * (1 - rate))

    def sums_of(self, followed: NDArray[np.bool_]) -> Floats:
        """Return how many items of each label follow, (B, L), for outcomes (B, n)."""
        order = np.argsort(self.label, kind="stable")
        starts = np.searchsorted(self.label[order], np.arange(self.counts.shape[1]))
        held = self.items > 0
        result = np.zeros((len(followed), len(held)))
        result[:, held] = np.add.reduceat(followed[:, order].astype(np.float32), starts[held], axis=1)
        return result

    def statistics_of(self, followed: NDArray[np.bool_]) -> Floats:
        """Return the statistic, (B,), for outcomes (B, n) of which each stratum has as many as were observed."""
        result: Floats = ((self.sums_of(followed) - self.expected) ** 2).sum(axis=1)
        return result

    def exchanged(self, rng: np.random.Generator, times: int) -> Ints:
        """Return, for so many dealings, whose outcome each item takes, (times, n): one of its own stratum."""
        places = np.empty((times, self.followed.size), dtype=np.int64)
        for members, _ in self._alike:
            order = rng.random((times, *members.shape)).argsort(axis=-1)
            places[:, members] = np.take_along_axis(np.broadcast_to(members, order.shape), order, axis=-1)
        return places

    def dealt_by(self, ease: Floats) -> NDArray[np.bool_]:
        """Return outcomes, (B, n), in which the easiest items of each stratum follow, as many as do.

        Args:
            ease: how easily each item follows, (B, n), without ties.
        """
        result = np.zeros(ease.shape, dtype=np.bool_)
        for members, follow in self._alike:
            among = ease[:, members]
            descending = -np.sort(-among, axis=-1)
            last = np.take_along_axis(descending, np.maximum(follow - 1, 0)[None, :, None], axis=-1)
            result[:, members] = (among >= last) & (follow > 0)[None, :, None]
        return result

    @cached_property
    def _alike(self) -> list[tuple[Ints, Ints]]:
        """The strata by size: their items, (strata, size), and how many of each follow, (strata,)."""
        order = np.argsort(self.strata.number, kind="stable")
        size = np.bincount(self.strata.number)
        members = np.split(order, np.cumsum(size)[:-1])
        groups = [
            np.stack([members[at] for at in np.nonzero(size == one)[0]]) for one in np.unique(size[size > 0])
        ]
        return [(group, self.followed[group].sum(axis=1)) for group in groups]

    def null(self, rng: np.random.Generator, permutations: int = PERMUTATIONS) -> Floats:
        """Return the statistic of so many dealings without an effect, sorted, (permutations,)."""
        drawn = [
            self.statistics_of(self.dealt_by(rng.random((batch, self.followed.size))))
            for batch in batches(permutations, self.followed.size)
        ]
        return np.sort(np.concatenate(drawn))

    def with_effects(
        self, rng: np.random.Generator, effects: Sequence[float] = EFFECTS, simulations: int = SIMULATIONS
    ) -> Floats:
        """Return the statistic of dealings in which labels have an effect, (len(effects), simulations).

        How easily an item follows is its label's effect, normal with this standard deviation, plus logistic noise:
        a logistic regression with a random intercept a label, given how many items of each stratum follow. The
        draws are the same for every effect, so that what is between two effects can be interpolated.
        """
        result = []
        for batch in batches(simulations, self.followed.size):
            noise = rng.logistic(size=(batch, self.followed.size))
            of_label = rng.standard_normal((batch, self.counts.shape[1]))[:, self.label]
            result.append([self.statistics_of(self.dealt_by(noise + effect * of_label)) for effect in effects])
        return np.concatenate([np.array(part) for part in result], axis=1)


def batches(count: int, width: int) -> Iterator[int]:
    """Yield how many rows of so many numbers to draw at a time, until there are `count`.

    >>> list(batches(5, width=1_000_000))
    [2, 2, 1]
    """
    most = max(1, _CELLS // max(width, 1))
    while count > 0:
        yield min(count, most)
        count -= most
