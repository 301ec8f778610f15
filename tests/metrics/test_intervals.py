from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.metrics import clips, combinations, quantiles
from speech_ifeval.metrics.intervals import (
    Interval,
    forgetting_interval,
    mean_rate_interval,
    points_interval,
    rate_interval,
)


def random_run(seed, rates=(0.9, 0.8, 0.7), clip_count=60):
    """A run of 120, 60 and 30 items; the clips of a category are drawn once, whatever the seed of the outcomes."""
    layout, rng = np.random.default_rng(0), np.random.default_rng(seed)
    sizes = (120, 60, 30)
    return [(rng.random(n) < p, layout.integers(0, clip_count, n)) for n, p in zip(sizes, rates, strict=True)]


# Quantiles


@pytest.mark.parametrize("a", [0.05, 0.5, 1, 7, 300])
@pytest.mark.parametrize("b", [0.5, 1, 40, 933])
def test_beta_against_scipy(a, b):
    from scipy import stats

    for x in (0.001, 0.1, 0.5, 0.9, 0.999):
        assert quantiles.beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-11)
    for p in (0.01, 0.05, 0.5, 0.975):
        assert quantiles.beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)


@pytest.mark.parametrize("p", [0.005, 0.025, 0.5, 0.8, 0.975, 0.995])
def test_student_t_against_scipy(p):
    from scipy import stats

    df = np.array([1, 2, 5, 9.9, 10, 12, 39, 100, 1000.0])
    np.testing.assert_allclose(quantiles.student_t_quantile(p, df), stats.t.ppf(p, df), atol=1e-4)
    for t in (-3.0, -0.2, 0.0, 1.5):
        for v in (1.0, 7.5, 932.0):
            assert quantiles.student_t_cdf(t, v) == pytest.approx(stats.t.cdf(t, v), abs=1e-12)


def test_binomial_against_scipy():
    from scipy import stats

    for k, n, p in ((0, 5, 0.5), (3, 9, 0.5), (40, 100, 0.4), (7, 7, 0.2)):
        assert quantiles.binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: quantiles.beta_cdf(0.5, 0, 1),
        lambda: quantiles.beta_quantile(1.0, 1, 1),
        lambda: quantiles.student_t_cdf(0.0, 0),
        lambda: quantiles.student_t_quantile(0.0, np.array([3.0])),
        lambda: quantiles.student_t_quantile(0.5, np.array([0.0])),
        lambda: quantiles.binomial_cdf(5, 4),
    ],
)
def test_quantiles_refuse_what_they_cannot_answer(call):
    with pytest.raises(ValueError):
        call()


# Against other tools


@pytest.mark.parametrize(("followed", "n"), [(20, 40), (150, 200), (320, 400), (880, 933)])
def test_independent_items_give_wilsons_interval(followed, n):
    from scipy import stats
    from statsmodels.stats.proportion import proportion_confint

    ours = rate_interval(np.arange(n) < followed, np.arange(n))
    alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, n - 1))  # Wilson's with the quantile of Student's t
    low, high = proportion_confint(followed, n, alpha=alpha, method="wilson")
    assert ours == pytest.approx((followed / n, low, high), abs=1e-5)


@pytest.mark.parametrize(("missed", "n"), [(1, 40), (2, 200), (3, 400)])
def test_a_rare_outcome_gets_the_exact_limit(missed, n):
    from statsmodels.stats.proportion import proportion_confint

    ours = rate_interval(np.arange(n) >= missed, np.arange(n))
    _, exact = proportion_confint(n - missed, n, alpha=2 * 1.3 * 0.05, method="beta")
    assert ours.high == pytest.approx(exact, abs=1e-9)


def test_covariance_is_the_cluster_robust_one_of_statsmodels():
    import statsmodels.api as sm

    run = random_run(1)
    (counts,) = clips.count_clips(run)
    observed = combinations.combine([clips.fit(counts)]).observed[0]
    outcome = np.concatenate([f for f, _ in run]).astype(float)
    label = np.concatenate([c for _, c in run])
    dummies = np.zeros((len(outcome), 3))
    dummies[np.arange(len(outcome)), np.repeat([0, 1, 2], [len(f) for f, _ in run])] = 1
    theirs = sm.OLS(outcome, dummies).fit(cov_type="cluster", cov_kwds={"groups": label}).cov_params()
    n = len(outcome)
    np.testing.assert_allclose(observed * (n - 1) / (n - 3), theirs, rtol=1e-9)  # statsmodels' small-sample factor


@pytest.mark.parametrize(("x", "y", "n"), [(80, 90, 100), (395, 398, 400), (5, 30, 60)])
def test_two_independent_rates_give_the_interval_of_miettinen_and_nurminen(x, y, n):
    from scipy import optimize, stats

    index = np.arange(n)
    run, ref = clips.count_clips([(index < x, index)], [(index < y, index + n)])  # no clip shared
    sums = combinations.combine([clips.fit(run), clips.fit(ref)])
    level = 2 * quantiles.student_t_cdf(1.959963985, 2 * n - 1) - 1  # so that Student's quantile is the normal one
    _, low, high = combinations.sum_limits(sums, np.array([1.0, -1.0]), level)
    for limit in (low[0], high[0]):  # the likelihood maximised directly (statsmodels' closed form yields nan here)

        def unlikely(q, limit=limit):
            return -stats.binom.logpmf(x, n, q + limit) - stats.binom.logpmf(y, n, q)

        bounds = (max(0, -limit) + 1e-12, min(1, 1 - limit) - 1e-12)
        q = optimize.minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-10}).x
        error = np.sqrt(((q + limit) * (1 - q - limit) + q * (1 - q)) / n)
        assert abs(x / n - y / n - limit) / error == pytest.approx(1.96, abs=2e-3)


def test_two_independent_rates_give_the_score_interval_of_their_ratio():
    from statsmodels.stats.proportion import confint_proportions_2indep

    index = np.arange(100)
    run, ref = clips.count_clips([(index < 80, index)], [(index < 90, index + 100)])
    level = 2 * quantiles.student_t_cdf(1.959963985, 199) - 1
    _, low, high = combinations.ratio_limits(combinations.combine([clips.fit(run), clips.fit(ref)]), level)
    theirs = confint_proportions_2indep(80, 100, 90, 100, compare="ratio", method="score", correction=False)
    assert (low[0], high[0]) == pytest.approx(theirs, abs=2e-5)


def test_forgetting_nears_fiellers_interval_in_large_samples():
    rng = np.random.default_rng(2)
    index = np.arange(40_000)
    luck = rng.random(len(index))
    run = luck + 0.3 * rng.standard_normal(len(index)) < 0.6
    ref = luck < 0.8
    ours = forgetting_interval([(run, index)], [(ref, index)])
    a, b = run.mean(), ref.mean()
    (va, cov), (_, vb) = np.cov(run, ref) / len(index)
    z = 1.96
    centre, scale = a * b - z * z * cov, b * b - z * z * vb
    half = np.sqrt(centre**2 - scale * (a * a - z * z * va))
    fieller = ((centre - half) / scale - 1, (centre + half) / scale - 1)
    assert (ours.low, ours.high) == pytest.approx(fieller, abs=0.03 * (fieller[1] - fieller[0]))


# Clips


def test_copies_on_one_clip_count_once_or_little_more():
    followed = np.arange(100) < 80
    clip = np.arange(100)
    once = rate_interval(followed, clip)
    copied = rate_interval(np.repeat(followed, 4), np.repeat(clip, 4))
    independent = rate_interval(np.repeat(followed, 4), np.arange(400))
    width = [i.high - i.low for i in (once, copied, independent)]
    assert width[1] > 0.9 * width[0] > 1.5 * width[2]


def test_items_that_share_clips_across_categories_widen_the_mean():
    followed, clip = np.arange(100) < 80, np.arange(100)
    shared = mean_rate_interval([(followed, clip)] * 3)
    apart = mean_rate_interval([(followed, clip), (followed, clip + 100), (followed, clip + 200)])
    assert shared.high - shared.low > 1.5 * (apart.high - apart.low)


def test_runs_that_agree_are_compared_more_closely():
    run, ref = random_run(3), random_run(3, rates=(0.92, 0.82, 0.72))  # the same luck, item by item
    other = random_run(4, rates=(0.92, 0.82, 0.72))
    alike, unlike = points_interval(run, ref), points_interval(run, other)
    assert alike.high - alike.low < 0.6 * (unlike.high - unlike.low)


def test_the_mean_of_one_group_is_its_rate():
    group = random_run(5)[0]
    assert mean_rate_interval([group]) == rate_interval(*group)


# Degenerate input


@pytest.mark.parametrize("n", [1, 2, 5, 40, 933])
def test_all_or_none_followed(n):
    everything = rate_interval(np.ones(n, dtype=bool), np.arange(n))
    nothing = rate_interval(np.zeros(n, dtype=bool), np.arange(n))
    assert everything.value == everything.high == 1.0
    assert 0 < everything.low < 1
    assert nothing == pytest.approx((0.0, 0.0, 1 - everything.low))


def test_all_or_none_followed_in_every_category():
    def run(value):
        return [(np.full(n, value), np.arange(n)) for n in (160, 70, 40)]

    perfect, silent = run(True), run(False)
    assert mean_rate_interval(perfect)[::2] == (1.0, 1.0)
    assert mean_rate_interval(perfect).low < 0.99
    low, high = points_interval(perfect, perfect)[1:]
    assert low == pytest.approx(-high)
    assert 0 < high < 0.1
    assert points_interval(silent, perfect).value == -1
    assert forgetting_interval(silent, perfect)[:2] == (-1.0, -1.0)
    assert -1 < forgetting_interval(silent, perfect).high < -0.9


def test_one_item_or_one_clip_says_little():
    one = rate_interval(np.array([True]), np.array([5]))
    assert one.value == 1.0
    assert one.low < 0.1
    one_clip = rate_interval(np.arange(10) < 9, np.zeros(10, dtype=int))
    assert one_clip.high - one_clip.low > 0.8
    groups = [(np.array([True, False]), np.array([0, 0]))] * 3
    assert mean_rate_interval(groups).value == 0.5
    assert points_interval(groups, groups).value == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rate_interval(np.zeros(0, dtype=bool), np.zeros(0, dtype=int)), "no scored item"),
        (lambda: rate_interval(np.array([True]), np.array([0, 1])), "one length"),
        (lambda: rate_interval(np.array([0.5]), np.array([0])), "must be boolean"),
        (lambda: rate_interval(np.array([True]), np.array([0]), level=1.0), "level"),
        (lambda: mean_rate_interval(random_run(0), level=0.0), "level"),
        (lambda: mean_rate_interval([]), "at least one group"),
        (lambda: points_interval(random_run(0), random_run(0)[:2]), "same groups"),
        (
            lambda: forgetting_interval(random_run(0), random_run(0, rates=(0.0, 0.0, 0.0))),
            "the reference follows no item",
        ),
    ],
)
def test_what_has_no_interval_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Invariance


def test_identical_runs_differ_by_nothing():
    run = random_run(6)
    for interval in (points_interval(run, run), forgetting_interval(run, run)):
        assert interval.value == 0.0
        assert interval.low < 0 < interval.high


def test_order_of_items_and_labels_of_clips_do_not_matter():
    run, ref = random_run(7), random_run(8)
    rng = np.random.default_rng(9)
    label = rng.permutation(1000)
    order = [rng.permutation(len(f)) for f, _ in run]
    shuffled = [(f[o], label[c][o]) for (f, c), o in zip(run, order, strict=True)]
    relabelled = [(f, label[c]) for f, c in ref]
    assert mean_rate_interval(shuffled) == pytest.approx(mean_rate_interval(run), abs=1e-9)
    assert points_interval(shuffled, relabelled) == pytest.approx(points_interval(run, ref), abs=1e-9)
    assert forgetting_interval(shuffled, relabelled) == pytest.approx(forgetting_interval(run, ref), abs=1e-7)


def test_swapping_the_runs_swaps_the_limits():
    run, ref = random_run(10), random_run(11, rates=(0.95, 0.9, 0.8))
    value, low, high = points_interval(run, ref)
    assert points_interval(ref, run) == pytest.approx((-value, -high, -low), abs=1e-9)
    value, low, high = forgetting_interval(run, ref)
    back = forgetting_interval(ref, run)
    assert back == pytest.approx((1 / (1 + value) - 1, 1 / (1 + high) - 1, 1 / (1 + low) - 1), abs=1e-7)


def test_points_and_forgetting_agree_on_whether_there_is_a_difference():
    for seed in range(30):
        run, ref = random_run(seed), random_run(seed + 100, rates=(0.95, 0.9, 0.85))
        points, delta = points_interval(run, ref), forgetting_interval(run, ref)
        assert np.sign([points.low, points.high]).tolist() == np.sign([delta.low, delta.high]).tolist()


def test_unscored_items_may_be_missing_from_one_run():
    run, ref = random_run(12), random_run(13)
    fewer = [(f[5:], c[5:]) for f, c in run]
    points = points_interval(fewer, ref)
    whole = points_interval(run, ref)
    assert points.high - points.low == pytest.approx(whole.high - whole.low, rel=0.15)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40),
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
def test_limits_enclose_the_value_and_complements_mirror(first, second, level):
    groups = [(np.array([f for f, _ in g]), np.array([c for _, c in g])) for g in (first, second)]
    complement = [(~f, c) for f, c in groups]
    for interval, mirror in (
        (rate_interval(*groups[0], level), rate_interval(*complement[0], level)),
        (mean_rate_interval(groups, level), mean_rate_interval(complement, level)),
    ):
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert mirror == pytest.approx((1 - interval.value, 1 - interval.high, 1 - interval.low), abs=1e-7)
    points = points_interval(groups[:1], groups[1:], level)
    assert -1 <= points.low <= points.value <= points.high <= 1
    if groups[1][0].any():
        delta = forgetting_interval(groups[:1], groups[1:], level)
        assert -1 <= delta.low <= delta.value <= delta.high


def test_a_higher_level_is_wider():
    run = random_run(14)
    widths = [i.high - i.low for i in (mean_rate_interval(run, level) for level in (0.5, 0.9, 0.95, 0.99))]
    assert widths == sorted(widths)
    assert isinstance(mean_rate_interval(run), Interval)
