from __future__ import annotations

import numpy as np
import pytest

from speech_ifeval.metrics.intervals import forgetting_interval, points_interval
from speech_ifeval.metrics.paired import difference, differences, forgetting_difference, mcnemar, two_sided


def random_run(seed, rates=(0.9, 0.8, 0.7), clip_count=80):
    layout, rng = np.random.default_rng(0), np.random.default_rng(seed)
    return [
        (rng.random(n) < p, layout.integers(0, clip_count, n)) for n, p in zip((160, 80, 40), rates, strict=True)
    ]


@pytest.mark.parametrize(("lost", "gained"), [(8, 1), (1, 8), (0, 5), (3, 4), (25, 12), (0, 0), (6, 6), (120, 80)])
def test_mcnemar_is_that_of_statsmodels(lost, gained):
    from statsmodels.stats.contingency_tables import mcnemar as theirs

    if lost + gained:
        expected = theirs([[50, lost], [gained, 20]], exact=True).pvalue
        assert mcnemar(lost, gained) == pytest.approx(min(expected, 1.0), abs=1e-12)
    else:
        assert mcnemar(lost, gained) == 1.0


@pytest.mark.parametrize(("lost", "gained"), [(8, 1), (0, 5), (3, 4), (25, 12)])
def test_mid_p_takes_half_of_the_observed_table_away(lost, gained):
    from scipy import stats

    observed = stats.binom.pmf(min(lost, gained), lost + gained, 0.5)
    assert mcnemar(lost, gained, mid_p=True) == pytest.approx(mcnemar(lost, gained) - observed, abs=1e-12)
    assert mcnemar(4, 4, mid_p=True) == 1.0


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


def test_difference_is_points_with_a_p_value():
    first, second = random_run(1), random_run(2)
    assert difference(first, second)[:3] == pytest.approx(points_interval(first, second))


def test_a_p_value_below_five_percent_is_an_interval_without_zero():
    for seed in range(40):
        first, second = random_run(seed), random_run(seed + 500, rates=(0.93, 0.87, 0.78))
        result = difference(first, second)
        assert (result.p < 0.05) == (result.low > 0 or result.high < 0)
        assert difference(second, first).p == pytest.approx(result.p, abs=1e-9)


def test_identical_runs_have_no_difference():
    run = random_run(3)
    assert difference(run, run).value == 0
    assert difference(run, run).p == 1
    result = forgetting_difference(run, run, run, run)
    assert (result.value, result.p) == (0, 1)
    assert result.low < 0 < result.high


def test_p_values_are_uniform_without_a_difference():
    p = np.array([difference(random_run(seed), random_run(seed + 9000)).p for seed in range(300)])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.035)
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.08)


def test_all_against_nothing_is_certain():
    index = np.arange(50)
    assert difference([(index >= 0, index)], [(index < 0, index)]).p < 1e-12
    assert two_sided(float("-inf"), 10.0) == 0.0


def test_forgetting_differences_with_one_reference_agree_with_differences():
    ref = random_run(4, rates=(0.95, 0.95, 0.9))
    agree = 0
    for seed in range(40):
        first, second = random_run(seed), random_run(seed + 700, rates=(0.93, 0.87, 0.78))
        direct, relative = difference(first, second), forgetting_difference(first, ref, second, ref)
        agree += (direct.p < 0.05) == (relative.p < 0.05)
        expected = forgetting_interval(first, ref).value - forgetting_interval(second, ref).value
        assert relative.value == pytest.approx(expected)
        assert relative.low <= relative.value <= relative.high
        assert (relative.p < 0.05) == (relative.low > 0 or relative.high < 0)
    assert agree >= 36


def test_a_shared_reference_cancels():
    first, second = random_run(5), random_run(6)
    shared = random_run(7, rates=(0.8, 0.7, 0.6))
    other = random_run(8, rates=(0.8, 0.7, 0.6))
    one = forgetting_difference(first, shared, second, shared)
    two = forgetting_difference(first, shared, second, other)
    assert one.high - one.low < two.high - two.low


def test_the_forgetting_difference_holds_its_level():
    truth = 0.0
    held = 0
    for seed in range(300):
        ref_1, ref_2 = random_run(4 * seed, (0.95,) * 3), random_run(4 * seed + 1, (0.76,) * 3)
        run_1, run_2 = random_run(4 * seed + 2, (0.9,) * 3), random_run(4 * seed + 3, (0.72,) * 3)
        result = forgetting_difference(run_1, ref_1, run_2, ref_2)
        held += result.low <= truth <= result.high
    assert 0.92 <= held / 300 <= 0.985


def test_differences_of_many_pairs_are_those_of_each():
    runs = [random_run(seed) for seed in range(4)]
    fewer = [(followed[5:], clip[5:] + 1000) for followed, clip in random_run(9)]  # other clips, and not as many
    pairs = [(one, other) for one in runs for other in runs] + [(fewer, runs[0]), (runs[1], fewer)]
    assert differences(iter(pairs)) == [difference(*pair) for pair in pairs]
    assert differences([]) == []


def test_differences_refuse_what_one_difference_refuses():
    empty = [(np.zeros(0, bool), np.zeros(0, int))] * 3
    with pytest.raises(ValueError, match="no scored item"):
        differences([(random_run(1), random_run(2)), (random_run(1), empty)])
