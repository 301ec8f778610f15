"""One rule says how grave a figure is: by the interval, by the figure, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.analysis.diagnosis.measuring import SEVERITIES, Rule, is_beyond, severity, worst_bound
from speech_ifeval.analysis.diagnosis.registry import Check, all_checks
from speech_ifeval.results import Estimate

HIGHER, LOWER, EITHER = Rule(5.0), Rule(-30.0, worse="lower"), Rule(10.0, worse="either")


def estimate(low: float | None, value: float | None, high: float | None) -> Estimate:
    return Estimate(value, low, high, 100, 0)


@pytest.mark.parametrize(
    ("rule", "figure", "found"),
    [
        (HIGHER, (5.01, 8, 12), "severe"),
        (HIGHER, (5.0, 8, 12), "notable"),  # the interval reaches the threshold: it is not beyond it
        (HIGHER, (1.0, 5.01, 12), "notable"),
        (HIGHER, (1.0, 5.0, 12), "note"),
        (HIGHER, (0.01, 1.0, 12), "note"),
        (HIGHER, (0.0, 1.0, 12), None),
        (HIGHER, (-3.0, 1.0, 12), None),
        (HIGHER, (-12.0, -8.0, -6.0), None),  # better than nothing is no trouble
        (HIGHER, (5 + 1e-12, 100 * (7 / 140), 12), "note"),  # a rest of rounding is not beyond
        (HIGHER, (None, 8.0, None), "notable"),  # without an interval nothing is sure
        (HIGHER, (None, 4.0, None), None),
        (HIGHER, (None, None, None), None),
        (LOWER, (-50, -40, -30.01), "severe"),
        (LOWER, (-50, -40, -30.0), "notable"),
        (LOWER, (-50, -30.01, -10), "notable"),
        (LOWER, (-50, -30.0, -10), "note"),
        (LOWER, (-50, -10, -0.01), "note"),
        (LOWER, (-50, -10, 0.0), None),
        (LOWER, (1, 10, 20), None),
        (EITHER, (10.01, 15, 20), "severe"),
        (EITHER, (-20, -15, -10.01), "severe"),
        (EITHER, (10.0, 15, 20), "notable"),
        (EITHER, (-20, -15, -10.0), "notable"),
        (EITHER, (-20, -10.0, -1), "note"),
        (EITHER, (-20, -9, 2), None),
        (Rule(90.0, floor=None), (40, 89, 91), None),  # there is always a commonest answer
        (Rule(90.0, floor=None), (89, 90.01, 91), "notable"),
        (Rule(90.0, floor=None), (90.01, 95, 99), "severe"),
    ],
)
def test_how_grave_a_figure_is(
    rule: Rule, figure: tuple[float | None, float | None, float | None], found: str | None
) -> None:
    assert severity(rule, estimate(*figure)) == found


def beyond(rule: Rule, by: float) -> float:
    return rule.threshold + (-by if rule.worse == "lower" else by)


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.name)
def test_every_check_is_severe_only_beyond_its_threshold(check: Check) -> None:
    def at(near: float, value: float) -> str | None:
        ends = sorted([near, value, beyond(check.rule, 50.0)])
        low, high = (ends[0], ends[-1]) if check.rule.worse != "lower" else (ends[0], near)
        return severity(check.rule, Estimate(value, low, high, 100, 0))

    more, at_it = beyond(check.rule, 0.1), check.rule.threshold
    assert at(more, more) == "severe"
    assert at(at_it, more) == "notable"
    assert at(at_it, at_it) == ("note" if check.rule.floor is not None else None)


def test_what_is_not_known_keeps_a_figure_from_being_severe() -> None:
    assert severity(HIGHER, estimate(6, 8, 12), at_most="notable") == "notable"
    assert severity(HIGHER, estimate(1, 2, 12), at_most="notable") == "note"
    assert severity(HIGHER, estimate(-1, 2, 12), at_most="notable") is None


numbers = st.floats(-100, 100)


@given(st.sampled_from([HIGHER, LOWER, EITHER]), st.tuples(numbers, numbers, numbers).map(sorted))
def test_a_wider_interval_is_never_graver(rule: Rule, ends: list[float]) -> None:
    low, value, high = ends
    order = {name: len(SEVERITIES) - number for number, name in enumerate(SEVERITIES)}
    narrow, wide = (severity(rule, one) for one in (estimate(*ends), estimate(low - 10, value, high + 10)))
    assert order.get(wide, 0) <= order.get(narrow, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "figure", "bound", "hides"),
    [
        (HIGHER, (0, 0, 5.0), 5.0, False),
        (HIGHER, (0, 0, 5.6), 5.6, True),
        (LOWER, (-5, -2, 1), -5, False),
        (LOWER, (-31, -2, 1), -31, True),
        (EITHER, (-4, 0, 3), -4, False),
        (EITHER, (-4, 0, 11), 11, True),
        (EITHER, (-12, 0, 11), -12, True),
        (HIGHER, (None, 0, None), None, True),
    ],
)
def test_how_large_a_trouble_can_be_that_was_not_found(
    rule: Rule, figure: tuple[float | None, float | None, float | None], bound: float | None, hides: bool
) -> None:
    found = worst_bound(rule, estimate(*figure))
    assert found == bound
    assert is_beyond(rule, found) is hides
