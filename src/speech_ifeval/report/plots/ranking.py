"""IFrates of several models, the highest first, each beside its reference's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speech_ifeval.report.plots.drawing import COLOURS, COLUMN, grid, names_of
from speech_ifeval.results import Summary

_ROW = 0.17
_FRAME = 0.7
_LONGEST = 28  # characters of a name


def ranking_figure(runs: Sequence[tuple[str, Summary]], paths: Sequence[Path]) -> None:
    """Draw IFrate with its interval, and the reference's as an open square.

    Args:
        runs: names and summaries; those without an IFrate are left out.
        paths: one file for each format.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: a file cannot be written.
    """
    known = [(name, one.ifrate.value, one) for name, one in runs if one.ifrate.value is not None]
    known.sort(key=lambda row: -row[1])
    with grid(paths, COLUMN, [_FRAME + _ROW * len(known)]) as ((axis,),):
        shown = set()
        for place, (_, value, summary) in enumerate(known):
            theirs = None if summary.reference is None else summary.reference.ifrate
            if theirs is not None and theirs.value is not None:
                label = None if "reference" in shown else "reference system"
                shown.add("reference")
                axis.plot([value, theirs.value], [place] * 2, color="0.8", linewidth=2.2, zorder=1)
                axis.plot(
                    theirs.value, place, "s", ms=3.8, mec=COLOURS[0], mfc="white", mew=0.9, label=label, zorder=3
                )
            ours = summary.ifrate
            if ours.low is not None and ours.high is not None:
                axis.plot([ours.low, ours.high], [place] * 2, color=COLOURS[1], linewidth=1, zorder=2)
            label = None if "model" in shown else "model"
            shown.add("model")
            axis.plot(value, place, "o", ms=3.8, mec=COLOURS[1], mfc=COLOURS[1], label=label, zorder=4)
        axis.set_yticks(range(len(known)), names_of([name for name, _, _ in known], _LONGEST))
        axis.set_ylim(len(known) - 0.5, -0.5)
        axis.set_xlim(-3, 103)
        axis.set_xticks(range(0, 101, 20))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x", color="0.92", linewidth=0.5)
        axis.set_axisbelow(True)
        axis.set_xlabel("IFrate, %", labelpad=2)
        if "reference" in shown:
            axis.figure.legend(loc="outside upper center", ncols=2, handletextpad=0.2, columnspacing=1.2)
