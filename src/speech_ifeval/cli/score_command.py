"""``speech-ifeval score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered, TrainedOn


def score_command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…",
            help="The responses: the release's output folder, a run directory, or JSONL files of "
            '{"id", "response"}; several paths are parts of one run. '
            "example:tuned and example:reference are shipped.",
        ),
    ],
    benchmark: Answered = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="The reference system's responses, in the same forms; gives Δ and points. Repeatable."),
    ] = None,
    rules: Annotated[
        str,
        typer.Option(
            help="official: the published verdicts. careful: what the instruction's text says. ifeval: the text "
            "benchmark's rules."
        ),
    ] = "official",
    loose: Annotated[bool, typer.Option("--loose", help="IFEval's loose pass.")] = False,
    missing: Annotated[
        str, typer.Option(help="unscored: count missing or failed responses apart. fail: as not followed.")
    ] = "unscored",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many items of each category.")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="openai:MODEL asks a model, heuristic goes by rules of thumb, replay:PATH replays recorded "
            "judge replies, none uses none. Without it, those in reports/ beside the responses are replayed."
        ),
    ] = None,
    judge_args: Annotated[
        str, typer.Option(metavar="K=V,…", help="Arguments of the judge, such as base_url=…, or a JSON object.")
    ] = "",
    rubric: Annotated[
        list[Path] | None, typer.Option(help="A rubric of your own in the place of the package's. Repeatable.")
    ] = None,
    judge_repeats: Annotated[
        int, typer.Option(min=1, help="Ask for each verdict so many times; the majority counts.")
    ] = 1,
    judge_cache: Annotated[
        Path | None, typer.Option(help="The folder the judge's replies are kept in. Default: the user's cache.")
    ] = None,
    task_level: Annotated[
        bool, typer.Option(help="Also have answers and transcripts judged, with and without constraints.")
    ] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before many calls to a server.")] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Of the task level's intervals and tests, the only ones drawn at random.")
    ] = 0,
    trained_on: TrainedOn = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The run directory to write. Default: runs/<name of the responses>.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the content of summary.json instead of tables.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Score recorded responses: following rates, IFrate, forgetting rate, with intervals.

    Writes verdicts and summary.json into a run directory.
    """
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.benchmarks.training_record import read_training_records
    from speech_ifeval.cli.output import print_json, print_text, print_view, progress_bar, say_plainly
    from speech_ifeval.cli.permission import JudgePermission
    from speech_ifeval.cli.showing import check_form
    from speech_ifeval.models import parse_arguments
    from speech_ifeval.models.recorded import benchmark_answered, locate
    from speech_ifeval.pipeline.scoring import Scoring, score

    check_form(as_json, markdown)
    scoring = Scoring(
        rules=rules,
        loose=loose,
        missing=missing,
        limit=limit,
        judge=judge,
        judge_args=parse_arguments(judge_args),
        rubrics=tuple(rubric or ()),
        judge_repeats=judge_repeats,
        judge_cache=judge_cache,
        task_level=task_level,
        confirm=JudgePermission(say_plainly, given=yes),
        seed=seed,
        trained_on=read_training_records(trained_on or ()),
    )
    with progress_bar("scoring") as progress:
        summary, folder = score(
            [locate(path) for path in paths],
            load_benchmark(benchmark or benchmark_answered(paths[0])),
            output_dir=output_dir,
            reference=[locate(path) for path in reference or []],
            scoring=scoring,
            progress=progress,
        )
    if as_json:
        print_json(summary)
    elif markdown:
        from speech_ifeval.report.markdown import summary_markdown

        print_text(summary_markdown(summary))
    else:
        from speech_ifeval.report.figures import visible
        from speech_ifeval.report.terminal import summary_view

        print_view(*summary_view(summary))
        print_text(f"\nWritten: {visible(str(folder))}\n")
