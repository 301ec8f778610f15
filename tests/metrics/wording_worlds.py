"""Simulated benchmarks in which wordings have effects of known size: does what is said of them hold?

An item follows with the odds of its data set, times those of its wording, whose logarithm is normal with a
standard deviation that is given, times those of its clip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.dealing import Dealt, strata
from speech_ifeval.metrics.overdispersion import expit

NODE, WEIGHT = np.polynomial.hermite_e.hermegauss(101)
WEIGHT = WEIGHT / WEIGHT.sum()


@dataclass(frozen=True)
class World:
    """One constraint.

    `rates` are those of its data sets, over wordings; each data set asks every wording `each` times. `effect` and
    `clip_effect` are standard deviations in logits. `crossed`: every clip is asked with every wording.
    """

    rates: tuple[float, ...]
    wordings: int
    each: int
    effect: float
    clip_effect: float = 0.0
    crossed: bool = False

    @cached_property
    def intercepts(self) -> NDArray[np.float64]:
        """The logit of each data set at which its rate is as given, over wordings and clips; by bisection."""
        spread = float(np.hypot(self.effect, self.clip_effect))
        low, high = np.full(len(self.rates), -60.0), np.full(len(self.rates), 60.0)
        for _ in range(70):
            middle = (low + high) / 2
            above = expit(middle[:, None] + spread * NODE) @ WEIGHT > np.array(self.rates)
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return (low + high) / 2

    @cached_property
    def variance(self) -> float:
        """The true variance of a wording's rate, over clips, at the mix of the data sets."""
        grid = self.intercepts[:, None, None] + self.effect * NODE[:, None] + self.clip_effect * NODE
        of_wording = (expit(grid) @ WEIGHT).mean(axis=0)
        return float(WEIGHT @ (of_wording - WEIGHT @ of_wording) ** 2)

    def draw(self, rng: np.random.Generator) -> Dealt:
        """Draw wordings, clips and outcomes."""
        return self.draw_with_rates(rng)[0]

    def draw_with_rates(self, rng: np.random.Generator) -> tuple[Dealt, NDArray[np.float64]]:
        """Draw the same, and return each wording's true rate as well."""
        dataset = np.repeat(np.arange(len(self.rates)), self.wordings * self.each)
        label = np.tile(np.arange(self.wordings), len(self.rates) * self.each)
        clip = np.arange(len(label)) // (self.wordings if self.crossed else 1)
        of_wording = self.effect * rng.standard_normal(self.wordings)
        of_clip = self.clip_effect * rng.standard_normal(len(label))
        logit = self.intercepts[dataset] + of_wording[label] + of_clip[clip]
        followed = rng.random(len(label)) < expit(logit)
        grid = self.intercepts[:, None, None] + of_wording[:, None] + self.clip_effect * NODE
        return (
            Dealt(followed, label, strata(dataset.tolist(), clip.tolist())),
            (expit(grid) @ WEIGHT).mean(axis=0),
        )


Benchmark = dict[str, tuple[World, ...]]


def published(effect: float, rates: tuple[float, float, float] = (0.84, 0.92, 0.915)) -> Benchmark:
    """A benchmark of the published layout: 25 wordings of 5 items, 50 of one constraint; prompts; 40 wordings."""
    closed, creative, thinking = rates
    five = tuple(np.clip(closed + np.array([-0.1, 0.05, 0.05, 0.05, -0.05]), 0.01, 0.99).tolist())
    usual = [World(five, 25, 1, effect)] * 6
    return {
        "closed-ended": (*usual, World(five, 50, 1, effect)),
        "creative-writing": tuple([World((creative,), 25, 2, effect)] * 8),
        "chain-of-thought": (World((thinking,) * 5, 40, 1, effect),),
    }


def bundled(effect: float, rates: tuple[float, float, float] = (0.6, 0.5, 0.7)) -> Benchmark:
    """A small one: 12 wordings, two items each or three."""
    closed, creative, thinking = rates
    return {
        "closed-ended": tuple([World((closed,), 12, 2, effect)] * 7),
        "creative-writing": tuple([World((creative,), 12, 2, effect)] * 3),
        "chain-of-thought": (World((thinking,), 12, 3, effect),),
    }


def drawn(benchmark: Benchmark, rng: np.random.Generator) -> dict[str, list[Dealt]]:
    """Draw every constraint of a benchmark."""
    return {category: [world.draw(rng) for world in worlds] for category, worlds in benchmark.items()}


def groups(dealt: dict[str, list[Dealt]]) -> list[tuple[Any, Any]]:
    """The categories as the intervals take them, one clip an item."""
    result, first = [], 0
    for constraints in dealt.values():
        followed = np.concatenate([one.followed for one in constraints])
        result.append((followed, np.arange(first, first + len(followed))))
        first += len(followed)
    return result


def true_ifrate(benchmark: Benchmark) -> float:
    """IFrate over all wordings and clips there could be."""
    return float(
        np.mean(
            [
                np.average(
                    [np.mean(world.rates) for world in worlds],
                    weights=[world.wordings * world.each * len(world.rates) for world in worlds],
                )
                for worlds in benchmark.values()
            ]
        )
    )


def true_redrawn(benchmark: Benchmark) -> float:
    """The variance of IFrate over wordings, as many and asked as often."""
    total = 0.0
    for worlds in benchmark.values():
        items = sum(world.wordings * world.each * len(world.rates) for world in worlds)
        for world in worlds:
            asked = world.each * len(world.rates)
            total += world.variance * world.wordings * (asked / items / len(benchmark)) ** 2
    return total
