"""Which step of a training is kept, and when there is a warning: tables, and what a loop over one number keeps."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.analysis.training_curve import (
    best_point,
    choice_number,
    curve_of,
    goes_back,
    is_warned,
    warning_of,
)
from speech_ifeval.results import SweptReference, TrainingPoint
from tests.analysis.training_points import estimate, point, points_of


@pytest.mark.parametrize(
    ("rows", "margin", "step"),
    [
        ([], 2.0, None),
        ([(-5, 90)], 2.0, 0),
        ([(-5, 90), (-1, 90)], 2.0, 10),
        # The untrained model forgets nothing and does not do the task.
        ([(0, 20), (-5, 90), (-9, 91)], 2.0, 10),
        ([(0, 20), (-5, 90), (-9, 91)], 0.0, 20),
        ([(0, 20), (-5, 90), (-9, 91)], 100.0, 0),
        # Of equals the first.
        ([(-5, 90), (-5, 90)], 2.0, 0),
        # Just at the margin counts.
        ([(-5, 88), (-9, 90)], 2.0, 0),
        ([(-5, 87.99), (-9, 90)], 2.0, 10),
        # What has no figures is left out; without a task level following decides.
        ([(None, 99), (-5, 90)], 100.0, 10),
        ([(None, None)], 2.0, None),
        ([(-5, None), (-3, None)], 2.0, 10),
        ([(-5, None), (-9, 90)], 2.0, 10),
    ],
)
def test_the_point_that_is_kept(
    rows: list[tuple[float | None, float | None]], margin: float, step: int | None
) -> None:
    found = best_point(points_of(rows), margin)
    assert (None if found is None else found.step) == step


@pytest.mark.parametrize(
    ("rows", "numbers", "back"),
    [
        ([(-5, 90), (-3, 90), (-4, 90), (-1, 91)], [1, 2, 0, 3], []),
        # The first is struck out by the third's task level, and the second, which was never the best, is now.
        ([(-5, 90), (-20, 95), (-60, 97)], [1, 0, 0], [20]),
    ],
)
def test_the_number_that_a_trainer_compares(
    rows: list[tuple[float | None, float | None]], numbers: list[int], back: list[int]
) -> None:
    points = points_of(rows)
    counts = range(1, len(points) + 1)
    assert [choice_number(points[:count], 6.0) for count in counts] == numbers
    assert [points[count - 1].step for count in counts if goes_back(points[:count], 6.0)] == back


FIGURES = st.one_of(st.none(), st.integers(-50, 10))


@given(st.lists(st.tuples(FIGURES, st.one_of(st.none(), st.integers(0, 100))), max_size=8), st.integers(0, 30))
def test_the_highest_number_so_far_is_the_best_point_until_the_rule_goes_back(
    rows: list[tuple[float | None, float | None]], margin: int
) -> None:
    points = points_of(rows)
    kept, highest = None, 0
    for count in range(1, len(points) + 1):
        number = choice_number(points[:count], margin)
        if number > highest:  # as Trainer compares
            kept, highest = points[count - 1], number
        if goes_back(points[:count], margin):
            return
        assert kept is best_point(points[:count], margin)


@pytest.mark.parametrize(
    ("delta", "width", "threshold", "warned"),
    [(-20, 5, -10, True), (-15, 5, -10, False), (-15.1, 5, -10, True), (-60, 55, -10, False), (-4, 1, -2, True)],
)
def test_a_warning_is_an_interval_below_the_threshold(
    delta: float, width: float, threshold: float, warned: bool
) -> None:
    one = point(7, delta, 90, width=width)
    assert is_warned(one, threshold) is warned
    if warned:
        said = warning_of(one, threshold)
        assert said.startswith("step 7: instruction following is being forgotten: Δ −")
        assert f"all of it below −{-threshold} %, on 60 items" in said
        repeated = warning_of(one, threshold, again=True)
        assert repeated.startswith("step 7: still forgotten: Δ −")
        assert len(repeated) < len(said) / 3


def test_a_point_without_figures_warns_of_nothing() -> None:
    assert not is_warned(point(7, None, 90))


def test_a_curve_is_ordered_and_says_what_is_to_be_known() -> None:
    reference = SweptReference("llm", estimate(90), estimate(100), "")
    found = curve_of([point(20, -30, 91), point(0, -1, 90), point(10, -18, 91, items=40)], "m", reference)
    assert [one.step for one in found.steps] == [0, 10, 20]
    assert (found.warned, found.best) == ([10, 20], 0)
    assert found.notes == [
        "time ran out at step 10: there the largest part of the sample that was answered whole counts, with the "
        "reference on the same items"
    ]


@pytest.mark.parametrize(
    ("points", "note"),
    [
        ([point(0, -1, None)], "no judge has scored the answers"),
        (
            [point(0, -1, 90), msgspec.structs.replace(point(1, -1, 90), signature="other")],
            "not all made with the same settings",
        ),
    ],
)
def test_what_a_curve_notes(points: list[TrainingPoint], note: str) -> None:
    found = curve_of(points, "m", SweptReference("llm", estimate(90), estimate(100), ""))
    assert any(note in one for one in found.notes)
