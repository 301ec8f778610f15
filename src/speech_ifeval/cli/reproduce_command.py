"""``speech-ifeval reproduce``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class PublishedTable(StrEnum):
    """What was published and can be set beside runs at hand."""

    LEADERBOARD = "leaderboard"
    TASK_LEVEL = "task-level"
    LORA = "lora"


def reproduce_command(
    table: Annotated[PublishedTable, typer.Argument(help="Which published figures.")],
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN…]",
            help="Scored run directories, as PATH or NAME=PATH with the name of a published system; for lora also "
            "files that `sweep --json` printed.",
        ),
    ] = None,
    scoring: Annotated[
        str | None,
        typer.Option(
            help="Which scoring, where a run holds several: a rule set, or a name or pattern of "
            "verdicts.<scoring>.jsonl. Default: the only one, or official."
        ),
    ] = None,
    seconds_per_answer: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="How long an answer takes, for GPU hours. Default: as the runs at hand measured it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Set published figures beside those that runs at hand give; what is missing, and what that takes.

    Every missing system comes with its command, the answers and judge calls that it needs, and GPU hours where the
    time of an answer is known.
    """
    from speech_ifeval.analysis.reproduction.reproducing import reproduce
    from speech_ifeval.cli.output import print_json, print_text, print_view
    from speech_ifeval.errors import UsageError
    from speech_ifeval.report.reproduction_tables import reproduction_markdown, reproduction_view

    if as_json and markdown:
        raise UsageError("--json and --markdown exclude each other")
    found = reproduce(table.value, runs or [], scoring=scoring, seconds_per_answer=seconds_per_answer)
    if as_json:
        print_json(found)
    elif markdown:
        print_text(reproduction_markdown(found))
    else:
        print_view(*reproduction_view(found))
