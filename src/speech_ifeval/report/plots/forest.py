"""Forest plots: one row a figure, its interval as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from speech_ifeval.report.plots.drawing import SMALL, plain

ROW = 0.15  # inches
_LONGEST = 44  # characters of a name: half a column
_FRAME = 0.55  # of axis, ticks and title


class Row(Struct, frozen=True):
    """One figure: its name, the value with its interval, if any, and how it is drawn."""

    name: str
    value: float
    low: float | None
    high: float | None
    colour: str
    filled: bool = True
    marker: str = "o"


def height_of(rows: Sequence[Row]) -> float:
    """Return the height in inches of a panel with these rows."""
    return _FRAME + ROW * max(1, len(rows))


def draw_forest(axis: Any, rows: Sequence[Row], *, at: float = 0.0) -> None:
    """Draw rows from the top down, with a line at what is no change."""
    axis.axvline(at, color="0.7", linewidth=0.6, zorder=0)
    for place, row in enumerate(rows):
        if row.low is not None and row.high is not None:
            axis.plot([row.low, row.high], [place, place], color=row.colour, linewidth=1)
        axis.plot(row.value, place, row.marker, ms=3.5, mec=row.colour, mfc=row.colour if row.filled else "white")
    axis.set_yticks(range(len(rows)), [plain(row.name, _LONGEST) for row in rows], fontsize=SMALL)
    axis.set_ylim(max(1, len(rows)) - 0.5, -0.5)
