"""``speech-ifeval merge``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from speech_ifeval.cli.finished_options import Answered, RunFile


def merge_command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…", help="The run directory; or several with shards of one run, and --output-dir."
        ),
    ],
    benchmark: Answered = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The run directory to write. Default: RUN, where there is one.")
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Score what there is; what is missing counts as unscored.")
    ] = False,
    rules: Annotated[str | None, typer.Option(help="The rule set. Default: what the shards were given.")] = None,
    judge: Annotated[
        str | None, typer.Option(help="As in `speech-ifeval score`. Default: what the shards were given.")
    ] = None,
    judge_args: Annotated[
        str, typer.Option(metavar="K=V,…", help="Arguments of the judge, which shards do not keep.")
    ] = "",
    rubric: Annotated[
        list[Path] | None, typer.Option(help="A rubric of your own in the place of the package's. Repeatable.")
    ] = None,
    judge_repeats: Annotated[
        int | None, typer.Option(min=1, help="Ask for each verdict so many times; the majority counts.")
    ] = None,
    judge_cache: Annotated[
        Path | None, typer.Option(help="The folder the judge's replies are kept in. Default: the user's cache.")
    ] = None,
    task_level: Annotated[
        bool | None, typer.Option(help="Also have answers and transcripts judged. Default: as the shards.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the task level's intervals. Default: as the shards.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before many calls to a server.")] = False,
    config: RunFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the content of summary.json.")] = False,
) -> None:
    """Join the shards of a run into one run directory, and score it.

    The same command again joins what has come since. While items are missing it says which shards have them,
    scores nothing and exits with 1.
    """
    from speech_ifeval.cli.output import progress_bar, say_plainly
    from speech_ifeval.cli.permission import JudgePermission
    from speech_ifeval.cli.showing import show_run
    from speech_ifeval.job import Watching
    from speech_ifeval.merged_runs import merge
    from speech_ifeval.models import parse_arguments
    from speech_ifeval.pipeline.interrupts import ended_by_schedulers

    given: dict[str, Any] = {
        "rules": rules,
        "judge": judge,
        "judge_args": parse_arguments(judge_args) or None,
        "rubrics": tuple(rubric) if rubric else None,
        "judge_repeats": judge_repeats,
        "judge_cache": judge_cache,
        "task_level": task_level,
        "seed": seed,
    }
    with ended_by_schedulers(), progress_bar("scoring") as progress:
        run = merge(
            *paths,
            benchmark=benchmark,
            output_dir=output_dir,
            partial=partial,
            watching=Watching(say=say_plainly, scoring=progress),
            confirm=JudgePermission(say_plainly, given=yes),
            **{name: value for name, value in given.items() if value is not None},
        )
    show_run(run, as_json=as_json)
