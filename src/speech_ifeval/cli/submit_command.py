"""``speech-ifeval submit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import Answered, Scoring


def submit_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run directory.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write. Default: RUN.submission.zip."),
    ] = None,
    benchmark: Answered = None,
    reference: Annotated[
        Path | None, typer.Option(help="The reference system's run directory. Default: RUN/reference.")
    ] = None,
    scoring: Scoring = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was packed as JSON.")] = False,
) -> None:
    """Pack a scored run into one file that somebody else can score again with `verify`.

    Responses, verdicts, judge replies, manifests, summary and signature; hashes in place of texts that may not be
    passed on. No audio, no paths, no keys.
    """
    from speech_ifeval.cli.output import print_json, print_view
    from speech_ifeval.submission.packing import submit

    packed = submit(run, output, benchmark=benchmark, reference=reference, scoring=scoring)
    if as_json:
        print_json(packed)
    else:
        from speech_ifeval.report.verification_tables import submitted_view

        print_view(*submitted_view(packed))
