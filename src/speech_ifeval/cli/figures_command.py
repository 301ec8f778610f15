"""``speech-ifeval figures``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Scoring


def figures_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|FILE…",
            help="Scored run directories, and files that `sweep`, `wording`, `ladder` and `isolation` print with "
            "--json.",
        ),
    ],
    figures: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the figures and tables.")] = Path(
        "figures"
    ),
    scoring: Scoring = None,
) -> None:
    """Draw figures for a paper (SVG, PDF, PNG), with tables in LaTeX and Markdown beside them.

    Of runs: following rates by code, IFrates by rank, and each model against its reference.
    """
    from speech_ifeval.cli.figures_option import check_figures, draw_figures

    check_figures(figures)
    runs = [path for path in sources if path.is_dir()]
    draw_figures(figures, runs, scoring=scoring, results=[path for path in sources if not path.is_dir()])
