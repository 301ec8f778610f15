"""How often what is said of wordings holds in simulated benchmarks; see `tests.metrics.wording_worlds`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.beta_binomial import shrunken
from speech_ifeval.metrics.dealing import Dealt
from speech_ifeval.metrics.intervals import mean_rate_interval
from speech_ifeval.metrics.luck import Source, deviation, widened
from speech_ifeval.metrics.overdispersion import Limits, component_limits, p_value, unseen_limits
from tests.metrics.wording_worlds import Benchmark, World, drawn, groups, true_ifrate, true_redrawn

PERMUTATIONS = 999
SIMULATIONS = 500
TOUCHING = 1e-6  # a rate nearer to 0 or 1 than this is as good as there


class Measured(NamedTuple):
    """Of simulated data sets: how often wording is found to matter, and how often intervals hold the truth."""

    found: float
    held: float
    below: float  # the truth lies below the interval
    above: float


def generators(replications: int, seed: int) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, replication]) for replication in range(replications)]


def _limits(dealt: Dealt, rng: np.random.Generator) -> Limits:
    if dealt.constant:
        return unseen_limits(dealt)
    return component_limits(dealt, dealt.with_effects(rng, simulations=SIMULATIONS))


def measure_test(world: World, replications: int, seed: int) -> float:
    """How often the test finds something at .05."""
    found = 0
    for rng in generators(replications, seed):
        dealt = world.draw(rng)
        found += not dealt.constant and p_value(dealt.statistic, dealt.null(rng, PERMUTATIONS)) <= 0.05
    return found / replications


def measure_component(world: World, replications: int, seed: int) -> Measured:
    """The test, and the interval of the variance that wordings add."""
    found = below = above = 0
    truth = world.variance
    for rng in generators(replications, seed):
        dealt = world.draw(rng)
        found += not dealt.constant and p_value(dealt.statistic, dealt.null(rng, PERMUTATIONS)) <= 0.05
        limits = _limits(dealt, rng)
        below += truth < limits.low - 1e-12
        above += truth > limits.high + 1e-12
    return Measured(*(count / replications for count in (found, replications - below - above, below, above)))


def measure_rates(world: World, replications: int, seed: int) -> tuple[Measured, float]:
    """The intervals of wordings' rates; and the error of shrunken rates as a share of that of observed ones."""
    below = above = wordings = 0
    error = observed_error = 0.0
    for rng in generators(replications, seed):
        dealt, rates = world.draw_with_rates(rng)
        mean = float(dealt.followed.mean())
        if not 0 < mean < 1:
            continue
        found = shrunken(dealt.observed, dealt.items, mean)
        below += int((rates < found.low - TOUCHING).sum())
        above += int((rates > found.high + TOUCHING).sum())
        wordings += len(rates)
        error += float(((found.rate - rates) ** 2).sum())
        observed_error += float(((dealt.observed / dealt.items - rates) ** 2).sum())
    held = 1 - (below + above) / wordings
    return Measured(0.0, held, below / wordings, above / wordings), (error / observed_error) ** 0.5


def measure_ifrate(benchmark: Benchmark, replications: int, seed: int) -> tuple[Measured, Measured]:
    """The interval of IFrate over clips alone, and that over clips and wordings."""
    truth = true_ifrate(benchmark)
    counts = np.zeros((2, 2))
    for rng in generators(replications, seed):
        dealt = drawn(benchmark, rng)
        alone = mean_rate_interval(groups(dealt))
        shared = sum(source.shared().value for source in _sources(dealt, lambda _: Limits(0.0, 0.0, True)))
        for at, interval in enumerate((alone, widened(alone, shared))):
            counts[at] += (truth < interval.low, truth > interval.high)
    below, above = (counts / replications).T
    one, other = (Measured(0.0, 1 - below[at] - above[at], float(below[at]), float(above[at])) for at in range(2))
    return one, other


def measure_redrawn(benchmark: Benchmark, replications: int, seed: int) -> Measured:
    """The interval of IFrate's standard deviation over other wordings."""
    truth = true_redrawn(benchmark) ** 0.5
    below = above = 0
    for rng in generators(replications, seed):
        dealt = drawn(benchmark, rng)
        sources = _sources(dealt, lambda one, rng=rng: _limits(one, rng))
        found = deviation([source.redrawn() for source in sources])
        below += truth < found.low - 1e-12
        above += truth > found.high + 1e-12
    return Measured(0.0, 1 - (below + above) / replications, below / replications, above / replications)


def _sources(dealt: dict[str, list[Dealt]], limits: Callable[[Dealt], Limits]) -> list[Source]:
    return [
        Source(one, limits(one), 1 / len(dealt) / sum(other.followed.size for other in constraints))
        for constraints in dealt.values()
        for one in constraints
    ]
