"""``speech-ifeval diagnose``."""

from __future__ import annotations

from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered, Figure, Scoring


def diagnose_command(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A scored run directory, or recorded responses in the forms that `score` takes (scored aside, "
            "with the judge replies that lie beside them).",
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Option(help="The reference system's, in the same forms. Default: RUN/reference where it is."),
    ] = None,
    benchmark: Answered = None,
    scoring: Scoring = None,
    examples: Annotated[int, typer.Option(min=0, help="How many items each finding shows.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals and tests of word error rates.")] = 0,
    figure: Figure = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON, with the items of every finding.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """What went wrong in a run, with evidence: forgetting, rigid forms, changed answers, broken replies, judges.

    Each finding has its figure with an interval, three items, the usual cause, and what to try.
    """
    from speech_ifeval.analysis.diagnosis.diagnosing import diagnose
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.models.recorded import benchmark_answered, locate
    from speech_ifeval.report.diagnosis_tables import diagnosis_markdown, diagnosis_view
    from speech_ifeval.report.plots import diagnosis_figure

    check_form(as_json, markdown, figure)
    found = diagnose(
        locate(run),
        load_benchmark(benchmark or benchmark_answered(run)),
        reference=None if reference is None else locate(reference),
        scoring=scoring,
        examples=examples,
        seed=seed,
    )
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=diagnosis_view,
        written=diagnosis_markdown,
        figure=figure,
        draw=diagnosis_figure,
    )
