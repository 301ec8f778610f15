"""``speech-ifeval judge-agreement``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def judge_agreement_command(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="A",
            help="What one judge said: judgements.….jsonl of a run directory, a run directory with one such file, "
            "or recorded replies (a file, reports/, or the folder it lies in).",
        ),
    ],
    second: Annotated[Path, typer.Argument(metavar="B", help="What the other judge said of the same replies.")],
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="The benchmark that was answered: a folder, or example. Recorded replies need it; with it, clips "
            "are the unit that the intervals sample, and the change that each judge sees is told by data set."
        ),
    ] = None,
    items: Annotated[
        bool, typer.Option("--items", help="List every disagreement, not only the first 20.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown tables.")] = False,
) -> None:
    """Compare two judges of the same replies: agreement, Cohen's κ, who said what, and every disagreement."""
    from functools import partial

    from speech_ifeval.analysis.judged_changes import compare_judges
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.cli.showing import check_form, show
    from speech_ifeval.report.agreement_tables import agreement_markdown, agreement_view

    check_form(as_json, markdown)
    found = compare_judges(first, second, None if benchmark is None else load_benchmark(benchmark))
    show(
        found,
        as_json=as_json,
        markdown=markdown,
        view=partial(agreement_view, all_items=items),
        written=partial(agreement_markdown, all_items=items),
    )
