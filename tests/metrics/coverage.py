"""Simulated runs whose true rates are known, and how often the intervals hold them.

Items of one clip are correlated: with probability √ρ an item copies a draw that its clip makes once, so that two
items of a clip correlate by exactly ρ. The clip's draw is one uniform number for all categories (and, where the
two runs share it, for both runs): a hard clip is hard for every item on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.clips import ClipCounts, fit
from speech_ifeval.metrics.combinations import (
    Combination,
    combine,
    critical_value,
    excess,
    ratio_limits,
    ratio_weights,
    sum_limits,
)
from speech_ifeval.metrics.intervals import mean_limits, rate_limits

Rates = tuple[float, float, float]
RESAMPLES = 400
WIDTH_SAMPLE = 60  # replications whose widths are averaged where limits are slow to find


def published_items() -> NDArray[np.int64]:
    """The published release: 933 closed-ended items on 933 clips, 400 on 274 of them, 200 on 200 of them."""
    items = np.zeros((3, 933), dtype=np.int64)
    items[0] = 1
    items[1, :126] = 2
    items[1, 126:274] = 1
    items[2, 100:300] = 1
    return items


def small_items() -> NDArray[np.int64]:
    """160, 70 and 40 items on 40 clips."""
    items = np.zeros((3, 40), dtype=np.int64)
    items[0] = 4
    items[1] = 1
    items[1, :30] = 2
    items[2] = 1
    return items


DESIGNS = {"published": published_items(), "small": small_items()}


@dataclass(frozen=True)
class Cell:
    """One setting of the simulation; the reference's rates are None where a single run is measured.

    `shared`: the reference draws its clips' luck with the run's. `agreement`: the share of items on which both
    runs make one draw, as two systems do that fail on the same hard items.
    """

    design: str
    correlation: float
    rates: Rates
    reference: Rates | None = None
    shared: bool = False
    agreement: float = 0.0

    def label(self) -> str:
        parts = [self.design, f"rho={self.correlation}", "rates=" + "/".join(map(str, self.rates))]
        if self.reference is not None:
            parts.append("reference=" + "/".join(map(str, self.reference)))
            parts.append(f"shared={int(self.shared)} agreement={self.agreement}")
        return " ".join(parts)


@dataclass(frozen=True)
class Measured:
    """Coverage, the shares missed on either side, and the mean width over that of the known normal interval."""

    coverage: float
    below: float
    above: float
    width: float


def simulate(cell: Cell, replications: int, seed: int) -> tuple[ClipCounts, ...]:
    """Return the counts of the run and, where the cell has one, of its reference."""
    rng = np.random.default_rng(seed)
    items = DESIGNS[cell.design]
    copies = np.sqrt(cell.correlation)
    shape = (replications, *items.shape)
    luck = rng.random((replications, 1, items.shape[1]), dtype=np.float32)
    thresholds = []
    for rates in [cell.rates] if cell.reference is None else [cell.rates, cell.reference]:
        if thresholds and not cell.shared:
            luck = rng.random((replications, 1, items.shape[1]), dtype=np.float32)
        rate = np.asarray(rates, dtype=np.float32)[:, None]
        thresholds.append((copies * (luck < rate) + (1 - copies) * rate).astype(np.float32))
    followed = [np.zeros(shape, dtype=np.int16) for _ in thresholds]
    for k, counts in enumerate(items):
        for copy in range(counts.max()):
            held = np.flatnonzero(counts > copy)
            draw = rng.random((replications, len(held)), dtype=np.float32)
            for run, threshold in enumerate(thresholds):
                if run:
                    fresh = rng.random(draw.shape, dtype=np.float32)
                    same = rng.random(draw.shape, dtype=np.float32) < cell.agreement
                    draw = np.where(same, draw, fresh) if cell.agreement else fresh
                followed[run][:, k, held] += draw < threshold[:, k, held]
    return tuple(ClipCounts(items, hits) for hits in followed)


def measure(
    value: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], truth: float
) -> Measured:
    """Count how often the interval holds the truth; `low` and `high` may cover only the first replications."""
    below, above = float((high < truth).mean()), float((low > truth).mean())
    return Measured(1 - below - above, below, above, width_ratio(value, low, high))


def width_ratio(value: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Mean width over that of the normal interval with the standard error the simulation itself shows."""
    return float((high - low).mean() / (2 * 1.959964 * value.std()))


def measure_rates(cell: Cell, replications: int, seed: int, level: float = 0.95) -> list[Measured]:
    """Coverage of the three categories' own rates."""
    (run,) = simulate(cell, replications, seed)
    value, low, high = rate_limits(run, level)
    return [measure(value[:, k], low[:, k], high[:, k], cell.rates[k]) for k in range(3)]


def measure_mean(cell: Cell, replications: int, seed: int, level: float = 0.95) -> Measured:
    """Coverage of IFrate."""
    (run,) = simulate(cell, replications, seed)
    return measure(*mean_limits(run, level), float(np.mean(cell.rates)))


def measure_pair(cell: Cell, replications: int, seed: int, level: float = 0.95) -> tuple[Measured, Measured]:
    """Coverage of points and of Δ (the ratio; a shift changes nothing).

    Whether the truth is inside is one test, so all replications are tested and the limits, which take a search,
    are found for the first ones only. Replications whose reference follows nothing have no Δ and are left out.
    """
    assert cell.reference is not None
    run, ref = simulate(cell, replications, seed)
    sums = combine([fit(run), fit(ref)])
    weights = np.repeat([1.0, -1.0], 3) / 3
    true_run, true_ref = float(np.mean(cell.rates)), float(np.mean(cell.reference))
    points = _tested(
        sums.value(weights),
        *excess(sums, weights, true_run - true_ref, critical_value(sums, weights, level)),
        sum_limits(first(sums, WIDTH_SAMPLE), weights, level)[1:],
    )
    sums = keep(sums, sums.rate[:, 3:].sum(axis=1) > 0)
    mean_run, mean_ref = sums.rate[:, :3].mean(axis=1), sums.rate[:, 3:].mean(axis=1)
    t = critical_value(sums, ratio_weights(np.arctan2(mean_run, mean_ref), 3), level)
    at_truth = ratio_weights(np.full(len(mean_run), np.arctan2(true_run, true_ref)), 3)
    delta = _tested(
        mean_run / mean_ref,
        *excess(sums, at_truth, 0.0, t),
        ratio_limits(first(sums, WIDTH_SAMPLE), level)[1:],
    )
    return points, delta


def first(sums: Combination, count: int) -> Combination:
    """The first replications of a combination."""
    return keep(sums, np.arange(len(sums.rate)) < count)


def keep(sums: Combination, which: NDArray[np.bool_]) -> Combination:
    """The replications of a combination that `which` marks."""
    per_run = ("rate", "effective", "correlation", "spread", "known", "observed")
    return sums._replace(**{name: getattr(sums, name)[which] for name in per_run})


def _tested(
    value: NDArray[np.float64],
    outside: NDArray[np.float64],
    statistic: NDArray[np.float64],
    limits: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Measured:
    missed = outside > 0
    below, above = float((missed & (statistic < 0)).mean()), float((missed & (statistic > 0)).mean())
    return Measured(1 - below - above, below, above, width_ratio(value, *limits))


def bootstrap_items(cell: Cell, replications: int, seed: int) -> Measured:
    """Coverage of IFrate's percentile bootstrap over items, for comparison: what ignores clips and edges."""
    (run,) = simulate(cell, replications, seed)
    rng = np.random.default_rng(seed + 1)
    total = run.items.sum(axis=1)
    rate = run.followed.sum(axis=2) / total
    draws = (rng.binomial(total, rate, size=(RESAMPLES, *rate.shape)) / total).mean(axis=2)
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    return measure(rate.mean(axis=1), low, high, float(np.mean(cell.rates)))


def bootstrap_clips(cell: Cell, replications: int, seed: int) -> Measured:
    """Coverage of IFrate's percentile bootstrap over clips, for comparison."""
    (run,) = simulate(cell, replications, seed)
    rng = np.random.default_rng(seed + 1)
    clips = run.items.shape[1]
    times = rng.multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES).astype(np.float32)
    items = run.items.astype(np.float32) @ times.T
    draws = (run.followed.astype(np.float32) @ times.T / items).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975], axis=1)
    value = (run.followed.sum(axis=2) / run.items.sum(axis=1)).mean(axis=1)
    return measure(value, low, high, float(np.mean(cell.rates)))


def failure_distribution(clip_items: NDArray[np.int64], rate: float, correlation: float) -> NDArray[np.float64]:
    """The exact distribution of the number of failures in one category."""
    copies = np.sqrt(correlation)
    result = np.ones(1)
    for count in clip_items[clip_items > 0]:
        clip = np.zeros(count + 1)
        for weight, follow in ((rate, copies + (1 - copies) * rate), (1 - rate, (1 - copies) * rate)):
            k = np.arange(count + 1)
            ways = np.array([math.comb(int(count), int(j)) for j in k])
            clip += weight * ways * (1 - follow) ** k * follow ** (count - k)
        result = np.convolve(result, clip)
    return result


def reachable(distribution: NDArray[np.float64], low: float, high: float) -> bool:
    """Whether any interval computed from the count can have a coverage in the band.

    An interval with monotone limits holds a given truth for a run of neighbouring counts and for no other, so its
    coverage is the probability of that run.
    """
    cumulative = np.concatenate([[0.0], np.cumsum(distribution)])
    probability = cumulative[None, 1:] - cumulative[:-1, None]
    return bool(((probability >= low) & (probability <= high)).any())


def same(rate: float) -> Rates:
    """One rate in all three categories."""
    return (rate, rate, rate)


RATES = (0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.98, 0.99, 0.995)
MIXED: tuple[Rates, ...] = (
    (0.99, 0.9, 0.5),
    (0.995, 0.95, 0.8),
    (0.9, 0.99, 0.995),
    (0.98, 0.6, 0.3),
    (0.05, 0.5, 0.95),
    (0.01, 0.3, 0.995),
)
PAIRS: tuple[tuple[Rates, Rates], ...] = (
    (same(0.01), same(0.5)),
    (same(0.01), same(0.95)),
    (same(0.1), same(0.9)),
    (same(0.3), same(0.3)),
    (same(0.5), same(0.5)),
    (same(0.5), same(0.95)),
    (same(0.8), same(0.9)),
    (same(0.9), same(0.9)),
    (same(0.95), same(0.95)),
    (same(0.9), same(0.99)),
    (same(0.99), same(0.99)),
    (same(0.995), same(0.995)),
    (same(0.99), same(0.5)),
    (same(0.995), same(0.95)),
    ((0.05, 0.5, 0.95), same(0.9)),
    ((0.9, 0.7, 0.3), (0.95, 0.9, 0.8)),
    ((0.9, 0.99, 0.995), (0.95, 0.95, 0.99)),
)
# Correlation within clips, whether the two runs share the clips' luck, and how many items they draw alike.
TIES: tuple[tuple[float, bool, float], ...] = (
    (0.0, False, 0.0),
    (0.1, False, 0.0),
    (0.3, False, 0.0),
    (0.3, True, 0.0),
    (0.1, True, 0.6),
)


def single_cells(rates: Sequence[Rates]) -> list[Cell]:
    return [Cell(d, c, r) for d in DESIGNS for c in (0.0, 0.1, 0.3) for r in rates]


def pair_cells(
    pairs: Sequence[tuple[Rates, Rates]] = PAIRS, designs: Sequence[str] = tuple(DESIGNS)
) -> list[Cell]:
    return [Cell(d, c, r, ref, s, a) for d in designs for c, s, a in TIES for r, ref in pairs]
