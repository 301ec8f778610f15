"""Over-dispersion tests and intervals: their level, their power, their coverage, by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from speech_ifeval.metrics.dealing import EFFECTS, Dealt, strata
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.overdispersion import (
    able_to_find,
    added_variance,
    component_limits,
    critical,
    detectable,
    least_p,
    p_value,
    power,
)
from tests.metrics.wording_coverage import measure_component, measure_test
from tests.metrics.wording_worlds import World

USUAL = (0.8, 0.9, 0.85, 0.7, 0.7)


def failing(*labels: int, wordings: int = 25, each: int = 5) -> Dealt:
    """All items of one stratum follow, but one of each of these labels for every time it is named."""
    label = np.tile(np.arange(wordings), each)
    followed = np.ones(wordings * each, dtype=bool)
    for one in labels:
        followed[np.nonzero((label == one) & followed)[0][0]] = False
    return Dealt(followed, label, strata(["a"] * len(label), list(range(len(label)))))


def test_the_critical_value_is_the_least_that_is_significant() -> None:
    null = np.sort(np.random.default_rng(0).integers(0, 30, 999).astype(float))
    for level in (0.05, 0.01, 0.002):
        found = critical(null, level)
        assert p_value(found, null) <= level
        below = null[null < found]
        assert p_value(float(below[-1]), null) > level


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        ([0.001, 0.001], [True, True]),
        ([0.04], [True]),
        ([0.06], [False]),
        ([0.04, 0.04], [False, False]),
        ([0.04, 1.0, 1.0], [True, False, False]),
        ([0.001, 0.04, 0.02], [True, False, True]),
        ([], []),
    ],
)
def test_tests_that_cannot_come_out_significant_leave_the_family(least: list[float], expected: list[bool]) -> None:
    assert able_to_find(least) == expected


def test_in_a_family_that_all_can_find_holm_is_the_usual_one() -> None:
    p = [0.001, 0.02, 0.04, 0.3]
    assert able_to_find([1e-4] * 4) == [True] * 4
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_one_failure_says_nothing_and_two_of_one_wording_something() -> None:
    rng = np.random.default_rng(1)
    assert least_p(failing(3).null(rng)) == 1
    two = failing(3, 3).null(rng)
    # The second failure is one of the other four items of the first one's wording, of 124.
    assert least_p(two) == pytest.approx(4 / 124, abs=0.006)
    assert p_value(failing(3, 4).statistic, two) == 1


def test_where_little_can_be_known_the_interval_reaches_as_far_as_the_rate_allows() -> None:
    for labels in ((3,), (3, 4)):
        dealt = failing(*labels)
        limits = component_limits(dealt, dealt.with_effects(np.random.default_rng(2), simulations=300))
        rate = float(dealt.followed.mean())
        assert limits.low <= 0
        assert not limits.bounded
        assert limits.high >= rate * (1 - rate)


def test_power_grows_with_the_effect_and_the_detectable_one_has_it() -> None:
    dealt = World((0.6,), 50, 5, 0.0).draw(np.random.default_rng(3))
    rng = np.random.default_rng(4)
    null, simulated = dealt.null(rng), dealt.with_effects(rng)
    found = power(simulated, null, 0.05)
    assert found[0] == pytest.approx(0.05, abs=0.025)
    assert found[-1] == 1
    assert (np.diff(found) > -0.02).all()
    least = detectable(found)
    assert least is not None
    assert np.interp(least, EFFECTS, found) == pytest.approx(0.8, abs=0.01)
    assert detectable(found * 0.5) is None


def test_what_an_effect_adds_to_a_rate_is_its_variance_over_labels() -> None:
    world = World((0.8, 0.95), 12, 400, 1.5)
    dealt = world.draw(np.random.default_rng(5))
    rate = dealt.rate
    at = World(tuple(rate.tolist()), 12, 1, 1.5)
    assert added_variance(dealt, [1.5])[0] == pytest.approx(at.variance, rel=0.01)
    assert added_variance(dealt, [0.0])[0] == pytest.approx(0, abs=1e-12)
    assert added_variance(dealt, [1000.0])[0] <= 0.25


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        World(USUAL, 25, 1, 0.0),
        World((0.7, 0.8), 12, 1, 0.0),
        World((0.8,), 12, 40, 0.0, clip_effect=2.0, crossed=True),
        World((0.95,), 40, 5, 0.0, clip_effect=2.0),
    ],
    ids=str,
)
def test_without_an_effect_the_test_holds_its_level(world: World) -> None:
    replications = 500
    assert measure_test(world, replications, seed=11) <= 0.05 + 2.6 * (0.05 * 0.95 / replications) ** 0.5


@pytest.mark.slow
def test_the_stated_power_is_that_of_data_drawn_with_the_effect() -> None:
    world = World(USUAL, 25, 1, 1.0)
    stated = []
    for seed in range(20):
        rng = np.random.default_rng([12, seed])
        dealt = world.draw(rng)
        powers = power(dealt.with_effects(rng, simulations=400), dealt.null(rng, 999), 0.05)
        stated.append(float(np.interp(1.0, EFFECTS, powers)))
    replications = 300
    assert measure_test(world, replications, seed=13) == pytest.approx(np.mean(stated), abs=0.09)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "least"),
    [
        (World(USUAL, 25, 1, 0.0), 0.93),
        (World(USUAL, 25, 1, 1.0), 0.92),
        (World(USUAL, 25, 1, 3.0), 0.88),  # 25 wordings of which most are followed always or never
        (World((0.97, 0.98, 0.95, 0.99, 0.99), 25, 1, 1.0), 0.93),
        (World((0.6,), 50, 5, 1.0), 0.92),
        (World((0.8,), 12, 40, 0.3, clip_effect=2.0, crossed=True), 0.90),
    ],
    ids=str,
)
def test_the_interval_of_what_wordings_add_holds(world: World, least: float) -> None:
    replications = 150
    slack = 2.6 * (0.95 * 0.05 / replications) ** 0.5
    assert measure_component(world, replications, seed=14).held >= least - slack
