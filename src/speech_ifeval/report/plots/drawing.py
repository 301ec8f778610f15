"""What all figures share: matplotlib, SVG, PDF or PNG by the file's name, colours that all can tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from speech_ifeval.errors import MissingExtraError, UsageError
from speech_ifeval.report.figures import visible
from speech_ifeval.runs import writing

FORMATS = (".svg", ".pdf", ".png")
# Okabe & Ito (2008), Color Universal Design: told apart by all common kinds of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")  # and in grey, where colours are not
COLUMN = 3.3  # inches: within a column of the usual two-column papers, so that nothing is scaled
PAGE = 6.9  # and within both
SMALL = 6.5  # points: the smallest type
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
# STIX has the shapes of Times and comes with matplotlib, so that a figure is the same on every machine.
PAPER: dict[Any, Any] = {
    "font.family": ["STIXGeneral", "DejaVu Serif"],
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
}
_AS_WIDE = (
    "font-family: 'STIXGeneral', ",
    "font-family: 'STIXGeneral', 'Times New Roman', 'Liberation Serif', 'Nimbus Roman', 'Times', ",
)


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


def plain(text: str, longest: int | None = None) -> str:
    """A name as a figure can show it.

    Characters that its fonts do not have are shown by their number. A longer name than `longest` loses its middle.
    Matplotlib leaves out of a legend what begins with an underscore, so that a space is put before it.
    """
    shown = visible(text)
    if not shown.isascii():
        known = _characters()
        shown = "".join(c if c.isascii() or ord(c) in known else ascii(c)[1:-1] for c in shown)
    if longest is not None and len(shown) > longest:
        head = (longest - 1) // 2
        shown = f"{shown[:head]}…{shown[len(shown) - (longest - 1 - head) :]}"
    return " " * shown.startswith("_") + shown


def names_of(texts: Sequence[str], longest: int) -> list[str]:
    """Names of several runs, none longer than `longest`; those that would look alike are numbered.

    >>> names_of(["a-long-1-name-of-a-run", "a-long-2-name-of-a-run", "b"], 11)
    ['a-l…-run #1', 'a-l…-run #2', 'b']
    """
    shown = [plain(text, longest) for text in texts]
    alike = {name for name in shown if shown.count(name) > 1}
    for name in alike:
        places = [at for at, one in enumerate(shown) if one == name]
        for number, at in enumerate(places, start=1):
            end = f" #{number}"
            shown[at] = plain(texts[at], longest - len(end)) + end
    return shown


@cache
def _characters() -> frozenset[int]:
    """What both the fonts of papers and the usual one can show."""
    from matplotlib import font_manager

    def of(family: str) -> set[int]:
        return set(font_manager.get_font(font_manager.findfont(family)).get_charmap())

    return frozenset((of("STIXGeneral") | of("DejaVu Serif")) & of("DejaVu Sans"))


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
        figure = Figure(figsize=(COLUMN, sum(heights)), layout="constrained")
        grid = {"height_ratios": heights}
        yield figure.subplots(len(heights), 1, sharex=share, squeeze=False, gridspec_kw=grid)[:, 0]
        _save(figure, path)


@contextmanager
def grid(
    paths: Sequence[Path], width: float, heights: Sequence[float], columns: int = 1, *, share: bool = True
) -> Iterator[Any]:
    """Give panels in rows and columns, and write the one figure to every path at the end.

    Args:
        paths: whose ends name the formats.
        width: of the whole, in inches; `COLUMN` or `PAGE`.
        heights: of the rows, in inches.
        columns: how many panels stand side by side.
        share: whether all panels have the same axes.

    Raises:
        UsageError, MissingExtraError: as `check_figure`.
        OutputError: a file cannot be written.
    """
    for path in paths:
        check_figure(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS | PAPER):
        figure = Figure(figsize=(width, sum(heights)), layout="constrained")
        ratios = {"height_ratios": heights}
        yield figure.subplots(len(heights), columns, sharex=share, sharey=share, squeeze=False, gridspec_kw=ratios)
        for path in paths:
            _save(figure, path)


@contextmanager
def as_in_papers() -> Iterator[None]:
    """Draw in the fonts of a paper what is drawn inside."""
    from matplotlib import rc_context

    with rc_context(PAPER):
        yield


def _save(figure: Any, path: Path) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a date the same figure is the same file.
        end = path.suffix.lower()
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(end)
        figure.savefig(path, dpi=300, metadata=metadata)
        if end == ".svg":  # it says the fonts and does not hold them
            path.write_text(path.read_text("utf-8").replace(*_AS_WIDE), "utf-8")
