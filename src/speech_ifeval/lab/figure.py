"""The study as a figure: what every recipe forgets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speech_ifeval.lab.study import CellFigures
from speech_ifeval.report.plots.drawing import COLOURS, panels
from speech_ifeval.report.plots.forest import Row, draw_forest, height_of

_COLOURS = {"corpus": COLOURS[1], "own": COLOURS[0]}


def study_figure(cells: Sequence[CellFigures], path: Path) -> None:
    """Draw every recipe's Δ with its interval over seeds and clips; where all weights are tuned, hollow.

    Raises:
        UsageError, MissingExtraError: as `speech_ifeval.report.plots.check_figure`.
        OutputError: the file cannot be written.
    """
    rows = [
        Row(
            cell.name,
            cell.forgetting.value,
            cell.forgetting.low,
            cell.forgetting.high,
            _COLOURS[cell.recipe.style],
            filled=not cell.recipe.full,
        )
        for cell in cells
    ]
    with panels(path, [height_of(rows)]) as (axis,):
        draw_forest(axis, rows)
        axis.set_xlabel("Δ, %")
