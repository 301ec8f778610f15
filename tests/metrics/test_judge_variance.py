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
