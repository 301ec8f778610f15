"""Labels that hold others whole: wordings of which each has phrases of its own.

Items of one phrase may go together whatever its wording, so they are not exchangeable one by one. Phrases are:
those with as many items of each stratum could as well have been given each other's wordings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.clips import Floats, Ints
from speech_ifeval.metrics.dealing import PERMUTATIONS, Dealt
from speech_ifeval.metrics.overdispersion import p_value

_SIMULATIONS = 400  # each is tested by so many exchanges of its own
_EXCHANGES = 999


class Nested(NamedTuple):
    """A test of outer labels over the inner ones they hold.

    Attributes:
        statistic: the score statistic, as `Dealt.statistic` has it.
        null: of the exchanges, sorted.
        simulated: the p-values of outcomes drawn with an effect.

    >>> Nested(20.0, np.arange(99.0), np.array([0.01, 0.2])).power(0.05)
    0.5
    """

    statistic: float
    null: Floats
    simulated: Floats

    def power(self, level: float) -> float:
        """Return how often the effect is found at a level for the single test."""
        return float((self.simulated <= level).mean())


def is_nested(inner: Ints, outer: Ints) -> bool:
    """Return whether each inner label occurs with one outer label only.

    >>> is_nested(np.array([0, 1, 2]), np.array([0, 0, 1])), is_nested(np.array([0, 0]), np.array([0, 1]))
    (True, False)
    """
    return len({*zip(inner.tolist(), outer.tolist(), strict=True)}) == len(set(inner.tolist()))


def outer_test(inner: Dealt, outer: Ints, rng: np.random.Generator, effect: float) -> Nested | None:
    """Test whether outer labels differ by more than the inner ones that they hold do.

    Args:
        inner: the items with their inner labels.
        outer: the outer label of each item, (n,).
        rng: of the exchanges.
        effect: standard deviation of the outer labels' effect on the logit, for the power: what it adds to the sum
            of each inner label, to first order, is added to the observed sums exchanged.

    Returns:
        None where no two inner labels of different outer ones have the same items of each stratum.
    """
    blocks = _Blocks(inner, outer)
    if not blocks.groups:
        return None
    null = np.sort(blocks.statistic(blocks.exchanged(blocks.sums, rng, PERMUTATIONS)))
    statistic = float(blocks.statistic(blocks.sums[None])[0])
    of_label = effect * rng.standard_normal((_SIMULATIONS, int(outer.max()) + 1))
    simulated = blocks.exchanged(blocks.sums, rng, _SIMULATIONS) + of_label[:, blocks.outer] * blocks.slope
    found = [
        p_value(float(one), np.sort(blocks.statistic(blocks.exchanged(sums, rng, _EXCHANGES))))
        for one, sums in zip(blocks.statistic(simulated), simulated, strict=True)
    ]
    return Nested(statistic, null, np.array(found))


class _Blocks:
    """Inner labels as blocks of items, and which of them can be exchanged.

    Attributes:
        outer: the outer label of each block, (labels,).
        sums: what follows of each block beyond what is expected, (labels,).
        slope: what a logit more would add to each of them, (labels,).
        groups: blocks that can be exchanged among themselves.
    """

    def __init__(self, inner: Dealt, outer: Ints) -> None:
        labels = inner.counts.shape[1]
        self.outer = np.zeros(labels, dtype=np.int64)
        self.outer[inner.label] = outer
        self.sums = inner.observed - inner.expected
        self.slope: Floats = (inner.rate * (1 - inner.rate)) @ inner.counts
        composed: dict[tuple[float, ...], list[int]] = {}
        for label in range(labels):
            composed.setdefault(tuple(inner.counts[:, label]), []).append(label)
        self.groups = [
            np.array(alike) for alike in composed.values() if len({int(self.outer[one]) for one in alike}) > 1
        ]
        self._holds = np.eye(int(outer.max()) + 1)[self.outer]

    def statistic(self, sums: Floats) -> Floats:
        """Return Σ (observed - expected)² over the outer labels, (B,), for sums (B, labels)."""
        result: Floats = ((sums @ self._holds) ** 2).sum(axis=1)
        return result

    def exchanged(self, sums: Floats, rng: np.random.Generator, times: int) -> Floats:
        """Return sums (labels,) with blocks exchanged so many times, (times, labels)."""
        moved = np.tile(sums, (times, 1))
        for group in self.groups:
            moved[:, group] = rng.permuted(moved[:, group], axis=1)
        return moved
