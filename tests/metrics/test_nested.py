"""Wordings over the phrases they hold: phrases that differ make no wording differ."""

from __future__ import annotations

import numpy as np
import pytest

from speech_ifeval.metrics.dealing import Dealt, strata
from speech_ifeval.metrics.nested import is_nested, outer_test
from speech_ifeval.metrics.overdispersion import expit, p_value

OUTER_OF = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, *range(5, 13)])  # 20 phrases, 13 wordings


def published(rng: np.random.Generator, *, phrase: float = 0.0, wording: float = 0.0) -> tuple[Dealt, np.ndarray]:
    """Four data sets, each with every phrase once, as the published release asks them."""
    inner = np.tile(np.arange(20), 4)
    outer = OUTER_OF[inner]
    logit = 1.0 + phrase * rng.standard_normal(20)[inner] + wording * rng.standard_normal(13)[outer]
    dataset = np.repeat(np.arange(4), 20)
    dealt = Dealt(rng.random(80) < expit(logit), inner, strata(dataset.tolist(), list(range(80))))
    return dealt, outer


def p_of(rng: np.random.Generator, **effects: float) -> tuple[float, float]:
    """The p-value over phrases, and that of taking their items for exchangeable one by one."""
    dealt, outer = published(rng, **effects)
    found = outer_test(dealt, outer, rng, 1.0)
    assert found is not None
    one_by_one = Dealt(dealt.followed, outer, dealt.strata)
    return p_value(found.statistic, found.null), p_value(one_by_one.statistic, one_by_one.null(rng, 999))


@pytest.mark.parametrize(
    ("inner", "outer", "nested"),
    [([0, 1, 2, 0], [0, 0, 1, 0], True), ([0, 1, 0], [0, 0, 1], False), ([0, 0], [0, 0], True)],
)
def test_labels_are_nested_where_each_has_one_outer_label(
    inner: list[int], outer: list[int], nested: bool
) -> None:
    assert is_nested(np.array(inner), np.array(outer)) is nested


def test_the_statistic_is_that_of_the_outer_labels() -> None:
    rng = np.random.default_rng(0)
    dealt, outer = published(rng, wording=1.0)
    found = outer_test(dealt, outer, rng, 1.0)
    assert found is not None
    assert found.statistic == pytest.approx(Dealt(dealt.followed, outer, dealt.strata).statistic)
    assert found.power(0.05) <= found.power(0.2)


def test_phrases_with_other_data_sets_are_not_exchanged() -> None:
    rng = np.random.default_rng(1)
    dealt, outer = published(rng, wording=3.0)
    alone = np.arange(80) < 20 - np.arange(80) % 20  # another number of items for every phrase
    fewer = Dealt(
        dealt.followed[alone],
        dealt.label[alone],
        strata((np.arange(80) // 20)[alone].tolist(), np.nonzero(alone)[0].tolist()),
    )
    found = outer_test(fewer, outer[alone], rng, 1.0)
    assert found is None or len(np.unique(found.null)) < len(found.null)
    nobody = Dealt(np.array([True, False, True]), np.array([0, 1, 1]), strata(["a"] * 3, list(range(3))))
    assert outer_test(nobody, np.array([0, 1, 1]), rng, 1.0) is None


@pytest.mark.slow
def test_phrases_that_differ_are_not_taken_for_wordings_that_do() -> None:
    found = np.array([p_of(np.random.default_rng([2, seed]), phrase=2.0) for seed in range(120)])
    over_phrases, one_by_one = (found <= 0.05).mean(axis=0)
    assert over_phrases <= 0.05 + 2.6 * (0.05 * 0.95 / 120) ** 0.5
    assert one_by_one > 0.3  # which is why phrases are exchanged whole


@pytest.mark.slow
def test_wordings_that_differ_are_found_as_often_as_stated() -> None:
    stated, found = [], []
    for seed in range(60):
        rng = np.random.default_rng([3, seed])
        dealt, outer = published(rng, wording=2.5)
        test = outer_test(dealt, outer, rng, 2.5)
        assert test is not None
        found.append(p_value(test.statistic, test.null) <= 0.05)
        if seed < 10:
            stated.append(test.power(0.05))
    assert np.mean(found) > 0.3
    assert np.mean(found) == pytest.approx(np.mean(stated), abs=0.2)
