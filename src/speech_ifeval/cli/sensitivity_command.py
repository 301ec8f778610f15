"""``speech-ifeval sensitivity``."""

from __future__ import annotations

from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered


def sensitivity_command(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Responses to questions with and without their constraint: a run directory, or recorded ones in "
            "the forms that `score` takes.",
        ),
    ],
    reference: Annotated[
        str | None,
        typer.Option(help="The reference system's responses, in the same forms: its own change is taken off."),
    ] = None,
    benchmark: Answered = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Whose judgements say what is right: replay:PATH of a file judgements.….jsonl or of recorded "
            "replies, or none. Without it, those beside the responses. Let a judge judge with `score` first."
        ),
    ] = None,
    made_up: Annotated[
        float,
        typer.Option(help="Inserted words per word said, above which a transcript counts as made up."),
    ] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals and tests of word error rates.")] = 0,
    items: Annotated[bool, typer.Option("--items", help="List the items behind each count.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON, with the items of every row.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """What does a constraint do to the answer itself? Flips, changed answers, word errors, made-up replies.

    On questions that were asked without and with a constraint; each figure with its interval and its items.
    """
    from functools import partial

    from speech_ifeval.analysis.sensitivity import sensitivity
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.models.recorded import benchmark_answered, locate
    from speech_ifeval.report.sensitivity_tables import sensitivity_markdown, sensitivity_view

    check_form(as_json, markdown)
    found = sensitivity(
        locate(run),
        load_benchmark(benchmark or benchmark_answered(run)),
        reference=None if reference is None else locate(reference),
        judge=judge,
        made_up=made_up,
        seed=seed,
    )
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=partial(sensitivity_view, items=items),
        written=partial(sensitivity_markdown, items=items),
    )
