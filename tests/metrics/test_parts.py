"""The parts of Δ: they add up, on every resample too, and their intervals hold what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.metrics.bootstrap import resampled
from speech_ifeval.metrics.intervals import forgetting_interval
from speech_ifeval.metrics.parts import part_interval, resampled_parts

CLIP = np.arange(60)


def run_of(
    rng: np.random.Generator, rates: tuple[float, ...], clips: int = 60
) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(rng.random(clips) < rate, np.arange(clips)) for rate in rates]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_parts_add_up_to_delta_on_every_resample(seed: int) -> None:
    rng = np.random.default_rng(seed)
    audio, text, reference = (run_of(rng, rates) for rates in ((0.4, 0.5, 0.6), (0.6, 0.7, 0.8), (0.9, 0.8, 0.95)))
    found = resampled_parts(audio, text, reference, resampled(60, seed=seed, resamples=200))
    assert found.weights + found.modality == pytest.approx(found.total)


def test_the_parts_add_up_and_each_lies_in_its_interval() -> None:
    rng = np.random.default_rng(3)
    audio, text, reference = (run_of(rng, rates) for rates in ((0.4, 0.5), (0.6, 0.7), (0.9, 0.8)))
    weights, modality, total = (
        part_interval(text, reference, reference),
        part_interval(audio, text, reference),
        part_interval(audio, reference, reference),
    )
    assert weights.value + modality.value == pytest.approx(total.value)
    for one in (weights, modality, total):
        assert one.low < one.value < one.high


def test_with_the_reference_below_it_is_the_forgetting_rate_and_its_interval() -> None:
    rng = np.random.default_rng(4)
    audio, reference = (run_of(rng, rates) for rates in ((0.4, 0.5, 0.6), (0.9, 0.8, 0.7)))
    ours, theirs = part_interval(audio, reference, reference), forgetting_interval(audio, reference)
    assert ours.value == pytest.approx(theirs.value)
    # Two copies of the reference are two runs that agree on every clip seen, which is a little less than one run.
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_runs_that_answer_alike_have_a_part_of_zero() -> None:
    run, reference = [(CLIP < 30, CLIP)], [(CLIP < 50, CLIP)]
    found = part_interval(run, run, reference)
    assert found.value == 0
    assert found.low <= 0 <= found.high
    assert found.high - found.low < 0.12  # against 0.42 were they independent


def test_a_reference_that_follows_nothing_has_no_parts() -> None:
    with pytest.raises(ValueError, match="follows no item"):
        part_interval([(CLIP < 3, CLIP)], [(CLIP < 4, CLIP)], [(CLIP < 0, CLIP)])


def test_a_resample_in_which_the_reference_follows_nothing_is_no_error() -> None:
    draws = np.zeros((2, 60))
    draws[0, 59], draws[1, 0] = 60, 60
    found = resampled_parts([(CLIP < 3, CLIP)], [(CLIP < 4, CLIP)], [(CLIP < 5, CLIP)], draws)
    assert not np.isfinite(found.total[0])
    assert found.total[1] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clips", "rates"), [(40, (0.3, 0.6, 0.9)), (150, (0.7, 0.75, 0.85)), (150, (0.2, 0.8, 0.9))]
)
def test_ninety_five_percent_of_the_intervals_hold_the_true_part(
    clips: int, rates: tuple[float, float, float]
) -> None:
    rng = np.random.default_rng(5)
    truth = (rates[0] - rates[1]) / rates[2]
    held, runs_drawn = 0, 400
    for _ in range(runs_drawn):
        easy = rng.normal(size=clips)  # clips are easy or hard for all three
        runs = [[(easy + rng.normal(size=clips) < _quantile(rate), np.arange(clips))] * 1 for rate in rates]
        found = part_interval(*runs)
        held += found.low <= truth <= found.high
    assert held / runs_drawn == pytest.approx(0.95, abs=2.6 * (0.95 * 0.05 / runs_drawn) ** 0.5)


def _quantile(rate: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(rate) * 2**0.5)
