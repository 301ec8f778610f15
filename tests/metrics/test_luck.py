"""What wordings add to a rate, against the same drawn many times."""

from __future__ import annotations

import numpy as np
import pytest

from speech_ifeval.metrics.intervals import Interval
from speech_ifeval.metrics.luck import Deviation, Source, deviation, widened
from speech_ifeval.metrics.overdispersion import Limits
from tests.metrics.wording_coverage import measure_ifrate, measure_redrawn
from tests.metrics.wording_worlds import World, bundled, drawn, groups, published, true_redrawn

UNKNOWN = Limits(0.0, 0.0, True)


def test_the_variance_over_other_wordings_is_that_of_drawing_them() -> None:
    world = World((0.6, 0.8), 12, 20, 1.0)
    rng = np.random.default_rng(0)
    rates, found = [], []
    for _ in range(400):
        dealt, of_wording = world.draw_with_rates(rng)
        rates.append(of_wording.mean())
        found.append(Source(dealt, UNKNOWN, 1 / dealt.followed.size).redrawn().value)
    assert np.mean(found) == pytest.approx(np.var(rates), rel=0.2)


def test_what_pairs_share_is_what_items_on_clips_of_their_own_do_not_say() -> None:
    world = World((0.7,), 10, 12, 1.0)
    rng = np.random.default_rng(1)
    means, shared, alone = [], [], []
    for _ in range(1500):
        dealt = world.draw(rng)
        rate, n = float(dealt.followed.mean()), dealt.followed.size
        means.append(rate)
        shared.append(Source(dealt, UNKNOWN, 1 / n).shared().value)
        alone.append(rate * (1 - rate) / n)
    assert np.mean(shared) + np.mean(alone) == pytest.approx(np.var(means), rel=0.12)
    assert np.mean(alone) < 0.5 * np.var(means)


def test_asked_with_every_wording_the_variance_of_one_a_question_is_that_of_dealing_one() -> None:
    world = World((0.7,), 8, 30, 1.0, clip_effect=1.0, crossed=True)
    rng = np.random.default_rng(2)
    dealt = world.draw(rng)
    table = dealt.followed.reshape(30, 8)
    drawn_rates = [table[np.arange(30), rng.integers(0, 8, 30)].mean() for _ in range(20_000)]
    found = Source(dealt, UNKNOWN, 1 / dealt.followed.size).dealt_anew()
    assert found.value == pytest.approx(np.var(drawn_rates), rel=0.05)
    assert 0 < found.low < found.value < found.high


def test_asked_once_only_the_wordings_own_part_is_counted() -> None:
    world = World((0.7,), 8, 30, 1.0)
    dealt = world.draw(np.random.default_rng(3))
    found = Source(dealt, Limits(-0.01, 0.04, True), 1 / 240)
    assert dealt.component is not None
    assert found.dealt_anew().value == pytest.approx(dealt.component * 7 / 8 / 240)
    assert found.dealt_anew().high == pytest.approx(0.04 * 7 / 8 / 240)
    assert found.redrawn().value == pytest.approx(dealt.component / 8)


def test_deviations_are_never_below_nothing() -> None:
    assert deviation([Interval(-1e-4, -2e-4, 1e-5)]) == Deviation(0.0, 0.0, pytest.approx(1e-5**0.5))
    assert deviation([]) == Deviation(0.0, 0.0, 0.0)


def test_nothing_shared_leaves_the_interval_and_more_widens_it() -> None:
    alone = Interval(0.9, 0.85, 0.94)
    assert widened(alone, -1e-4) == pytest.approx(alone)
    wide = widened(alone, 0.01)
    assert wide.low < 0.75
    assert wide.high == 1


def test_the_worlds_are_what_they_are_said_to_be() -> None:
    benchmark = published(1.0)
    dealt = drawn(benchmark, np.random.default_rng(4))
    sizes = [len(followed) for followed, _ in groups(dealt)]
    assert sizes == [1000, 400, 200]
    assert 0.003 < true_redrawn(benchmark) ** 0.5 < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("make", [published, bundled])
def test_over_clips_and_wordings_the_interval_of_ifrate_holds(make: object) -> None:
    replications = 500
    slack = 2.6 * (0.95 * 0.05 / replications) ** 0.5
    for effect in (0.0, 1.0, 2.0):
        alone, both = measure_ifrate(make(effect), replications, seed=15)  # type: ignore[operator]
        assert both.held >= 0.93 - slack, effect
        assert both.held >= alone.held
    assert alone.held < 0.92  # two logits, and the interval over clips alone


@pytest.mark.slow
def test_the_interval_of_the_deviation_over_other_wordings_holds() -> None:
    replications = 40
    slack = 2.6 * (0.95 * 0.05 / replications) ** 0.5
    assert measure_redrawn(published(1.0), replications, seed=16).held >= 0.92 - slack
