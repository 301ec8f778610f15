"""Agreement of two judges against other people's formulas, and how often the interval holds."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from speech_ifeval.metrics.agreement import cohen_kappa, confusion, rate_of_words
from speech_ifeval.metrics.quantiles import student_t_quantile

TABLES = [
    (40, 5, 3, 52),
    (150, 30, 2, 18),
    (9, 1, 1, 9),
    (1, 9, 9, 1),
    (20, 20, 20, 20),
    (3, 2, 0, 1),
]


def verdicts(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> tuple[np.ndarray, np.ndarray]:
    sizes = (yes_yes, yes_no, no_yes, no_no)
    return np.repeat([True, True, False, False], sizes), np.repeat([True, False, True, False], sizes)


@pytest.mark.parametrize("table", TABLES)
def test_kappa_and_its_error_are_those_of_statsmodels(table: tuple[int, int, int, int]) -> None:
    first, second = verdicts(*table)
    found = cohen_kappa(first, second, np.arange(len(first)))
    expected = cohens_kappa(np.array(table).reshape(2, 2))
    assert found is not None
    assert found.value == pytest.approx(expected.kappa, abs=1e-12)
    assert found.error == pytest.approx(expected.std_kappa, abs=1e-12)
    z, t = np.arctanh(expected.kappa), float(student_t_quantile(0.975, np.array([len(first) - 1.0]))[0])
    reach = t * expected.std_kappa / (1 - expected.kappa**2)
    assert (found.low, found.high) == (pytest.approx(np.tanh(z - reach)), pytest.approx(np.tanh(z + reach)))


def test_the_table_says_who_said_what() -> None:
    assert confusion(*verdicts(4, 3, 2, 1)) == (4, 3, 2, 1)
    assert confusion(*verdicts(4, 3, 2, 1)).equal == 5


def test_verdicts_on_one_clip_count_together() -> None:
    first, second = verdicts(40, 5, 3, 52)
    apart = cohen_kappa(first, second, np.arange(100))
    twice = cohen_kappa(np.repeat(first, 2), np.repeat(second, 2), np.repeat(np.arange(100), 2))
    assert apart is not None
    assert twice is not None
    assert twice.value == pytest.approx(apart.value)
    assert twice.error == pytest.approx(apart.error)  # the same said twice tells nothing new
    other = cohen_kappa(np.repeat(first, 2), np.repeat(second, 2), np.arange(200))
    assert other is not None
    assert other.error == pytest.approx(apart.error / np.sqrt(2))


def test_full_agreement_is_not_certainty() -> None:
    first = np.arange(20) < 10
    found = cohen_kappa(first, first, np.arange(20))
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.5 < found.low < 0.9


def test_full_disagreement_is_not_certainty() -> None:
    first = np.arange(20) < 10
    found = cohen_kappa(first, ~first, np.arange(20))
    assert found is not None
    assert (found.value, found.low) == (-1.0, -1.0)
    assert -0.9 < found.high < -0.5


@pytest.mark.parametrize("said", [True, False])
def test_a_judge_who_always_says_the_same_has_no_kappa(said: bool) -> None:
    always, sometimes = np.full(9, said), np.arange(9) < 4
    for first, second in ((always, always), (always, sometimes), (sometimes, always)):
        assert cohen_kappa(first, second, np.arange(9)) is None


def test_verdicts_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="expected two verdicts an item, got 2 and 1"):
        confusion([True, False], [True])
    with pytest.raises(ValueError, match="no scored item"):
        confusion(np.array([], dtype=bool), np.array([], dtype=bool))


@pytest.mark.parametrize(("n", "wrong"), [(60, 0.05), (60, 0.1), (200, 0.05), (200, 0.3)])
def test_the_interval_of_kappa_holds_as_often_as_it_says(n: int, wrong: float) -> None:
    rng = np.random.default_rng(7)
    yes, replications, held = 0.6, 600, 0
    other_yes = yes * (1 - wrong) + (1 - yes) * wrong
    chance = yes * other_yes + (1 - yes) * (1 - other_yes)
    true = (1 - wrong - chance) / (1 - chance)
    for _ in range(replications):
        first = rng.random(n) < yes
        second = first ^ (rng.random(n) < wrong)
        found = cohen_kappa(first, second, np.arange(n))
        assert found is not None
        held += found.low <= true <= found.high
    assert 0.93 <= held / replications <= 0.99


def test_words_without_an_error_have_no_interval_and_no_words_no_rate() -> None:
    assert rate_of_words([0, 0], [4, 5], [0, 1]) == (0.0, None, None)
    assert rate_of_words([1, 2], [0, 0], [0, 1]) is None
