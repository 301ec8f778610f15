"""The bootstrap and the test of a ratio of sums: against scipy and statsmodels, and by simulation."""

from __future__ import annotations

import tracemalloc
from typing import Literal

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from speech_ifeval.metrics import bootstrap
from speech_ifeval.metrics.bootstrap import ratio_interval, resampled, swap_test
from tests.metrics.word_error_coverage import Cell, coverage

ORDINARY = [
    Cell(39, 5, 0.05, 0.3, 0.03, 0.02),
    Cell(39, 5, 0.05, 0.0, 0.03, 0.02),
    Cell(39, 5, 0.10, 0.3, 0.10, 0.05),
    Cell(200, 1, 0.05, 0.0, 0.03, 0.02),
    Cell(20, 2, 0.05, 0.3, 0.10, 0.05),
    Cell(20, 1, 0.05, 0.3, 0.20, 0.05),
]
# What costs most happens to less than one transcript in the sample: no resampling can show what is not in it.
RARE = [Cell(20, 1, 0.05, 0.3, 0.03, 0.02), Cell(39, 5, 0.05, 0.0, 0.005, 0.01)]


def skewed(clusters: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    words = rng.integers(10, 60, clusters).astype(float)
    return np.minimum(rng.poisson(0.06 * words * rng.gamma(0.5, 2.0, clusters)), words).astype(float), words


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_interval_is_that_of_scipy_where_clusters_are_many(seed: int) -> None:
    errors, words = skewed(300, seed)
    value, low, high = ratio_interval(errors, words, resampled(300, seed=0, resamples=20_000))
    theirs = stats.bootstrap(
        (errors, words),
        lambda top, bottom, axis=-1: top.sum(axis) / bottom.sum(axis),
        paired=True,
        method="BCa",
        n_resamples=20_000,
        rng=np.random.default_rng(9),
    ).confidence_interval
    assert value == pytest.approx(errors.sum() / words.sum())
    assert (low, high) == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_few_clusters_widen_the_interval_to_students_t() -> None:
    errors, words = np.tile([1.0, 2.0, 3.0, 4.0], 3), np.full(12, 10.0)
    _, low, high = ratio_interval(errors, words, resampled(12, seed=0, resamples=20_000))
    assert low is not None
    assert high is not None
    assert high - low == pytest.approx(2 * stats.t.ppf(0.975, 11) * errors.std(ddof=1) / 12**0.5 / 10, rel=0.06)


def test_the_seed_decides_the_interval() -> None:
    errors, words = skewed(40, 1)
    first, again, other = (ratio_interval(errors, words, resampled(40, seed)) for seed in (0, 0, 1))
    assert first == again
    assert first.value == other.value
    assert first.low != other.low


@pytest.mark.parametrize(
    ("errors", "words"),
    [([0.0, 0.0, 0.0], [5.0, 6.0, 7.0]), ([1.0, 2.0], [10.0, 20.0]), ([3.0], [10.0]), ([-2.0, -1.0], [4.0, 2.0])],
    ids=["no errors", "one rate", "one cluster", "one change"],
)
def test_clusters_that_tell_nothing_give_no_interval(errors: list[float], words: list[float]) -> None:
    value, low, high = ratio_interval(np.array(errors), np.array(words), resampled(len(words), 0))
    assert value == sum(errors) / sum(words)
    assert (low, high) == (None, None)


def test_draws_without_a_word_are_left_out() -> None:
    value, low, high = ratio_interval(np.array([1.0, 3.0]), np.array([0.0, 10.0]), resampled(2, 0))
    assert low is not None
    assert high is not None
    assert np.isfinite([low, value, high]).all()


def test_a_ratio_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="undefined"):
        ratio_interval(np.array([1.0]), np.array([0.0]), resampled(1, 0))


@pytest.mark.parametrize("changes", [[3, 1, 2, 0, 4], [5, -1, 2, 2, -3, 1, 1, 0, 7], [-1, -1, -2, -1, -4, -1, -1]])
def test_the_swap_test_is_scipys_permutation_of_pairs(changes: list[int]) -> None:
    after = np.array(changes, dtype=float)
    exact = stats.permutation_test(
        (after, np.zeros_like(after)),
        lambda a, b, axis=-1: (a - b).sum(axis),
        permutation_type="samples",
        n_resamples=np.inf,
    ).pvalue
    assert swap_test(after, seed=0) == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize(("worse", "better"), [(5, 0), (8, 1), (12, 4), (3, 3)])
def test_the_swap_test_of_single_outcomes_is_mcnemars(worse: int, better: int) -> None:
    exact = statsmodels_mcnemar([[0, worse], [better, 0]], exact=True).pvalue
    assert swap_test(np.array([1.0] * worse + [-1.0] * better + [0.0] * 9), seed=0) == pytest.approx(
        exact, abs=0.012
    )


def test_no_change_at_all_is_no_finding() -> None:
    assert swap_test(np.zeros(5), seed=0) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("figure", ["rate", "change"])
@pytest.mark.parametrize("cell", ORDINARY, ids=str)
def test_the_interval_of_a_word_error_rate_holds_its_level(cell: Cell, figure: Literal["rate", "change"]) -> None:
    slack = 2.6 * (0.95 * 0.05 / 1000) ** 0.5
    assert 0.93 - slack <= coverage(cell, figure, 1000, seed=1) <= 0.97 + slack


@pytest.mark.slow
@pytest.mark.parametrize("cell", RARE, ids=str)
def test_what_is_too_rare_to_be_in_the_sample_is_not_held(cell: Cell) -> None:
    assert coverage(cell, "change", 500, seed=1) < 0.75


@pytest.mark.slow
def test_the_swap_test_holds_its_level() -> None:
    rng = np.random.default_rng(3)
    sizes = rng.poisson(0.6, (1000, 39)) * rng.choice([-1, 1], (1000, 39)).astype(float)
    rejected = np.mean([swap_test(changes, seed=0, swaps=999) < 0.05 for changes in sizes])
    # Below the level, because sums of a few small whole numbers tie.
    assert 0.02 < rejected < 0.05 + 2.6 * (0.95 * 0.05 / 1000) ** 0.5


@pytest.mark.parametrize("clusters", [1, 3, 10, 41, 100])
def test_signs_are_the_same_however_many_are_in_memory(clusters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = np.random.default_rng(clusters).integers(1, 4, clusters) - 1.5
    whole = [swap_test(changes, seed) for seed in range(5)]
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 1000)
    assert [swap_test(changes, seed) for seed in range(5)] == whole


def test_many_clusters_are_drawn_as_they_are_all_at_once() -> None:
    expected = np.random.default_rng(3).multinomial(7_000, np.full(7_000, 1 / 7_000), size=250)
    tracemalloc.start()
    found = resampled(7_000, seed=3, resamples=250)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found == expected).all()
    assert peak < 1.6 * found.nbytes


def test_the_swap_test_of_many_clusters_draws_the_same_signs_in_little_memory() -> None:
    changes = np.random.default_rng(1).integers(-4, 5, size=4_001).astype(float) + 0.25
    signs = np.random.default_rng(0).integers(0, 2, size=(999, len(changes)), dtype=np.int8)
    drawn = np.abs((2.0 * signs - 1.0) @ changes)
    expected = (1 + (drawn >= abs(changes.sum()) * (1 - 1e-12) - 1e-12).sum()) / 1_000
    tracemalloc.start()
    found = swap_test(changes, seed=0, swaps=999)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == expected
    assert peak < 12 << 20, "all signs at once, as numbers that can be multiplied, are 36 MB"
