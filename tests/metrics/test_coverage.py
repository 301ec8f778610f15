"""The 95 % intervals hold 93-97 % of simulated truths, wherever the data allow it; exceptions are stated here.

The seed is fixed. A cell passes within 2.6 standard errors of the simulation itself (an estimate that far off is a
one-in-a-hundred event). What may exceed 97 %, and why, is in `rate_ceiling`, `mean_ceiling` and `pair_ceiling`;
nothing may fall below 93 %.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.metrics.coverage import (
    DESIGNS,
    MIXED,
    PAIRS,
    RATES,
    Cell,
    bootstrap_clips,
    bootstrap_items,
    failure_distribution,
    measure_mean,
    measure_pair,
    measure_rates,
    pair_cells,
    reachable,
    same,
    simulate,
    single_cells,
)

LOW, HIGH = 0.93, 0.97
SINGLE_REPLICATIONS = 3000
PAIR_REPLICATIONS = 2000
UNBOUNDED = 1.0
# Few clips cannot tell correlated from independent items, and an interval that holds 93 % where they are
# correlated holds more where they are not.
FEW_CLIPS = 0.98


def tolerance(replications: int) -> float:
    return 2.6 * (0.95 * 0.05 / replications) ** 0.5


def rate_ceiling(cell: Cell, category: int) -> float:
    distribution = failure_distribution(DESIGNS[cell.design][category], cell.rates[category], cell.correlation)
    if not reachable(distribution, LOW, HIGH):
        return UNBOUNDED
    return FEW_CLIPS if cell.design == "small" else HIGH


def mean_ceiling(cell: Cell) -> float:
    return FEW_CLIPS if cell.design == "small" else HIGH


def pair_ceiling(cell: Cell) -> float:
    assert cell.reference is not None
    rare = [np.mean([min(r, 1 - r) for r in rates]) for rates in (cell.rates, cell.reference)]
    if max(rare) <= 0.011:
        # Both runs fail (or follow) a handful of items. No test of a difference between two counts near one or two
        # can reject in 5 % of the cases.
        return UNBOUNDED
    if cell.agreement:
        # Clip counts do not say which items the runs agree on; what the pairing gains is estimated with caution.
        return 0.99
    return FEW_CLIPS if cell.design == "small" else HIGH


@pytest.mark.slow
def test_rates_hold_their_level() -> None:
    wrong, slack = [], tolerance(SINGLE_REPLICATIONS)
    for cell in single_cells([same(rate) for rate in RATES]):
        for k, measured in enumerate(measure_rates(cell, SINGLE_REPLICATIONS, seed=1)):
            if not LOW - slack <= measured.coverage <= rate_ceiling(cell, k) + slack:
                wrong.append((cell.label(), k, measured))
    assert not wrong


@pytest.mark.slow
def test_ifrate_holds_its_level() -> None:
    wrong, slack = [], tolerance(SINGLE_REPLICATIONS)
    for cell in single_cells([*(same(rate) for rate in RATES), *MIXED]):
        measured = measure_mean(cell, SINGLE_REPLICATIONS, seed=2)
        if not LOW - slack <= measured.coverage <= mean_ceiling(cell) + slack:
            wrong.append((cell.label(), measured))
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("design", list(DESIGNS))
def test_points_and_forgetting_hold_their_level(design: str) -> None:
    cells = pair_cells(designs=[design]) if design == "small" else pair_cells(PAIRS[::2], [design])
    wrong, slack = [], tolerance(PAIR_REPLICATIONS)
    for cell in cells:
        for figure, measured in zip(
            ("points", "forgetting"), measure_pair(cell, PAIR_REPLICATIONS, seed=3), strict=True
        ):
            if not LOW - slack <= measured.coverage <= pair_ceiling(cell) + slack:
                wrong.append((figure, cell.label(), measured))
    assert not wrong


@pytest.mark.slow
def test_the_item_bootstrap_does_not_hold() -> None:
    assert bootstrap_items(Cell("small", 0.0, same(0.99)), 500, seed=4).coverage < 0.9
    assert bootstrap_items(Cell("small", 0.3, same(0.8)), 500, seed=4).coverage < 0.88


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_ifrate_is_no_wider_than_it_must_be(correlation: float) -> None:
    for design, rates in (("published", same(0.9)), ("published", (0.95, 0.9, 0.5)), ("small", same(0.7))):
        cell = Cell(design, correlation, rates)
        ours = measure_mean(cell, 1000, seed=5)
        assert 0.9 < ours.width < 1.1, cell.label()  # over the normal interval with the true standard error
        assert ours.width < 1.2 * bootstrap_clips(cell, 100, seed=5).width, cell.label()


def test_the_ceiling_is_lifted_only_where_no_count_reaches_the_band() -> None:
    lifted = [
        (cell.design, cell.correlation, cell.rates[0], k)
        for cell in single_cells([same(rate) for rate in RATES])
        for k in range(3)
        if not reachable(failure_distribution(DESIGNS[cell.design][k], cell.rates[k], cell.correlation), LOW, HIGH)
    ]
    assert ("small", 0.0, 0.995, 2) in lifted  # 40 items: 82 % of runs have no failure, 98 % at most one
    assert all(rate in (0.01, 0.05, 0.95, 0.98, 0.99, 0.995) for _, _, rate, _ in lifted)
    assert len(lifted) < 20


def test_simulated_items_correlate_as_asked() -> None:
    (run,) = simulate(Cell("small", 0.3, same(0.8)), 4000, seed=6)
    variance = run.followed[:, 0].var()  # four items on every clip
    assert variance == pytest.approx(4 * 0.16 * (1 + 3 * 0.3), rel=0.02)
    assert run.followed.sum(axis=2).mean(axis=0) / [160, 70, 40] == pytest.approx(0.8, abs=0.01)


def test_failure_distribution_is_binomial_without_correlation() -> None:
    from scipy import stats

    exact = failure_distribution(DESIGNS["small"][1], 0.95, 0.0)
    np.testing.assert_allclose(exact, stats.binom.pmf(np.arange(71), 70, 0.05), atol=1e-12)
