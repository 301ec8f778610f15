"""Trainings as a figure: what is forgotten, and what the task gains, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.report.plots.drawing import COLOURS, HIGH, panels, plain
from speech_ifeval.results import Estimate, TrainingCurve, TrainingPoint

_Figure = Callable[[TrainingPoint], Estimate | None]


def training_figure(curves: Sequence[TrainingCurve], path: Path) -> None:
    """Draw Δ and the task against the step, with intervals; the best point of each curve is filled.

    A triangle marks the first warning of each, a dotted line the threshold. Without a reference, IFrate stands in
    the place of Δ.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    against = any(one.forgetting is not None for curve in curves for one in curve.steps)
    first: tuple[str, _Figure] = ("IFrate, %", lambda one: one.ifrate)
    if against:
        first = ("Δ, %", lambda one: one.forgetting)
    drawn: list[tuple[str, _Figure]] = [first, ("task, %", lambda one: one.task)]
    with panels(path, [HIGH, 0.75 * HIGH]) as axes:
        for axis, (title, figure) in zip(axes, drawn, strict=True):
            for place, curve in enumerate(curves):
                _curve(axis, curve, figure, COLOURS[place % len(COLOURS)])
            axis.set_ylabel(title)
        if against:
            axes[0].axhline(0, color="0.4", linewidth=0.6)
            for threshold in sorted({curve.threshold for curve in curves}):
                axes[0].axhline(threshold, color="0.4", linewidth=0.8, linestyle=":")
            for place, curve in enumerate(curves):
                _warning(axes[0], curve, COLOURS[place % len(COLOURS)])
        axes[-1].set_xlabel("step")
        if any(curve.steps for curve in curves):
            axes[0].legend(fontsize=6)


def _curve(axis: Any, curve: TrainingCurve, figure: _Figure, colour: str) -> None:
    known = [
        (one, estimate)
        for one in curve.steps
        if (estimate := figure(one)) is not None and estimate.value is not None
    ]
    steps = [one.step for one, _ in known]
    axis.plot(steps, [estimate.value for _, estimate in known], color=colour, label=plain(curve.model))
    between = [one for one in known if one[1].low is not None and one[1].high is not None]
    low, high = [one.low for _, one in between], [one.high for _, one in between]
    axis.fill_between([one.step for one, _ in between], low, high, color=colour, alpha=0.15, linewidth=0)
    for one, estimate in known:
        filled = colour if one.step == curve.best else "white"
        axis.plot(one.step, estimate.value, "o", ms=3.5, mec=colour, mfc=filled, mew=0.8)


def _warning(axis: Any, curve: TrainingCurve, colour: str) -> None:
    for one in curve.steps:
        if curve.warned and one.step == curve.warned[0] and one.forgetting is not None:
            place = (one.step, one.forgetting.high)
            axis.annotate(f"warning at {one.step}", place, (4, 6), textcoords="offset points", fontsize=6)
            axis.plot(*place, marker="v", ms=5, color=colour)
