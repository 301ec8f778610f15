"""``speech-ifeval verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `submit` wrote.")],
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="The benchmark, to compare items and texts with: a folder, bundled or example. Default: one that "
            "ships, where the file names it."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Score a submission again and say, line by line, what holds of it.

    Exits with 8 where something does not hold. It proves the scoring, not that a model wrote the responses.
    """
    from speech_ifeval.cli.output import print_json, print_view
    from speech_ifeval.submission.verifying import verify

    found = verify(file, benchmark=benchmark)
    if as_json:
        print_json(found)
    else:
        from speech_ifeval.report.verification_tables import verification_view

        print_view(*verification_view(found))
    found.require()
