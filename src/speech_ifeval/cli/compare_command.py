"""``speech-ifeval compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Scoring


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
    scoring: Scoring = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Compare scored runs side by side: paired differences of IFrate and Δ, rank intervals, flipped items."""
    from speech_ifeval.cli.output import progress_bar
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.pipeline.comparing import compare
    from speech_ifeval.report.comparison_tables import comparison_markdown, comparison_view

    check_form(as_json, markdown)
    with progress_bar("comparing") as progress:
        comparison = compare(runs, references=reference or [], scoring=scoring, progress=progress)
    show(
        comparison,
        as_json=as_json,
        markdown=markdown,
        view=comparison_view,
        written=comparison_markdown,
    )
