"""The correlation of labels' effects in two runs: of the labels, not of the items that both answer."""

from __future__ import annotations

import numpy as np
import pytest

from speech_ifeval.metrics.dealing import Dealt, strata
from speech_ifeval.metrics.overdispersion import expit
from speech_ifeval.metrics.shared_effects import shared_effects


def two_runs(
    rng: np.random.Generator, correlation: float, *, effect: float, hard: float = 0.0, items: int = 10
) -> tuple[Dealt, Dealt]:
    """25 labels whose effects in the two runs correlate; `hard` is how far items are hard for both."""
    label = np.tile(np.arange(25), items)
    first = rng.standard_normal(25)
    second = correlation * first + (1 - correlation**2) ** 0.5 * rng.standard_normal(25)
    shared = hard * rng.standard_normal(len(label))
    alike = strata(["a"] * len(label), list(range(len(label))))
    return tuple(  # type: ignore[return-value]
        Dealt(rng.random(len(label)) < expit(0.5 + effect * own[label] + shared), label, alike)
        for own in (first, second)
    )


@pytest.mark.parametrize("correlation", [1.0, 0.0, -1.0])
def test_the_correlation_is_that_of_the_effects_not_of_observed_rates(correlation: float) -> None:
    rng = np.random.default_rng(0)
    pairs = [two_runs(rng, correlation, effect=1.0, hard=2.0) for _ in range(8)]
    found = shared_effects(pairs, rng)
    assert found.value == pytest.approx(correlation, abs=0.25)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.value <= found.high
    assert found.labels == 200
    assert (found.p < 0.01) is bool(correlation)


def test_hard_items_that_both_runs_fail_are_no_effect_of_labels() -> None:
    p = [
        shared_effects([two_runs(np.random.default_rng([1, seed]), 0.0, effect=0.5, hard=3.0)], rng).p
        for seed in range(60)
        for rng in [np.random.default_rng(seed)]
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 2.6 * (0.05 * 0.95 / 60) ** 0.5
    assert np.mean(p) > 0.35


def test_what_is_no_effect_in_one_run_correlates_with_nothing() -> None:
    rng = np.random.default_rng(2)
    first, second = two_runs(rng, 0.0, effect=0.0)
    even = np.zeros(250, dtype=bool)
    even[:125] = True  # half of each label, give or take one
    found = shared_effects([(first, Dealt(even, second.label, second.strata))], rng)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert 0 < found.p <= 1


def test_constraints_that_all_follow_say_nothing() -> None:
    rng = np.random.default_rng(3)
    first, second = two_runs(rng, 1.0, effect=1.0)
    always = Dealt(np.ones(250, dtype=bool), second.label, second.strata)
    assert shared_effects([(first, always)], rng) == (None, None, None, 1.0, 0)
    alone = shared_effects([(first, second)], np.random.default_rng(4))
    beside = shared_effects([(first, always), (first, second)], np.random.default_rng(4))
    assert alone == beside


def test_a_run_against_itself_has_the_same_effects() -> None:
    rng = np.random.default_rng(5)
    first, _ = two_runs(rng, 1.0, effect=1.5)
    assert shared_effects([(first, first)], rng).value == pytest.approx(1)


def test_other_items_are_refused() -> None:
    rng = np.random.default_rng(6)
    first, second = two_runs(rng, 1.0, effect=1.0)
    with pytest.raises(ValueError, match="the same items with the same labels"):
        shared_effects([(first, Dealt(second.followed, second.label[::-1].copy(), second.strata))], rng)
