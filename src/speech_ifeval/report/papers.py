"""Everything that goes into a paper, written into one folder: figures as SVG, PDF and PNG, tables beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from speech_ifeval.errors import MissingExtraError, OutputError, UsageError
from speech_ifeval.report.paper_tables import (
    WRITERS,
    PaperTable,
    codes_table,
    rates_table,
    sweep_table,
    wording_table,
)
from speech_ifeval.report.plots.against_reference import reference_figure
from speech_ifeval.report.plots.codes import codes_figure
from speech_ifeval.report.plots.drawing import FORMATS, as_in_papers
from speech_ifeval.report.plots.isolation import isolation_figure
from speech_ifeval.report.plots.ladder import ladder_figure
from speech_ifeval.report.plots.ranking import ranking_figure
from speech_ifeval.report.plots.sweep import sweep_figure
from speech_ifeval.report.plots.wording import wording_figure
from speech_ifeval.results import Isolation, Ladder, Summary, Sweep, WordingEffects
from speech_ifeval.runs import write_text

Analysed = Sweep | WordingEffects | Ladder | Isolation
Runs = Sequence[tuple[str, Summary]]


def check_folder(folder: Path) -> None:
    """Stop before any work where figures could not be drawn in the end.

    Raises:
        UsageError: the folder is something else.
        MissingExtraError: matplotlib is missing.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: --figures takes a folder, found a file; name another")
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise MissingExtraError("plots", "matplotlib", "figures")


def write_figures(folder: Path, runs: Runs = (), analyses: Sequence[Analysed] = ()) -> list[Path]:
    """Write figures and tables of runs and of analyses, and return the files.

    Args:
        folder: where; what is there under the same names is written over.
        runs: names and summaries, in the order in which they are shown.
        analyses: results of `sweep`, `wording`, `ladder` and `isolation`; several of a kind are numbered.

    Raises:
        UsageError, MissingExtraError: as `check_folder`.
        OutputError: a file cannot be written.
    """
    check_folder(folder)
    written: list[Path] = []
    for name, draw in (*_of_runs(runs), *_of_analyses(analyses)):
        paths = [folder / f"{name}{end}" for end in FORMATS]
        draw(paths)
        written += paths
    for found in (*_tables_of_runs(runs), *_tables_of_analyses(analyses)):
        for end, write in WRITERS.items():
            path = folder / f"{found.name}{end}"
            write_text(path, write(found))
            written.append(path)
    if not written:
        raise OutputError(f"{folder}: nothing to draw; name scored runs, or results that --json printed")
    return written


Draw = Callable[[Sequence[Path]], None]


def _of_runs(runs: Runs) -> Iterator[tuple[str, Draw]]:
    if not runs:
        return
    yield "codes", lambda paths: codes_figure(runs, paths)
    if len(runs) > 1 and any(one.ifrate.value is not None for _, one in runs):
        yield "ranking", lambda paths: ranking_figure(runs, paths)
    if any(one.reference is not None for _, one in runs):
        yield "reference", lambda paths: reference_figure(runs, paths)


def _of_analyses(analyses: Sequence[Analysed]) -> Iterator[tuple[str, Draw]]:
    for name, found in _named(analyses):
        yield name, _drawing(found)


def _drawing(found: Analysed) -> Draw:
    def draw(paths: Sequence[Path]) -> None:
        with as_in_papers():
            for path in paths:
                if isinstance(found, Sweep):
                    sweep_figure(found, path)
                elif isinstance(found, WordingEffects):
                    wording_figure(found, path)
                elif isinstance(found, Ladder):
                    ladder_figure(found, path)
                else:
                    isolation_figure(found, path)

    return draw


def _named(analyses: Sequence[Analysed]) -> Iterator[tuple[str, Analysed]]:
    """Name each by its kind, numbered where there are several of it."""
    kinds = [re.sub("Effects$", "", type(found).__name__).lower() for found in analyses]
    counts: dict[str, int] = {}
    for kind, found in zip(kinds, analyses, strict=True):
        counts[kind] = counts.get(kind, 0) + 1
        yield kind if kinds.count(kind) == 1 else f"{kind}-{counts[kind]}", found


def _tables_of_runs(runs: Runs) -> Iterator[PaperTable]:
    if runs:
        yield rates_table(runs)
        yield codes_table(runs)


def _tables_of_analyses(analyses: Sequence[Analysed]) -> Iterator[PaperTable]:
    for name, found in _named(analyses):
        if isinstance(found, Sweep):
            yield sweep_table(name, found)
        elif isinstance(found, WordingEffects):
            for at, run in enumerate(found.runs, start=1):
                yield wording_table(name if len(found.runs) == 1 else f"{name}-run{at}", run)
