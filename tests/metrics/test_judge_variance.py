from __future__ import annotations

import numpy as np
import pytest

from speech_ifeval.metrics.judge_variance import judge_variance


def test_the_deviation_is_that_of_one_judging() -> None:
    """Judged many times over, the rate of one judging varies as three repeats say it does."""
    random = np.random.default_rng(7)
    chances = random.choice([0.0, 0.3, 0.9, 1.0], size=200)
    rates = [100 * (random.random(200) < chances).mean() for _ in range(4000)]
    estimates = []
    for _ in range(300):
        verdicts = (random.random((200, 3)) < chances[:, None]).tolist()
        found = judge_variance(verdicts)
        assert found is not None
        estimates.append(found.deviation**2)
    assert np.mean(estimates) == pytest.approx(np.var(rates), rel=0.06)


def test_a_judge_that_never_wavers_adds_nothing() -> None:
    found = judge_variance([[True, True, True], [False, False, False]])
    assert found is not None
    assert (found.divided, found.deviation, found.part_of(3.0)) == (0, 0.0, 0.0)


def test_what_a_judge_did_not_say_is_left_out() -> None:
    found = judge_variance([[True, None, False], [None, None, True], [True, True, True]])
    assert found is not None
    assert (found.items, found.divided, found.rates) == (2, 1, (100.0, 100.0, pytest.approx(200 / 3)))
    assert judge_variance([[True], [None, True]]) is None
    assert judge_variance([]) is None


def test_the_part_of_an_interval_is_never_more_than_all_of_it() -> None:
    found = judge_variance([[True, False], [False, True]])
    assert found is not None
    assert found.part_of(1.0) == 1.0


@pytest.mark.parametrize("repeats", [3, 9, 25])
def test_the_majority_varies_less_than_one_judging_does(repeats: int) -> None:
    """Judged again by replies' shares, the rate of the majority varies as the binomial tail says."""
    random = np.random.default_rng(7)
    yes = random.choice([0, 1, repeats // 3, repeats // 2 + 1, repeats - 1, repeats], size=200)
    found = judge_variance([[True] * count + [False] * (repeats - count) for count in yes.tolist()])
    assert found is not None
    again = random.binomial(repeats, np.broadcast_to(yes / repeats, (6000, 200))) > repeats / 2
    assert found.of_majority == pytest.approx(100 * again.mean(axis=1).std(), rel=0.04)
    assert found.of_majority < found.deviation
    half_width = 6.0
    without = np.sqrt(half_width**2 - (1.96 * found.of_majority) ** 2)
    assert found.part_of(half_width) == pytest.approx(half_width - without, rel=1e-3)


@pytest.mark.parametrize(("repeats", "low", "high"), [(3, 0.85, 1.0), (9, 0.95, 1.2), (25, 1.2, 1.9)])
def test_what_is_said_of_the_majority_is_near_the_truth_where_shares_are_estimated(
    repeats: int, low: float, high: float
) -> None:
    random = np.random.default_rng(3)
    chances = random.choice([0.0, 0.3, 0.9, 1.0], size=200)
    truth = (random.binomial(repeats, np.broadcast_to(chances, (4000, 200))) > repeats / 2).mean(axis=1).std()
    said = []
    for _ in range(100):
        found = judge_variance((random.random((200, repeats)) < chances[:, None]).tolist())
        assert found is not None
        said.append(found.of_majority**2)
    assert low < np.sqrt(np.mean(said)) / (100 * truth) < high


def test_an_even_division_is_no_majority() -> None:
    found = judge_variance([[True, False]] * 4)
    assert found is not None
    assert found.of_majority == pytest.approx(25.0)  # those that do divide are even chances
