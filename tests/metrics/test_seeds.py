"""Means over seeds and clips: exact figures, scipy's t, and coverage by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from speech_ifeval.metrics.seeds import clip_shares, crossed_mean, crossed_relative


def test_shares_add_up_to_the_mean_of_the_categories_rates() -> None:
    followed = [
        {"closed": [("a", True), ("b", False), ("b", True)], "creative": [("a", True)], "thought": [("c", False)]},
        {
            "closed": [("a", False), ("b", False), ("b", False)],
            "creative": [("a", False)],
            "thought": [("c", True)],
        },
    ]
    assert clip_shares(followed).sum(axis=1) == pytest.approx([100 * (2 / 3 + 1 + 0) / 3, 100 / 3])


def test_clips_that_agree_leave_the_t_interval_over_seeds() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(50, 5, size=4)
    shares = np.repeat(values[:, None] / 20, 20, axis=1)  # every clip the same share: no spread between clips
    found = crossed_mean(shares)
    low, high = stats.t.interval(0.95, 3, loc=values.mean(), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3)


def test_seeds_that_agree_leave_the_t_interval_over_clips() -> None:
    clips = np.random.default_rng(1).normal(1, 0.3, size=30)
    found = crossed_mean(np.repeat(clips[None, :], 3, axis=0))
    low, high = stats.t.interval(0.95, 29, loc=clips.mean(), scale=stats.sem(clips))
    assert (found.low, found.high) == pytest.approx((30 * low, 30 * high), rel=1e-3)


def test_a_single_seed_has_no_interval() -> None:
    assert crossed_mean([[1.0, 2.0]]).low is None
    assert crossed_relative([[1.0, 2.0]], [2.0, 2.0]) == (-25.0, None, None)


def test_a_change_against_a_constant_reference_is_the_mean_scaled() -> None:
    shares = np.random.default_rng(2).normal(1, 0.2, size=(3, 40))
    reference = np.full(40, 2.0)
    change, mean = crossed_relative(shares, reference), crossed_mean(shares)
    assert change.value == pytest.approx(100 * (mean.value - 80) / 80)
    low, high = crossed_mean(shares - mean.value / 40)[1:]
    assert (low, high) != (None, None)
    assert change.low == pytest.approx(change.value + 100 * float(low or 0) / 80)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "seed_spread", "clip_spread"), [(3, 3.0, 0.3), (3, 0.0, 0.5), (5, 6.0, 0.1)])
def test_intervals_cover_what_is_true(seeds: int, seed_spread: float, clip_spread: float) -> None:
    rng = np.random.default_rng(3)
    clips, runs, covered = 40, 2000, 0
    for _ in range(runs):
        seed = rng.normal(0, seed_spread, size=(seeds, 1)) / clips
        clip = rng.normal(0, clip_spread, size=(1, clips))
        noise = rng.normal(0, 0.5, size=(seeds, clips))
        found = crossed_mean(60 / clips + seed + clip + noise)
        covered += found.low is not None and found.high is not None and found.low <= 60 <= found.high
    assert 0.935 <= covered / runs <= 1.0
