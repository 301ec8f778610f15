"""A training's curve as tables and figure: marks, cuts and notes are where they belong."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.analysis.training_curve import curve_of, point_without
from speech_ifeval.report.notebook import html_of
from speech_ifeval.report.plots import training_figure
from speech_ifeval.report.training_tables import training_markdown, training_table, training_view
from speech_ifeval.results import SweptReference
from tests.analysis.training_points import estimate, point

REFERENCE = SweptReference("llm", estimate(90), estimate(100), "")
CURVE = curve_of(
    [
        point(0, -1, 90),
        point(10, -30, 91, items=24),
        point_without(20, None, Path("step-20"), 60, 1.0, "not even the first 24 items were answered"),
    ],
    "tuned\x1b[2J",
    REFERENCE,
)


def test_warnings_cuts_and_the_best_point_are_marked() -> None:
    header, rows = training_table(CURVE)
    assert [len(row) for row in rows] == [len(header)] * 4
    assert [row[0] for row in rows] == ["llm", "0", "10", "20"]
    assert [row[1] for row in rows] == ["60", "60", "24 of 60", "0 of 60"]
    assert [row[-1] for row in rows] == ["", "●", "▼", ""]


def test_what_stands_below_says_what_the_marks_mean() -> None:
    text = training_markdown(CURVE)
    assert "▼ Warning from step 10 on, at 1 of 3 points: the whole interval of Δ is below −10.00 %." in text
    assert "● Step 0 is to be kept" in text
    assert "Step 20: not even the first 24 items were answered." in text
    assert training_view(CURVE)
    assert "\x1b" not in html_of(CURVE)


def test_a_curve_without_points_or_reference_can_be_shown_and_drawn(tmp_path: Path) -> None:
    empty = curve_of([], "nothing yet", None)
    assert "nothing yet" in html_of(empty)
    for number, curves in enumerate(([empty], [CURVE], [CURVE, empty])):
        path = tmp_path / f"{number}.svg"
        training_figure(curves, path)
        assert ("warning at 10" in path.read_text("utf-8")) is (CURVE in curves)
