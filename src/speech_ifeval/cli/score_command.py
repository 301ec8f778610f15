"""``speech-ifeval score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    benchmark: Annotated[
        str, typer.Option(help="The benchmark the responses answer: a folder, or example.")
    ] = "example",
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
            help="replay:PATH replays recorded judge replies, none uses none. Without it, those in reports/ "
            "beside the responses are replayed."
        ),
    ] = None,
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
    from speech_ifeval.cli.output import print_json, print_text, print_view, progress_bar
    from speech_ifeval.errors import UsageError
    from speech_ifeval.models.recorded import locate
    from speech_ifeval.pipeline.scoring import Scoring, score

    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other")
    scoring = Scoring(rules=rules, loose=loose, missing=missing, limit=limit, judge=judge)
    with progress_bar("scoring") as progress:
        summary, folder = score(
            [locate(path) for path in paths],
            load_benchmark(benchmark),
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
