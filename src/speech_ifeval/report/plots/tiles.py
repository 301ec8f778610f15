"""A table of shades with the figures written in: for more models than colours can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from speech_ifeval.report.figures import NONE
from speech_ifeval.report.plots.drawing import names_of

ROW = 0.19  # inches
FRAME = 0.55  # of names above and the axis title below
_LONGEST = 40  # characters of a name
_DARK = 0.18  # relative luminance below which white is easier to read than black


def draw_tiles(
    axis: Any,
    names: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    shades: str,
    ends: tuple[float, float],
    marks: Sequence[Sequence[str]] | None = None,
    split: int = 0,
    signed: bool = False,
) -> None:
    """Draw a row for each name.

    Args:
        axis: where.
        names: of the rows.
        columns: their titles.
        values: (rows, columns); None is written as a dash.
        shades: a colour map of matplotlib's.
        ends: the values at its two ends.
        marks: what is written behind the values, (rows, columns).
        split: before which column a gap is left, 0 for none.
        signed: whether values are differences.
    """
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    shade = colormaps[shades]
    low, high = ends
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            colour = (1.0, 1.0, 1.0) if value is None else shade((value - low) / (high - low))[:3]
            corner = (column - 0.5, row - 0.5)
            axis.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=0.8))
            text = tenths(value, signed=signed) + (marks[row][column] if marks is not None else "")
            ink = "white" if luminance(colour) < _DARK else "black"
            axis.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
    if split:
        axis.axvline(split - 0.5, color="white", linewidth=3)
    axis.set_xlim(-0.5, len(columns) - 0.5)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(names)), names_of(names, _LONGEST))
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def tenths(value: float | None, *, signed: bool = False) -> str:
    """A figure with one decimal and a true minus sign.

    >>> tenths(-16.66, signed=True), tenths(45.45), tenths(-0.01, signed=True), tenths(None)
    ('−16.7', '45.5', '0.0', '–')
    """
    if value is None:
        return NONE
    value = round(value, 1) or 0.0  # never a signed zero
    return (f"{value:+.1f}" if signed and value else f"{value:.1f}").replace("-", "−")


def luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance of a colour given as red, green and blue between 0 and 1.

    Source: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance.

    >>> luminance((0, 0, 0)), round(luminance((1, 1, 1)), 4)
    (0.0, 1.0)
    """
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
