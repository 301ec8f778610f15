"""Labels dealt to items: moments against all dealings there are, estimates against other tools."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q

from speech_ifeval.metrics.dealing import Dealt, Strata, strata
from speech_ifeval.metrics.overdispersion import p_value
from tests.metrics.wording_worlds import World


def one_stratum(followed: list[bool], label: list[int]) -> Dealt:
    return Dealt(np.array(followed), np.array(label), strata(["a"] * len(label), list(range(len(label)))))


def uneven(rng: np.random.Generator, *, crossed: bool = False) -> Dealt:
    dataset = rng.integers(0, 3, 60)
    clip = rng.integers(0, 20, 60) if crossed else np.arange(60)
    followed = rng.random(60) < np.array([0.3, 0.6, 0.9])[dataset]
    return Dealt(followed, rng.integers(0, 7, 60), strata(dataset.tolist(), clip.tolist()))


def test_items_of_a_clip_that_is_asked_several_times_are_exchanged_among_themselves() -> None:
    found = strata(["x", "x", "x", "y", "y"], ["a", "a", "b", "a", "c"])
    assert found.number.tolist() == [0, 0, 1, 2, 2]
    assert found.of_clip.tolist() == [True, False, False]


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_over_dealings_is_that_of_all_permutations(seed: int) -> None:
    rng = np.random.default_rng(seed)
    followed, label = rng.random(7) < 0.5, rng.integers(0, 3, 7)
    followed[0], followed[1] = True, False
    dataset = np.array([0, 0, 0, 0, 1, 1, 1])
    alike = strata(dataset.tolist(), list(range(7)))
    every = [
        Dealt(followed[[*first, *second]], label, alike).statistic
        for first in permutations(range(4))
        for second in permutations(range(4, 7))
    ]
    dealt = Dealt(followed, label, alike)
    assert dealt.null_mean == pytest.approx(np.mean(every))
    drawn = dealt.null(rng, 4000)
    assert set(np.round(drawn, 6)) <= set(np.round(every, 6))
    exact = np.mean(np.array(every) >= dealt.statistic - 1e-9)
    assert p_value(dealt.statistic, drawn) == pytest.approx(exact, abs=0.03)


def test_with_equal_labels_of_one_stratum_the_component_is_that_of_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(9), 6)
    followed = rng.random(54) < rng.random(9)[label]
    dealt = one_stratum(followed.tolist(), label.tolist())
    samples = [followed[label == one].astype(float) for one in range(9)]
    within = float(np.mean([sample.var(ddof=1) for sample in samples]))
    between = float(stats.f_oneway(*samples).statistic) * within
    assert dealt.component == pytest.approx((between - within) / 6)


def test_with_equal_labels_of_one_stratum_the_test_is_pearsons() -> None:
    rng = np.random.default_rng(4)
    label = np.repeat(np.arange(6), 8)
    followed = rng.random(48) < (0.35 + 0.1 * np.arange(6))[label]
    dealt = one_stratum(followed.tolist(), label.tolist())

    def chi_squared(shuffled: np.ndarray) -> float:
        hits = np.bincount(label, weights=shuffled, minlength=6)
        return float(stats.chi2_contingency(np.array([hits, 8 - hits]), correction=False).statistic)

    theirs = stats.permutation_test(
        (followed.astype(float),),
        chi_squared,
        permutation_type="pairings",
        n_resamples=4000,
        alternative="greater",
        rng=np.random.default_rng(5),
    )
    assert p_value(dealt.statistic, dealt.null(rng)) == pytest.approx(theirs.pvalue, abs=0.02)


def test_crossed_with_clips_the_test_is_cochrans() -> None:
    dealt = World((0.7,), 6, 80, effect=0.35, clip_effect=2.0, crossed=True).draw(np.random.default_rng(8))
    table = dealt.followed.reshape(-1, 6).astype(int)
    theirs = cochrans_q(table)
    # Q is a multiple of the statistic given how often each clip follows.
    assert p_value(dealt.statistic, dealt.null(np.random.default_rng(0))) == pytest.approx(theirs.pvalue, abs=0.02)
    assert theirs.pvalue < 0.5


@pytest.mark.parametrize("crossed", [False, True])
def test_every_dealing_keeps_what_follows_of_each_stratum(crossed: bool) -> None:
    rng = np.random.default_rng(6)
    dealt = uneven(rng, crossed=crossed)
    number = dealt.strata.number
    wanted = np.bincount(number, weights=dealt.followed)
    for outcome in dealt.dealt_by(rng.random((20, 60))):
        assert np.array_equal(np.bincount(number, weights=outcome), wanted)
    for places in dealt.exchanged(rng, 20):
        assert np.array_equal(number[places], number)
        assert np.array_equal(np.sort(places), np.arange(60))


@pytest.mark.parametrize("crossed", [False, True])
def test_the_component_is_right_on_average(crossed: bool) -> None:
    world = World((0.6, 0.8), 8, 6, effect=1.0, clip_effect=1.0 if crossed else 0.0, crossed=crossed)
    rng = np.random.default_rng(7)
    found = [world.draw(rng).component or 0.0 for _ in range(1500)]
    error = float(np.std(found)) / 1500**0.5
    assert np.mean(found) == pytest.approx(world.variance, abs=3 * error)


def test_a_component_that_nothing_tells_is_none() -> None:
    assert one_stratum([True, False, True], [0, 1, 2]).component is None
    assert one_stratum([True, False, True], [0, 0, 0]).component is None
    assert one_stratum([True, True, True, True], [0, 0, 1, 1]).component == 0


def test_without_an_effect_dealings_are_those_of_the_null() -> None:
    dealt = uneven(np.random.default_rng(9))
    rng = np.random.default_rng(10)
    none, large = dealt.with_effects(rng, (0.0, 3.0), 2000)
    null = dealt.null(rng, 4000)
    assert np.mean(none) == pytest.approx(null.mean(), rel=0.05)
    assert np.mean(large) > 2 * null.mean()


def test_labels_without_items_change_nothing() -> None:
    dealt = one_stratum([True, False, True, False], [0, 0, 1, 1])
    gap = one_stratum([True, False, True, False], [0, 0, 3, 3])
    assert gap.statistic == dealt.statistic
    assert gap.component == dealt.component
    assert np.array_equal(gap.null(np.random.default_rng(0), 50), dealt.null(np.random.default_rng(0), 50))


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one outcome, label and stratum an item"):
        Dealt(np.array([True]), np.array([0, 1]), strata(["a"], ["b"]))
    with pytest.raises(ValueError, match="one outcome, label and stratum an item"):
        Dealt(
            np.zeros(0, dtype=bool),
            np.zeros(0, dtype=int),
            Strata(np.zeros(0, dtype=int), np.zeros(0, dtype=bool)),
        )
