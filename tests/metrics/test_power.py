"""The smallest detectable Δ, against statsmodels for one category and by simulation for all three."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import power_proportions_2indep

from speech_ifeval.metrics.power import POWER, smallest_delta
from speech_ifeval.records import CATEGORIES


@pytest.mark.parametrize("size", [30, 100, 400, 3000])
@pytest.mark.parametrize("reference", [60.0, 90.0, 98.0])
def test_equal_categories_agree_with_statsmodels(size: int, reference: float) -> None:
    # The mean of three equal categories is the rate over all of them together.
    found = smallest_delta(dict.fromkeys(CATEGORIES, size), reference)
    assert found is not None
    assert found.points is not None
    power = power_proportions_2indep(
        found.points / 100, reference / 100, 3 * size, alternative="two-sided", return_results=False
    )
    assert power == pytest.approx(POWER, abs=0.06 if size < 100 else 0.03)


def test_a_simulated_loss_of_that_size_is_found_four_times_out_of_five() -> None:
    sizes = np.array([933, 400, 200])
    found = smallest_delta(dict(zip(CATEGORIES, map(int, sizes), strict=True)))
    assert found is not None
    assert found.points is not None
    rng = np.random.default_rng(5)
    rates = np.array([0.9, 0.9 + found.points / 100])
    shares = rng.binomial(sizes, rates[:, None, None], size=(2, 20_000, 3)) / sizes
    difference = (shares[1] - shares[0]).mean(axis=1)
    error = np.sqrt((shares * (1 - shares) / sizes).sum(axis=(0, 2))) / 3
    assert (np.abs(difference) > 1.96 * error).mean() == pytest.approx(POWER, abs=0.02)


def test_a_missing_category_leaves_no_answer() -> None:
    assert smallest_delta({"closed-ended": 100, "creative-writing": 100}) is None


def test_too_few_items_detect_nothing() -> None:
    found = smallest_delta(dict.fromkeys(CATEGORIES, 1), 30.0)
    assert found is not None
    assert (found.delta, found.points) == (None, None)


def test_more_items_detect_less() -> None:
    found = [smallest_delta(dict.fromkeys(CATEGORIES, size)) for size in (10, 50, 250)]
    deltas = [one.delta for one in found if one is not None and one.delta is not None]
    assert deltas == sorted(deltas)
    assert len(deltas) == 3
