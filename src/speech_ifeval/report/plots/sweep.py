"""The sweep as a figure: what comes back, and what is lost, as training is scaled down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.report.plots.drawing import COLOURS, HIGH, MARKERS, SMALL, panels, plain
from speech_ifeval.report.plots.forest import Row, draw_forest, height_of
from speech_ifeval.results import Estimate, Sweep, SweepPoint

_LONGEST = 36  # characters of a name

Figure = Callable[[SweepPoint], Estimate | None]


def sweep_figure(found: Sweep, path: Path) -> None:
    """Draw IFrate, Δ where there is a reference, and the task against the scale, with intervals.

    The best points are filled. Where each of several parts has one scale only, they are rows instead of curves.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    reads = found.reference
    drawn: list[tuple[str, Figure, Estimate | None]] = [
        ("IFrate, %", lambda one: one.ifrate, None if reads is None else reads.ifrate)
    ]
    if any(one.forgetting is not None for one in found.points):
        drawn.append(("Δ, %", lambda one: one.forgetting, None))
    drawn.append(("task, %", lambda one: one.task, None if reads is None else reads.task))
    parts: dict[str, list[SweepPoint]] = {}
    for point in sorted(found.points, key=lambda one: one.scale):
        parts.setdefault(point.part, []).append(point)
    if len(parts) > 1 and all(len(points) == 1 for points in parts.values()):
        _parts_figure([points[0] for points in parts.values()], drawn, path)
        return
    with panels(path, [0.75 * HIGH] * len(drawn)) as axes:
        for axis, (title, figure, reference) in zip(axes, drawn, strict=True):
            for place, (part, points) in enumerate(parts.items()):
                name = found.model if list(parts) == ["all"] else part
                _curve(axis, points, figure, place, plain(name, _LONGEST))
            if reference is not None and reference.value is not None and reads is not None:
                axis.axhline(reference.value, color="0.4", linestyle=":", label=plain(reads.name, _LONGEST))
            axis.set_ylabel(title)
        axes[-1].set_xlabel("scale (1: as trained)")
        axes[0].legend(fontsize=SMALL)


def _parts_figure(
    points: Sequence[SweepPoint], drawn: Sequence[tuple[str, Figure, Estimate | None]], path: Path
) -> None:
    """One scale for each part is no curve: a row for each."""
    rows = [
        [
            Row(f"{one.part} at {one.scale:g}", estimate.value, estimate.low, estimate.high, COLOURS[0], one.best)
            for one in points
            if (estimate := figure(one)) is not None and estimate.value is not None
        ]
        for _, figure, _ in drawn
    ]
    with panels(path, [height_of(side) for side in rows], share=False) as axes:
        for axis, side, (title, _, reference) in zip(axes, rows, drawn, strict=True):
            draw_forest(axis, side, at=0.0 if reference is None or reference.value is None else reference.value)
            axis.set_xlabel(title)


def _curve(axis: Any, points: Sequence[SweepPoint], figure: Figure, place: int, label: str) -> None:
    colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
    known = [
        (one, estimate) for one in points if (estimate := figure(one)) is not None and estimate.value is not None
    ]
    scales = [one.scale for one, _ in known]
    axis.plot(scales, [estimate.value for _, estimate in known], color=colour)
    if all(estimate.low is not None and estimate.high is not None for _, estimate in known):
        low, high = [estimate.low for _, estimate in known], [estimate.high for _, estimate in known]
        axis.fill_between(scales, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.plot([], [], marker=marker, ms=4, color=colour, label=label)  # of the legend: line and shape
    for one, estimate in known:
        axis.plot(one.scale, estimate.value, marker, ms=4, mec=colour, mfc=colour if one.best else "white")
