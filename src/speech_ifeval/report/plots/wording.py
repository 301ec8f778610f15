"""Wordings as a figure: how far apart the wordings of each constraint are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from speech_ifeval.report.plots.drawing import COLOURS, SMALL, panels, plain
from speech_ifeval.report.plots.forest import ROW
from speech_ifeval.report.wording_tables import told
from speech_ifeval.results import WordedRun, WordingEffects

_FRAME = 0.6
_LONGEST = 44  # characters of a constraint


def wording_figure(found: WordingEffects, path: Path) -> None:
    """Draw each constraint's wordings at their shrunken rates; those that are found to be apart are orange.

    A line is the constraint's own rate, a star behind its name says that wording was found to matter.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    heights = [_FRAME + ROW * max(1, sum(len(one.tests) for one in run.constraints)) for run in found.runs]
    with panels(path, heights) as axes:
        for axis, run in zip(axes, found.runs, strict=True):
            _draw(axis, run)
        axes[-1].set_xlabel("followed, %", loc="right")


def _short(name: str) -> str:
    """A constraint without its family where there is no room for both."""
    return name if len(name) < _LONGEST - 2 else name.partition(":")[2] or name


def _draw(axis: Any, run: WordedRun) -> None:
    tests = [(constraint, test) for constraint in run.constraints for test in constraint.tests]
    for place, (constraint, test) in enumerate(tests):
        for rate in test.rates:
            colour = COLOURS[0] if rate.apart is None else COLOURS[1]
            axis.plot(
                rate.shrunk,
                place,
                "o" if rate.apart is None else "D",
                ms=3,
                color=colour,
                alpha=0.4 if rate.apart is None else 1,
                mew=0,
            )
        axis.plot([constraint.rate.rate] * 2, [place - 0.35, place + 0.35], color="0.2", linewidth=1)
    names = [f"{_short(told(constraint, test))}{' *' * (test.finding == 'found')}" for constraint, test in tests]
    axis.set_yticks(range(len(tests)), [plain(name, _LONGEST) for name in names], fontsize=SMALL)
    axis.set_ylim(max(1, len(tests)) - 0.5, -0.5)
    axis.set_title(plain(run.name, 60), fontsize=8, loc="right")
