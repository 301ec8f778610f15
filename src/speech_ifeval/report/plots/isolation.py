"""The isolation check as a figure: what changes with the clip, and with the constraint, against the margin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speech_ifeval.report.figures import number
from speech_ifeval.report.isolation_tables import DESCRIBED, QUESTIONS, place_of
from speech_ifeval.report.plots.drawing import COLOURS, panels, plain
from speech_ifeval.report.plots.forest import Row, draw_forest, height_of
from speech_ifeval.results import Contrast, Isolation

_COLOURS = {"same": COLOURS[2], "differs": COLOURS[1], "undecided": "0.5"}
_SHAPES = {"same": "o", "differs": "D", "undecided": "s"}  # in grey, the two colours are one
_PARTED = {"swapped", "constrained"}  # also drawn code by code


def isolation_figure(found: Isolation, path: Path) -> None:
    """Draw every change with its interval and the margin as a band; green is the same, an orange diamond differs.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    sides = [_rows(found.following), _rows(found.perception)]
    with panels(path, [height_of(rows) for rows in sides]) as axes:
        for axis, rows, finding in zip(axes, sides, found.findings, strict=True):
            axis.axvspan(-found.margin, found.margin, color="0.93", zorder=0)
            draw_forest(axis, rows)
            axis.set_title(f"{QUESTIONS[finding.question]}: {finding.verdict}", fontsize=8, loc="right")
        axes[-1].set_xlabel(f"points{_control(found)}", fontsize=7, loc="right")


def _rows(contrasts: Sequence[Contrast]) -> list[Row]:
    return [
        Row(
            place_of(one),
            one.change.value,
            one.change.low,
            one.change.high,
            "0.5" if one.second == DESCRIBED else _COLOURS[one.change.verdict],
            filled=one.second != DESCRIBED,
            marker="o" if one.second == DESCRIBED else _SHAPES[one.change.verdict],
        )
        for one in contrasts
        if one.by == "all" or (one.by == "code" and one.second in _PARTED)
    ]


def _control(found: Isolation) -> str:
    for one in found.control:
        if one.by == "all":
            return plain(f"; control, answers with {place_of(one)}: {number(one.change.value, signed=True)}")
    return ""
