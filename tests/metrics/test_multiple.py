from __future__ import annotations

import time

import numpy as np
import pytest

from speech_ifeval.metrics.multiple import RankInterval, holm, rank_intervals


def run_at(rate, seed, n=300):
    rng = np.random.default_rng(seed)
    return [(rng.random(n) < rate, np.arange(n)) for _ in range(3)]


@pytest.mark.parametrize(
    "pvalues",
    [
        [0.01, 0.04, 0.03],
        [0.5],
        [],
        [0.2, 0.2, 0.2, 0.2],
        [1.0, 0.0, 0.001, 0.02, 0.9],
        list(np.random.default_rng(0).random(25) ** 3),
    ],
)
def test_holm_is_that_of_statsmodels(pvalues):
    from statsmodels.stats.multitest import multipletests

    expected = multipletests(pvalues, method="holm")[1] if len(pvalues) else []
    assert holm(pvalues) == pytest.approx(list(expected))


@pytest.mark.parametrize("pvalues", [[-0.1], [1.1], [float("nan")]])
def test_holm_refuses_what_is_no_probability(pvalues):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(pvalues)


def test_clear_differences_fix_the_ranks():
    runs = [run_at(rate, seed) for seed, rate in enumerate((0.5, 0.9, 0.7))]
    assert rank_intervals(runs) == [RankInterval(3, 3, 3), RankInterval(1, 1, 1), RankInterval(2, 2, 2)]


def test_equal_runs_may_have_any_rank_and_share_the_better():
    run = run_at(0.8, 1)
    assert rank_intervals([run, run, run]) == [RankInterval(1, 1, 3)] * 3


def test_ranks_lie_in_their_intervals_and_follow_the_order_of_the_runs():
    runs = [run_at(0.8 + 0.02 * i, i) for i in range(6)]
    ranks = rank_intervals(runs)
    assert all(1 <= r.low <= r.rank <= r.high <= 6 for r in ranks)
    assert rank_intervals(runs[::-1]) == ranks[::-1]


def test_equal_runs_are_seldom_told_apart():
    wrong = 0
    for seed in range(60):
        ranks = rank_intervals([run_at(0.9, 10 * seed + i, n=100) for i in range(4)])
        wrong += any((r.low, r.high) != (1, 4) for r in ranks)
    assert wrong <= 8  # 5 % of 60 is 3; more than 8 has a chance below 0.5 %


def test_twenty_runs_take_little_time():
    runs = [run_at(0.8, seed) for seed in range(20)]
    start = time.perf_counter()
    rank_intervals(runs)
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank_intervals([run_at(0.5, 0)]), "at least two runs"),
        (lambda: rank_intervals([run_at(0.5, 0)] * 2, level=1.5), "level"),
        (lambda: rank_intervals([run_at(0.5, 0), run_at(0.5, 0)[:2]]), "same groups"),
    ],
)
def test_what_cannot_be_ranked_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
