"""Simulated transcripts of twins whose true word error rates are known, and how often the intervals hold them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from speech_ifeval.metrics.bootstrap import Ratio, ratio_interval, resampled
from speech_ifeval.metrics.clips import Floats

RESAMPLES = 1000
TRUTH_SPEAKERS = 100_000


@dataclass(frozen=True)
class Cell:
    """One setting: how many speakers with how many clips on average, and what a constraint does.

    `rate` is the word error rate without a constraint, which varies by speaker (`spread`, the variance of a factor
    of mean 1) and more by clip. With it, 30 % of transcripts gain errors at `cost`, and a share `broken` of them
    has none of its words right and some more.
    """

    speakers: int
    clips: int
    rate: float
    spread: float
    broken: float
    cost: float


def simulate(rng: np.random.Generator, cell: Cell, speakers: int) -> tuple[Floats, Floats, Floats]:
    """Return each speaker's errors without and with a constraint, and words, (speakers,) each."""
    clips = rng.integers(1, 2 * cell.clips, size=speakers) if cell.clips > 1 else np.ones(speakers, dtype=int)
    speaker = np.repeat(np.arange(speakers), clips)
    n = len(speaker)
    words = np.maximum(2, rng.lognormal(3.0, 0.5, n)).astype(int)
    factor = rng.gamma(1 / cell.spread, cell.spread, speakers) if cell.spread else np.ones(speakers)
    plain = rng.binomial(words, np.minimum(cell.rate * factor[speaker] * rng.gamma(0.7, 1 / 0.7, n), 0.9))
    extra = rng.binomial(words, np.minimum(cell.cost * rng.gamma(0.5, 2, n), 0.9))
    constrained = np.where(rng.random(n) < 0.3, np.minimum(plain + extra, words), plain)
    broken = rng.random(n) < np.minimum(cell.broken * factor[speaker], 1)
    constrained = np.where(broken, words + rng.poisson(3, n), constrained)
    without, with_constraint, total = (
        np.bincount(speaker, weights=column, minlength=speakers).astype(np.float64)
        for column in (plain, constrained, words)
    )
    return without, with_constraint, total


def coverage(cell: Cell, figure: Literal["rate", "change"], replications: int, seed: int) -> float:
    """Return the share of simulated runs whose interval holds the true figure."""
    rng = np.random.default_rng(seed)

    def numbers(speakers: int) -> tuple[Floats, Floats]:
        plain, constrained, words = simulate(rng, cell, speakers)
        return (constrained if figure == "rate" else constrained - plain), words

    errors, words = numbers(TRUTH_SPEAKERS)
    truth = errors.sum() / words.sum()
    draws = resampled(cell.speakers, seed, RESAMPLES)
    found = [ratio_interval(*numbers(cell.speakers), draws) for _ in range(replications)]
    return float(np.mean([holds(one, truth) for one in found]))


def holds(found: Ratio, truth: float) -> bool:
    if found.low is None or found.high is None:
        return False
    return bool(found.low <= truth <= found.high)
