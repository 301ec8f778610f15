"""A diagnosis as a figure: every check's figure in units of its threshold."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.report.figures import visible
from speech_ifeval.report.plots.drawing import COLOURS, panels, plain
from speech_ifeval.report.plots.forest import Row, draw_forest, height_of
from speech_ifeval.results import CleanCheck, Diagnosis, Finding

_COLOURS = {"severe": COLOURS[1], "notable": COLOURS[4], "note": COLOURS[5]}
_SHAPES = {"severe": "D", "notable": "s", "note": "^"}
_TICKS = (-10, -1, 0, 1, 2, 5, 10, 20)


def diagnosis_figure(found: Diagnosis, path: Path) -> None:
    """Draw each check's figure with its interval, over its threshold; right of 1 is trouble.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    rows = [row_of(one, _COLOURS[one.severity], _SHAPES[one.severity]) for one in found.findings]
    rows += [row_of(one) for one in found.clean if one.figure.value is not None]
    with panels(path, [height_of(rows)]) as (axis,):
        draw_forest(axis, rows, at=1.0)
        axis.set_xscale("symlog", linthresh=1.0)
        left, right = axis.get_xlim()
        ticks = [tick for tick in _TICKS if left <= tick <= right]
        axis.set_xticks(ticks, [f"{tick}" for tick in ticks])
        axis.minorticks_off()
        axis.set_xlabel("figure over its threshold")
        axis.set_title(plain(found.name, 60), fontsize=8, loc="right")


def row_of(one: Finding | CleanCheck, colour: str = COLOURS[2], marker: str = "o") -> Row:
    """Return a check's figure and interval over its threshold, trouble to the right."""
    sign = -1 if one.worse == "either" and (one.figure.value or 0) < 0 else 1
    value, *ends = (
        None if end is None else sign * end / one.threshold
        for end in (one.figure.value, one.figure.low, one.figure.high)
    )
    assert value is not None  # findings have one, and clean checks are chosen by it
    if sign * one.threshold < 0:
        ends.reverse()
    return Row(visible(one.check), value, ends[0], ends[1], colour, marker=marker)
