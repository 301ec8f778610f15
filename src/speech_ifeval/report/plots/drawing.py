"""What all figures share: matplotlib, SVG, PDF or PNG by the file's name, colours that all can tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speech_ifeval.errors import MissingExtraError, UsageError
from speech_ifeval.report.figures import visible
from speech_ifeval.runs import writing

FORMATS = (".svg", ".pdf", ".png")
# Okabe & Ito (2008), Color Universal Design: told apart by all common kinds of colour vision, and in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_COLUMN = 3.4  # inches: the width of a column in a two-column paper
HIGH = 2.4
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


def plain(text: str) -> str:
    """A name as it is: matplotlib leaves out of a legend what begins with an underscore."""
    return " " * text.startswith("_") + visible(text)


@contextmanager
def panels(path: Path, heights: Sequence[float], *, share: bool = True) -> Iterator[Any]:
    """Give panels to draw in, one above the other, and write the figure to `path` at the end.

    Args:
        path: whose end names the format.
        heights: of the panels, in inches; the width is that of a column.
        share: whether all have the same horizontal axis.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: the file cannot be written.
    """
    check_figure(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        figure = Figure(figsize=(_COLUMN, sum(heights)), layout="constrained")
        grid = {"height_ratios": heights}
        yield figure.subplots(len(heights), 1, sharex=share, squeeze=False, gridspec_kw=grid)[:, 0]
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without a date the same figure is the same file.
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
            figure.savefig(path, dpi=200, metadata=metadata)
