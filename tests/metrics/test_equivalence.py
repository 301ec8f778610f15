"""Equivalence: Tango's published figures, the likelihood maximised by another tool, simulated error rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from speech_ifeval.metrics.equivalence import (
    ALPHA,
    Changes,
    change_limits,
    changes,
    equivalent,
    limits_at,
    p_equivalent,
    reaches,
    statistic,
    tally,
)
from speech_ifeval.metrics.paired import group_difference
from speech_ifeval.metrics.quantiles import student_t_quantile

THREE, FIVE = np.arange(-1.0, 2.0), np.arange(-2.0, 3.0)
Z = np.array([stats.norm.ppf(0.975)])


def independent(counts: Sequence[float], df: float = 1e6) -> Changes:
    values = THREE if len(counts) == 3 else FIVE
    return Changes(values, np.array([counts], dtype=np.float64), np.array([df]), int(sum(counts)))


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((53, 16, 8, 9), -0.020, 0.207),  # Agresti & Min (2005), Statistics in Medicine 24, 729-740
        (
            (1, 1, 7, 12),
            -0.517,
            -0.026,
        ),  # Fagerland, Lydersen & Laake (2014), Statistics in Medicine 33, 2850-2875
    ],
)
def test_the_interval_is_tangos_as_published(table: tuple[int, ...], low: float, high: float) -> None:
    both, first, second, neither = table
    _, found_low, found_high = limits_at(independent([second, both + neither, first]), Z)
    assert (round(float(found_low[0]), 3), round(float(found_high[0]), 3)) == (low, high)


def likeliest_variance(counts: NDArray[np.float64], values: NDArray[np.float64], null: float) -> float:
    """The variance at the shares that maximise the multinomial likelihood under a mean of `null`, by SLSQP."""
    size, rng, best = counts.sum(), np.random.default_rng(0), None
    for _ in range(8):
        first = rng.dirichlet(counts + 1)
        found = optimize.minimize(
            lambda p: -float(counts @ np.log(np.maximum(p, 1e-300))) / size,
            first,
            jac=lambda p: -counts / np.maximum(p, 1e-300) / size,
            method="SLSQP",
            bounds=[(1e-10, 1)] * len(values),
            constraints=[
                {"type": "eq", "fun": lambda p: p.sum() - 1, "jac": lambda p: np.ones_like(p)},
                {"type": "eq", "fun": lambda p: p @ values - null, "jac": lambda p: values},
            ],
            options={"maxiter": 1000, "ftol": 1e-13},
        )
        feasible = abs(found.x.sum() - 1) < 1e-8 and abs(found.x @ values - null) < 1e-8
        if feasible and (best is None or found.fun < best.fun):
            best = found
    assert best is not None
    return float(best.x @ (values - null) ** 2)


@pytest.mark.parametrize(
    "counts",
    [(4, 60, 9), (0, 50, 3), (7, 20, 0), (12, 30, 14), (0, 3, 40, 5, 0), (1, 8, 60, 4, 2), (2, 0, 30, 6, 0)],
)
def test_the_variance_is_that_of_the_likelihood_another_tool_maximises(counts: tuple[int, ...]) -> None:
    found = independent(counts)
    for null in (-0.3, -0.1, -0.02, 0.0, 0.05, 0.2, 0.4):
        variance = likeliest_variance(found.counts[0], found.values, null)
        expected = (found.mean[0] - null) / np.sqrt(variance / sum(counts))
        assert statistic(found, np.array([null]))[0] == pytest.approx(expected, rel=2e-3, abs=2e-3), null


@pytest.mark.parametrize(("lost", "gained"), [(8, 1), (3, 3), (0, 6), (40, 22)])
def test_at_no_change_it_is_mcnemars_statistic(lost: int, gained: int) -> None:
    table = [[50, lost], [gained, 30]]
    expected = statsmodels_mcnemar(table, exact=False, correction=False).statistic
    found = statistic(independent([lost, 80, gained]), np.zeros(1))[0]
    assert found**2 == pytest.approx(expected)


def random_changes(seed: int, most: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 120))
    flips = rng.random(count) < rng.uniform(0, 0.6)
    return flips * rng.integers(-most, most + 1, count), rng.integers(0, max(count // 3, 2), count)


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_turned_round_it_says_the_same_and_order_and_names_do_not_matter(seed: int, most: int) -> None:
    change, clip = random_changes(seed, most)
    one = equivalent(change, [clip], 0.05, most=most)
    other = equivalent(-change[::-1], [np.array([f"clip {n}" for n in clip[::-1]])], 0.05, most=most)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert (one.p, one.p_equivalent) == pytest.approx((other.p, other.p_equivalent))
    assert one.low <= one.value <= one.high


@pytest.mark.parametrize("seed", range(8))
def test_tests_and_intervals_say_the_same(seed: int) -> None:
    change, clip = random_changes(seed)
    found = changes(THREE, [tally(change, clip, THREE)])
    _, low, high = change_limits(found, 0.95)
    _, inner_low, inner_high = change_limits(found, 1 - 2 * ALPHA)
    assert (equivalent(change, [clip], 0.05).p < 0.05) == bool(low[0] > 0 or high[0] < 0)
    for margin in (0.03, 0.1, 0.3):
        inside = bool(-margin < inner_low[0] and inner_high[0] < margin)
        assert bool(p_equivalent(found, margin)[0] < ALPHA) == inside


def test_items_of_a_clip_tell_less_and_a_second_labelling_less_again() -> None:
    rng = np.random.default_rng(1)
    change = np.repeat(rng.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=40), 4)
    alone, clip, other = np.arange(160), np.repeat(np.arange(40), 4), np.tile(np.arange(40), 4)
    widths = [
        (found := equivalent(change, clusters, 0.05)).high - found.low
        for clusters in ([alone], [clip], [clip, other])
    ]
    assert widths[0] * 1.5 < widths[1] < widths[2]


def test_no_change_at_all_is_no_certainty() -> None:
    found = equivalent([0] * 30, [np.arange(30)], 0.05)
    assert (found.value, found.p, found.p_equivalent > ALPHA, found.power) == (0, 1, True, 0)
    assert 0.08 < found.high < 0.15
    assert found.least_margin > 0.05
    assert equivalent([0] * 300, [np.arange(300)], 0.05).p_equivalent < 0.001


@pytest.mark.parametrize(("change", "most"), [([1] * 9, 1), ([-2] * 9, 2), ([-1], 1), ([2, 2, -2], 2)])
def test_the_ends_of_the_range_are_reached_without_trouble(change: list[int], most: int) -> None:
    found = equivalent(change, [np.arange(len(change))], 0.05, most=most)
    assert -most <= found.low <= found.value <= found.high <= most


@pytest.mark.parametrize(
    ("change", "clusters", "margin", "message"),
    [
        ([], [[]], 0.05, "at least one"),
        ([0, 1], [[0]], 0.05, "one each"),
        ([0, 3], [[0, 1]], 0.05, "must be among"),
        ([0.5], [[0]], 0.05, "must be among"),
        ([0], [[0]], 0.0, "a margin lies between"),
        ([0], [[0]], 1.0, "a margin lies between"),
    ],
)
def test_what_cannot_be_counted_is_said(change: Any, clusters: Any, margin: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        equivalent(change, clusters, margin)


@pytest.mark.parametrize("seed", range(4))
def test_a_difference_of_groups_has_the_error_of_a_clustered_regression(seed: int) -> None:
    change, clip = random_changes(seed)
    second = np.random.default_rng(seed + 50).random(len(change)) < 0.4
    found = group_difference(change, clip, second)
    count = len(set(clip.tolist()))
    fitted = OLS(change.astype(float), np.column_stack([np.ones(len(change)), second])).fit(
        cov_type="cluster", cov_kwds={"groups": clip, "use_correction": False}
    )
    error = fitted.bse[1] * np.sqrt(count / (count - 1))
    assert found.value == pytest.approx(fitted.params[1])
    assert found.high is not None
    assert found.high - found.value == pytest.approx(error * stats.t.ppf(0.975, count - 1), rel=1e-3)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(found.value) / error, count - 1), rel=1e-3, abs=1e-6)


# ----------------------------------------------------------------------------------------------- simulations

Chances = tuple[float, ...]


def simulated(clips: int, each: int, chances: Chances, correlation: float, seed: int, runs: int) -> Changes:
    """Changes of clips in which an item copies its clip's draw with probability √correlation."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(chances)[:-1]
    own = np.searchsorted(ends, rng.random((runs, clips, each)))
    common = np.searchsorted(ends, rng.random((runs, clips, 1)))
    drawn = np.where(rng.random(own.shape) < np.sqrt(correlation), common, own)
    values = THREE if len(chances) == 3 else FIVE
    counts = np.stack([(drawn == index).sum(axis=2) for index in range(len(values))], axis=-1)
    return changes(values, [counts.astype(np.float64)])


RUNS = 4000
SIZES = ((933, 1), (160, 1), (40, 4), (40, 7))
CHANCES: tuple[Chances, ...] = (
    (0.05, 0.90, 0.05),
    (0.10, 0.80, 0.10),
    (0.10, 0.75, 0.15),
    (0.02, 0.78, 0.20),
    (0.01, 0.93, 0.06),
    (0.02, 0.08, 0.80, 0.08, 0.02),
    (0.01, 0.05, 0.82, 0.10, 0.02),
)


def tolerance(share: float) -> float:
    return float(2.6 * np.sqrt(share * (1 - share) / RUNS))


def correlations(each: int) -> tuple[float, ...]:
    return (0.0,) if each == 1 else (0.0, 0.1, 0.3)


@pytest.mark.slow
def test_the_interval_holds_its_level() -> None:
    wrong = []
    for clips, each in SIZES:
        for correlation in correlations(each):
            for chances in CHANCES:
                found = simulated(clips, each, chances, correlation, seed=1, runs=RUNS)
                truth = float(np.array(chances) @ found.values)
                missed = np.abs(statistic(found, np.full(RUNS, truth))) > student_t_quantile(0.975, found.df)
                held = 1 - float(missed.mean())
                if not 0.93 - tolerance(0.93) <= held <= 0.98 + tolerance(0.98):
                    wrong.append((clips, each, correlation, chances, held))
    assert not wrong


@pytest.mark.slow
def test_a_change_as_large_as_the_margin_is_called_none_in_one_of_twenty_samples_at_most() -> None:
    """Where items of a clip correlate by .3 and change one way only, it is up to one in ten: the limit told."""
    wrong = []
    for clips, each in SIZES:
        for correlation in correlations(each):
            for chances in (*CHANCES[2:5], CHANCES[6], (0.0, 0.95, 0.05)):
                values = THREE if len(chances) == 3 else FIVE
                margin = float(np.array(chances) @ values)
                found = simulated(clips, each, chances, correlation, seed=2, runs=RUNS)
                size = float((p_equivalent(found, margin) < ALPHA).mean())
                most = 0.11 if correlation == 0.3 and chances[0] == 0 else 0.06
                if size > most + tolerance(most):
                    wrong.append((clips, each, correlation, chances, size))
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "each"), SIZES)
@pytest.mark.parametrize("flips", [0.02, 0.1, 0.2])
def test_the_power_that_is_told_is_the_share_of_samples_that_show_the_margin(
    clips: int, each: int, flips: float
) -> None:
    chances = (flips / 2, 1 - flips, flips / 2)
    found = simulated(clips, each, chances, 0.1 if each > 1 else 0.0, seed=3, runs=RUNS)
    told = np.stack([reaches(_one(found, run), seed=run) for run in range(15)])
    for margin in (0.03, 0.05, 0.1):
        shown = float((p_equivalent(found, margin) < ALPHA).mean())
        # It is estimated from the very sample whose flips it takes for granted, so it is rough if flips are few.
        assert shown == pytest.approx(float((told < margin).mean()), abs=0.12), margin


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "each", "flips"), [(933, 1, 0.25), (40, 4, 0.01)])
def test_so_many_flips_leave_five_points_to_be_shown_as_the_docs_say(clips: int, each: int, flips: float) -> None:
    found = simulated(clips, each, (flips / 2, 1 - flips, flips / 2), 0.1 if each > 1 else 0.0, seed=5, runs=20)
    least = [np.quantile(reaches(_one(found, run), seed=run, draws=300), 0.8) for run in range(20)]
    more = simulated(clips, each, (flips, 1 - 2 * flips, flips), 0.1 if each > 1 else 0.0, seed=5, runs=20)
    beyond = [np.quantile(reaches(_one(more, run), seed=run, draws=300), 0.8) for run in range(20)]
    assert np.mean(least) < 0.05 < np.mean(beyond)


def _one(found: Changes, run: int) -> Changes:
    return Changes(found.values, found.counts[run : run + 1], found.df[run : run + 1], found.items)


@pytest.mark.slow
def test_two_labellings_hold_where_both_matter() -> None:
    """Each clip is heard with four items, and stands in for another one's with four others."""
    rng = np.random.default_rng(4)
    clips, each, runs = 40, 4, 2000
    first = np.repeat(np.arange(clips), each)
    missed = np.zeros(2)
    for _ in range(runs):
        second = np.stack([rng.permutation(clips) for _ in range(each)], axis=1).ravel()
        worse, better = (0.12 * np.exp(rng.normal(-0.18, 0.6, clips)[index]) for index in (first, second))
        draw = rng.random(len(first))
        change = np.where(draw < better, 1, np.where(draw > 1 - worse, -1, 0))
        for index, clusters in enumerate(([first, second], [np.arange(len(first))])):
            found = changes(THREE, [tally(change, cluster, THREE) for cluster in clusters])
            t = student_t_quantile(0.975, found.df)
            missed[index] += bool(np.abs(statistic(found, np.zeros(1)))[0] > t[0])
    both, neither = 1 - missed / runs
    assert both > 0.94
    assert neither < both
