"""``speech-ifeval submit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def submit_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run directory.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write. Default: RUN.submission.zip."),
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="The benchmark that was answered: a folder, bundled or example. Default: the run's own, "
            "or bundled."
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="The reference system's run directory. Default: RUN/reference.")
    ] = None,
    scoring: Annotated[
        str | None,
        typer.Option(
            help="Which scoring, where a run holds several: a rule set, or a name or pattern of "
            "verdicts.<scoring>.jsonl. Default: the only one, or official."
        ),
    ] = None,
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
