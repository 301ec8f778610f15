"""The option ``--figures DIR``, and what it means everywhere: all that goes into a paper, into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

Figures = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Also write figures for a paper (SVG, PDF, PNG) and tables (LaTeX, Markdown) into this folder. Needs "
        "the extra plots.",
    ),
]


def check_figures(folder: Path | None) -> None:
    """Stop before any work where figures could not be drawn in the end.

    Raises:
        UsageError, MissingExtraError: as `speech_ifeval.report.papers.check_folder`.
    """
    if folder is not None:
        from speech_ifeval.report.papers import check_folder

        check_folder(folder)


def draw_figures(
    folder: Path | None, runs: Sequence[Path], *, scoring: str | None = None, results: Sequence[Path] = ()
) -> None:
    """Draw what is known of runs and of results in files, and say on standard error how much was written.

    Raises:
        SpeechIFEvalError: what reading and writing them raises.
    """
    if folder is None:
        return
    from speech_ifeval.analysis.ranking import KEYS, key_of
    from speech_ifeval.analysis.saved import read_analysis
    from speech_ifeval.analysis.scored_runs import read_summaries
    from speech_ifeval.cli.output import say_plainly
    from speech_ifeval.report.papers import write_figures

    summaries = read_summaries(runs, scoring)
    keys = [key_of(summary.settings) for _, summary in summaries]
    unlike = [name for at, name in enumerate(KEYS) if len({key[at] for key in keys}) > 1]
    if unlike:
        say_plainly(f"the runs stand side by side, and cannot be compared: they differ in {', '.join(unlike)}")
    written = write_figures(folder, summaries, [read_analysis(path) for path in results])
    say_plainly(f"Written: {len(written)} files in {folder}")
