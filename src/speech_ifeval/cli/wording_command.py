"""``speech-ifeval wording``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.experiment_options import Figure


def wording_command(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…", help="Run directories, as `run` and `score` write them; several are set side by side."
        ),
    ],
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="The benchmark that was answered: a folder, bundled or example. Default: the first run's own, "
            "or bundled."
        ),
    ] = None,
    scoring: Annotated[
        str | None,
        typer.Option(
            help="Which scoring, where a run holds several: a rule set, or a name or pattern of "
            "verdicts.<scoring>.jsonl. Default: the only one, or official."
        ),
    ] = None,
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
    from speech_ifeval.analysis.wording import wording_effects
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.output import print_json, print_text, print_view
    from speech_ifeval.errors import UsageError
    from speech_ifeval.models.recorded import benchmark_answered
    from speech_ifeval.report.plots import check_figure, wording_figure

    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other")
    check_figure(figure)
    found = wording_effects(
        runs,
        load_benchmark(benchmark or benchmark_answered(str(runs[0]))),
        scoring=scoring,
        effect=effect,
        seed=seed,
    )
    if figure is not None:
        wording_figure(found, figure)
    if as_json:
        print_json(found)
    elif markdown:
        from speech_ifeval.report.wording_tables import wording_markdown

        print_text(wording_markdown(found, wordings=wordings))
    else:
        from speech_ifeval.report.wording_tables import wording_view

        print_view(*wording_view(found, wordings=wordings))
