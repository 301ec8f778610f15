"""The ladder as a figure: IFrate rung by rung."""

from __future__ import annotations

from pathlib import Path

from speech_ifeval.report.plots.drawing import COLOURS, HIGH, panels
from speech_ifeval.results import Ladder

_RUNGS = {
    "reference": "reference, transcript (R)",
    "bare": "reference, bare words",
    "cascade": "reference, heard words",
    "text": "model, transcript (T)",
    "audio": "model, audio (A)",
}


def ladder_figure(found: Ladder, path: Path) -> None:
    """Draw IFrate rung by rung, with intervals, and what the two parts of Δ are.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    rungs = [rung for rung in found.rungs if rung.ifrate is not None and rung.ifrate.value is not None]
    with panels(path, [HIGH]) as (axis,):
        for place, rung in enumerate(rungs):
            estimate = rung.ifrate
            assert estimate is not None  # chosen above
            colour = COLOURS[1] if rung.name in ("text", "audio") else COLOURS[0]
            axis.barh(place, estimate.value, color=colour, alpha=0.8)
            if estimate.low is not None and estimate.high is not None and estimate.value is not None:
                error = [[estimate.value - estimate.low], [estimate.high - estimate.value]]
                axis.errorbar(estimate.value, place, xerr=error, color="0.2", capsize=2, linewidth=0.8)
        axis.set_yticks(range(len(rungs)), [_RUNGS[rung.name] for rung in rungs])
        axis.invert_yaxis()
        axis.set_xlabel("IFrate, %")
        axis.set_title(_parts(found), fontsize=8, loc="right")


def _parts(found: Ladder) -> str:
    named = (("Δ", found.forgetting), ("weights", found.weights), ("modality", found.modality))
    told = [
        f"{name} {estimate.value:+.1f} %".replace("-", "−")
        for name, estimate in named
        if estimate is not None and estimate.value is not None
    ]
    return ", ".join(told)
