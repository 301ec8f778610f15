"""``speech-ifeval compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.figures_option import Figures


def compare_command(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Run directories, 2 to 20, as `score` writes them.")
    ],
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            help="The reference's run directory: once for all runs, or once for each in their order. Without it, "
            "RUN/reference where every run has one."
        ),
    ] = None,
    scoring: Annotated[
        str | None,
        typer.Option(
            help="Which scoring, where a run holds several: a rule set, or a name or pattern of "
            "verdicts.<scoring>.jsonl. Default: the only one, or official."
        ),
    ] = None,
    figures: Figures = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Compare scored runs side by side: paired differences of IFrate and Δ, rank intervals, flipped items."""
    from speech_ifeval.cli.figures_option import check_figures, draw_figures
    from speech_ifeval.cli.output import print_json, print_text, print_view, progress_bar
    from speech_ifeval.errors import UsageError
    from speech_ifeval.pipeline.comparing import compare

    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other")
    check_figures(figures)
    with progress_bar("comparing") as progress:
        comparison = compare(runs, references=reference or [], scoring=scoring, progress=progress)
    draw_figures(figures, runs, scoring=scoring)
    if as_json:
        print_json(comparison)
    elif markdown:
        from speech_ifeval.report.comparison_tables import comparison_markdown

        print_text(comparison_markdown(comparison))
    else:
        from speech_ifeval.report.comparison_tables import comparison_view

        print_view(*comparison_view(comparison))
