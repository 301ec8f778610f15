"""``speech-ifeval leaderboard``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.figures_option import Figures
from speech_ifeval.cli.finished_options import Scoring


def leaderboard_command(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN…]", help="Run directories, as `score` writes them; none shows the published rows."
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            help="The reference's run directory: once for all runs, or once for each in their order. Without it, "
            "RUN/reference where there is one."
        ),
    ] = None,
    scoring: Scoring = None,
    published: Annotated[
        bool, typer.Option(help="Show the published rows in a block of their own, below the runs.")
    ] = True,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write one HTML file, which needs nothing else.")
    ] = None,
    figures: Figures = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Rank scored runs, with rank intervals, ties by paired tests, and what makes runs incomparable.

    The published results stand below, IFrate and Δ computed from their own columns.
    """
    from speech_ifeval.analysis.ranking import leaderboard
    from speech_ifeval.cli.figures_option import check_figures, draw_figures
    from speech_ifeval.cli.output import progress_bar
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.errors import UsageError
    from speech_ifeval.report.leaderboard_tables import leaderboard_markdown, leaderboard_view
    from speech_ifeval.runs import write_text

    check_form(as_json, markdown)
    if not runs and not published:
        raise UsageError(
            "expected runs, or the published rows, found neither; name runs or leave --no-published out"
        )
    if figures is not None and not runs:
        raise UsageError("--figures draws runs, found none; name them")
    check_figures(figures)
    with progress_bar("ranking") as progress:
        board = leaderboard(
            runs or [], references=reference or [], scoring=scoring, published=published, progress=progress
        )
    if html is not None:
        from speech_ifeval.report.leaderboard_html import leaderboard_html

        write_text(html, leaderboard_html(board))
    if runs:
        draw_figures(figures, runs, scoring=scoring)
    show(board, as_json=as_json, markdown=markdown, view=leaderboard_view, written=leaderboard_markdown)
