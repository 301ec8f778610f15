"""Results as figures, by matplotlib: SVG, PDF or PNG by the file's name, in colours all can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speech_ifeval.errors import MissingExtraError, UsageError
from speech_ifeval.report.figures import visible
from speech_ifeval.results import Ladder, Sweep
from speech_ifeval.runs import writing

FORMATS = (".svg", ".pdf", ".png")
# Okabe & Ito (2008), Color Universal Design: told apart by all common kinds of colour vision, and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_COLUMN = 3.4  # inches: the width of a column in a two-column paper
_HIGH = 2.4
_SETTINGS: dict[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "speech-ifeval",  # the same figure is the same file
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a name with dollars is a name
}
_RUNGS = {
    "reference": "reference, transcript (R)",
    "bare": "reference, bare words",
    "cascade": "reference, heard words",
    "text": "model, transcript (T)",
    "audio": "model, audio (A)",
}


def check_figure(path: Path | None) -> None:
    """Stop before hours of work where a figure could not be drawn in the end.

    Raises:
        UsageError: the name's end is that of no format.
        MissingExtraError: matplotlib is missing.
    """
    if path is None:
        return
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: expected a figure's name to end in {', '.join(FORMATS)}")
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingExtraError("plots", "matplotlib", "figures")


def sweep_figure(found: Sweep, path: Path) -> None:
    """Draw IFrate and the task against the scale, with intervals; the best points are filled.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    with _figure(path, rows=2) as (upper, lower):
        for place, part in enumerate(dict.fromkeys(point.part for point in found.points)):
            points = sorted((one for one in found.points if one.part == part), key=lambda one: one.scale)
            for axis, name in ((upper, "ifrate"), (lower, "task")):
                known = [(one, getattr(one, name)) for one in points if getattr(one, name).value is not None]
                scales = [one.scale for one, _ in known]
                colour = COLOURS[place % len(COLOURS)]
                axis.plot(scales, [estimate.value for _, estimate in known], color=colour, label=_plain(part))
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
                    axis.axhline(estimate.value, color="0.4", linestyle=":", label=_plain(found.reference.name))
        upper.set_ylabel("IFrate, %")
        lower.set_ylabel("task, %")
        lower.set_xlabel("scale (1: as trained)")
        upper.legend(fontsize=6)


def ladder_figure(found: Ladder, path: Path) -> None:
    """Draw IFrate rung by rung, with intervals, and what the two parts of Δ are.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    rungs = [rung for rung in found.rungs if rung.ifrate is not None and rung.ifrate.value is not None]
    with _figure(path, rows=1) as (axis,):
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
        axis.set_title(_parts(found), fontsize=8)


def _parts(found: Ladder) -> str:
    named = (("Δ", found.forgetting), ("weights", found.weights), ("modality", found.modality))
    told = [
        f"{name} {estimate.value:+.1f} %".replace("-", "−")
        for name, estimate in named
        if estimate is not None and estimate.value is not None
    ]
    return ", ".join(told)


def _plain(text: str) -> str:
    """A name as it is: matplotlib leaves out of a legend what begins with an underscore."""
    return " " * text.startswith("_") + visible(text)


@contextmanager
def _figure(path: Path, rows: int) -> Iterator[Any]:
    check_figure(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        figure = Figure(figsize=(_COLUMN, _HIGH * rows), layout="constrained")
        axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
        yield axes
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without a date the same figure is the same file.
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
            figure.savefig(path, dpi=200, metadata=metadata)
