"""``speech-ifeval reproduce``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Scoring


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
    scoring: Scoring = None,
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
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.report.reproduction_tables import reproduction_markdown, reproduction_view

    check_form(as_json, markdown)
    found = reproduce(table.value, runs or [], scoring=scoring, seconds_per_answer=seconds_per_answer)
    show(found, as_json=as_json, markdown=markdown, view=reproduction_view, written=reproduction_markdown)
