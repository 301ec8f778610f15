"""Shares with their intervals: as other tools have them, at once where the worst is picked."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from speech_ifeval.analysis.diagnosis.evidence import Evidence, SystemRun
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Rule
from speech_ifeval.analysis.diagnosis.shares import Group, all_at_once, apart, rate, rate_of_told, worst_of
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.judges import no_judge
from speech_ifeval.metrics.clips import ClipCounts
from speech_ifeval.metrics.intervals import rate_interval, rate_limits
from speech_ifeval.metrics.power import smallest_delta
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.records import Item

DOCS = Path(__file__).parents[3] / "docs"
PUBLISHED = {"closed-ended": 933, "creative-writing": 400, "chain-of-thought": 200}


@pytest.fixture
def evidence() -> Evidence:
    nothing = Benchmark("nothing", (), "0" * 64, Path())
    return Evidence(SystemRun("run", nothing, {}, ScoredRun("run", [], {}), no_judge))


def items(clips: int, each: int = 1) -> list[Item]:
    return [
        Item(f"{clip}/{n}", "closed-ended", "?", f"{clip}.wav", "d") for clip in range(clips) for n in range(each)
    ]


def test_a_share_has_the_interval_of_a_following_rate(evidence: Evidence) -> None:
    of = items(40, 3)
    does = [index % 7 == 0 for index in range(len(of))]
    found = rate(evidence, does, of)
    expected = rate_interval(np.array(does), np.repeat(np.arange(40), 3))
    assert (found.value, found.low, found.high) == pytest.approx(tuple(100 * end for end in expected))
    assert (found.n, found.unscored) == (120, 0)


def test_what_cannot_be_told_is_no_part_of_a_share(evidence: Evidence) -> None:
    found = rate_of_told(evidence, [True, None, False, None], items(4))
    assert (found.value, found.n, found.unscored) == (50.0, 2, 2)
    nothing = rate_of_told(evidence, [None, None], items(2))
    assert (nothing.value, nothing.n, nothing.unscored) == (None, 0, 2)


def test_the_p_value_of_a_difference_is_that_of_statsmodels(evidence: Evidence) -> None:
    draw = np.random.default_rng(5)
    ours, theirs = draw.random(200) < 0.4, draw.random(200) < 0.3
    found = apart(evidence, ours.tolist(), theirs.tolist(), items(200))
    table = [[int((one & other).sum()) for other in (theirs, ~theirs)] for one in (ours, ~ours)]
    assert found.p == pytest.approx(their_mcnemar(table, exact=True).pvalue)
    assert found.value == pytest.approx(100 * (ours.mean() - theirs.mean()))
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high


def test_the_worst_group_is_named_and_its_interval_holds_with_all_others(evidence: Evidence) -> None:
    of = items(100)
    groups = {
        name: Group(list(of), [index < count for index in range(100)]) for name, count in (("a", 3), ("b", 30))
    }
    worst = worst_of(evidence, groups, Rule(SPOILT))
    assert (worst.name, worst.count, worst.figure.value) == ("b", 30, 30.0)
    expected = rate_interval(np.arange(100) < 30, np.arange(100), 0.975)
    assert (worst.figure.low, worst.figure.high) == pytest.approx((100 * expected.low, 100 * expected.high))
    assert worst.bound == worst.figure.high
    assert [part.name for part in worst.parts] == ["a", "b"]


def severe(truth: float, n: int, threshold: float = SPOILT, groups: int = 1) -> float:
    """The probability, summed over all counts, that n independent items make some of these groups severe."""
    counts = np.arange(n + 1)
    followed = (np.arange(n) < counts[:, None])[:, None, :].astype(np.int64)
    _, low, _ = rate_limits(ClipCounts(np.ones((1, n), dtype=np.int64), followed), all_at_once(groups))
    one = binom.pmf(counts, n, truth)[100 * low[:, 0] > threshold].sum()
    return float(1 - (1 - one) ** groups)


@pytest.mark.parametrize("n", [30, 60, 100, 200, 400, 933])
@pytest.mark.parametrize("groups", [1, 4, 7])
@pytest.mark.parametrize("threshold", [5.0, 30.0, 90.0])
def test_a_trouble_just_as_large_as_the_threshold_is_seldom_called_severe(
    n: int, groups: int, threshold: float
) -> None:
    assert severe(threshold / 100, n, threshold, groups) < 0.065  # what the exact limit may spend on one side
    assert severe(0.6 * threshold / 100, n, threshold, groups) < 0.015


def test_the_docs_say_how_often_a_trouble_is_called_severe() -> None:
    header, *rows = re.findall(r"^\| (?:truly|\d+ %) \|.*$", (DOCS / "diagnosis.md").read_text(), re.M)
    sizes = [int(n) for n in re.findall(r"(\d+) replies", header)]
    shown = {int(row.split()[1]): [float(cell) for cell in re.findall(r"[\d.]+(?= \||$)", row)] for row in rows}
    assert len(sizes) == 3
    assert {3, 5, 10, 20} <= shown.keys()
    for percent, cells in shown.items():
        assert cells == [round(100 * severe(percent / 100, n), 1) for n in sizes]


def test_five_of_a_hundred_replies_are_about_what_the_published_benchmark_can_detect() -> None:
    smallest = smallest_delta(PUBLISHED)
    assert smallest is not None
    assert smallest.points is not None
    assert 0.75 * SPOILT < -smallest.points < SPOILT
