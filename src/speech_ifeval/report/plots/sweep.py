"""The sweep as a figure: what comes back, and what is lost, as training is scaled down."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.report.plots.drawing import COLOURS, HIGH, panels, plain
from speech_ifeval.results import Sweep


def sweep_figure(found: Sweep, path: Path) -> None:
    """Draw IFrate and the task against the scale, with intervals; the best points are filled.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    with panels(path, [HIGH, HIGH]) as (upper, lower):
        for place, part in enumerate(dict.fromkeys(point.part for point in found.points)):
            points = sorted((one for one in found.points if one.part == part), key=lambda one: one.scale)
            for axis, name in ((upper, "ifrate"), (lower, "task")):
                known = [(one, getattr(one, name)) for one in points if getattr(one, name).value is not None]
                scales = [one.scale for one, _ in known]
                colour = COLOURS[place % len(COLOURS)]
                axis.plot(scales, [estimate.value for _, estimate in known], color=colour, label=plain(part))
                if all(estimate.low is not None for _, estimate in known):
                    low, high = [e.low for _, e in known], [e.high for _, e in known]
                    axis.fill_between(scales, low, high, color=colour, alpha=0.15, linewidth=0)
                for one, estimate in known:
                    axis.plot(
                        one.scale, estimate.value, "o", ms=4, mec=colour, mfc=colour if one.best else "white"
                    )
        if found.reference is not None:
            for axis, estimate in ((upper, found.reference.ifrate), (lower, found.reference.task)):
                if estimate.value is not None:
                    axis.axhline(estimate.value, color="0.4", linestyle=":", label=plain(found.reference.name))
        upper.set_ylabel("IFrate, %")
        lower.set_ylabel("task, %")
        lower.set_xlabel("scale (1: as trained)")
        upper.legend(fontsize=6)
