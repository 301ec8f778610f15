"""``speech-ifeval constraints``."""

from __future__ import annotations

from typing import Annotated

import typer


def constraints_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the constraint ids: code, kwargs, and what each checks in each rule set."""
    from speech_ifeval.cli.output import print_json, print_view
    from speech_ifeval.constraints import definitions

    rows = [
        {
            "id": definition.id,
            "code": definition.code,
            "kwargs": {field.name: field.kind.expected for field in definition.fields},
            "rules": definition.rules,
            "version": definition.version,
            "scripts": definition.scripts,
            "checks": definition.summary,
        }
        for definition in definitions()
    ]
    if as_json:
        print_json(rows)
    else:
        from speech_ifeval.report.terminal import constraints_view

        print_view(*constraints_view(rows))
