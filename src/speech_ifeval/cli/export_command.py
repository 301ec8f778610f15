"""``speech-ifeval export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered, Scoring


def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run directory.")],
    form: Annotated[
        str,
        typer.Option(
            "--format", help="inspect writes a log that Inspect AI's viewer opens. Needs the extra inspect."
        ),
    ] = "inspect",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write. Default: RUN.eval."),
    ] = None,
    benchmark: Answered = None,
    scoring: Scoring = None,
) -> None:
    """Write a scored run in the form of another tool.

    A reference is a run directory of its own: RUN/reference.
    """
    from speech_ifeval.analysis.exporting import export_run
    from speech_ifeval.cli.output import print_text
    from speech_ifeval.report.figures import visible

    written = export_run(run, form, output, benchmark=benchmark, scoring=scoring)
    print_text(f"Written: {visible(str(written))}\n")
