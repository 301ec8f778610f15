"""``speech-ifeval wording``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered, Figure, Scoring


def wording_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…", help="Run directories, as `run` and `score` write them; several are set side by side."
        ),
    ],
    benchmark: Answered = None,
    scoring: Scoring = None,
    effect: Annotated[
        float, typer.Option(help="Standard deviation of wordings' effects, in logits, at which power is stated.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    wordings: Annotated[
        bool, typer.Option("--wordings", help="List every wording, not only those that are found to be apart.")
    ] = False,
    figure: Figure = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, with every wording.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """How much does it matter in which words a constraint is demanded, and how much of IFrate is luck with them?

    Each constraint's rates by wording, whether they differ more than by chance, whether that would have been seen.
    """
    from functools import partial

    from speech_ifeval.analysis.wording import wording_effects
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.models.recorded import benchmark_answered
    from speech_ifeval.report.plots import wording_figure
    from speech_ifeval.report.wording_tables import wording_markdown, wording_view

    check_form(as_json, markdown, figure)
    found = wording_effects(
        runs,
        load_benchmark(benchmark or benchmark_answered(str(runs[0]))),
        scoring=scoring,
        effect=effect,
        seed=seed,
    )
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=partial(wording_view, wordings=wordings),
        written=partial(wording_markdown, wordings=wordings),
        figure=figure,
        draw=wording_figure,
    )
