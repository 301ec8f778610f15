"""The beta-binomial against scipy, and shrunken rates in simulated worlds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from speech_ifeval.metrics.beta_binomial import fit_correlation, log_likelihood, shrunken
from tests.metrics.wording_coverage import measure_rates
from tests.metrics.wording_worlds import World

DESIGNS = [(25, 5, 0.8, 0.2), (50, 5, 0.64, 0.05), (12, 10, 0.9, 0.4), (40, 5, 0.5, 0.02)]


def drawn(labels: int, items: int, mean: float, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([labels, items])
    worth = 1 / correlation - 1
    rates = rng.beta(mean * worth, (1 - mean) * worth, labels)
    n = rng.integers(items - 1, items + 2, labels)
    return rng.binomial(n, rates).astype(float), n.astype(float)


@pytest.mark.parametrize("design", DESIGNS)
def test_the_likelihood_and_its_maximum_are_scipys(design: tuple[int, int, float, float]) -> None:
    followed, items = drawn(*design)
    mean = float(followed.sum() / items.sum())

    def theirs(correlation: float) -> float:
        worth = 1 / correlation - 1
        return float(stats.betabinom.logpmf(followed, items, mean * worth, (1 - mean) * worth).sum())

    tried = np.array([0.01, 0.1, 0.3, 0.8])
    ours = log_likelihood(followed, items, mean, tried)
    assert ours - ours[0] == pytest.approx([theirs(one) - theirs(0.01) for one in tried], abs=1e-8)
    best = optimize.minimize_scalar(lambda one: -theirs(one), bounds=(1e-9, 1 - 1e-9), options={"xatol": 1e-9})
    assert fit_correlation(followed, items, mean) == pytest.approx(best.x, abs=1e-5)


def test_labels_that_are_more_alike_than_chance_have_no_correlation() -> None:
    assert fit_correlation(np.full(10, 3.0), np.full(10, 6.0), 0.5) == 0


def test_what_is_seen_most_often_is_shrunk_least() -> None:
    followed, items = np.array([2.0, 20.0, 18.0, 19.0, 1.0, 9.0]), np.array([2.0, 20.0, 20.0, 20.0, 20.0, 10.0])
    found = shrunken(followed, items, float(followed.sum() / items.sum()))
    assert found.rate[0] < found.rate[1]  # both were always followed
    assert found.high[4] < 0.5 < found.low[1]
    assert ((found.low <= found.rate) & (found.rate <= found.high)).all()


def test_followed_and_not_followed_are_mirror_images() -> None:
    followed, items = np.array([5.0, 4.0, 2.0, 5.0]), np.full(4, 5.0)
    one, other = shrunken(followed, items, 0.8), shrunken(items - followed, items, 0.2)
    assert one.rate == pytest.approx(1 - other.rate)
    assert one.low == pytest.approx(1 - other.high, abs=1e-6)


def test_given_the_correlation_a_rate_is_the_mean_of_its_beta() -> None:
    # So many labels leave little doubt about correlation and mean.
    rng = np.random.default_rng(0)
    followed = rng.binomial(8, rng.beta(6.0, 2.0, 500)).astype(float)
    found = shrunken(followed, np.full(500, 8.0), float(followed.mean() / 8))
    for hits in (3.0, 8.0):
        at = int(np.argmax(followed == hits))
        known = stats.beta(6 + hits, 2 + 8 - hits)
        assert found.rate[at] == pytest.approx(known.mean(), abs=0.02)
        assert (found.low[at], found.high[at]) == pytest.approx(known.interval(0.95), abs=0.03)


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_a_mean_at_the_edge_is_refused(mean: float) -> None:
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        shrunken(np.array([1.0]), np.array([1.0]), mean)
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        fit_correlation(np.array([1.0]), np.array([1.0]), mean)


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        World((0.8, 0.9, 0.85, 0.7, 0.7), 25, 1, 0.0),
        World((0.8, 0.9, 0.85, 0.7, 0.7), 25, 1, 1.0),
        World((0.8, 0.9, 0.85, 0.7, 0.7), 25, 1, 3.0),
        World((0.6,), 50, 5, 1.0),
        World((0.7, 0.8), 12, 1, 1.0),
    ],
    ids=str,
)
def test_the_intervals_of_shrunken_rates_hold_and_the_rates_are_nearer_than_observed_ones(world: World) -> None:
    measured, error = measure_rates(world, 60, seed=1)
    assert measured.held >= 0.92
    assert error < 1
