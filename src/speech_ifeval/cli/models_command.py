"""``speech-ifeval models``."""

from __future__ import annotations

from typing import Annotated

import typer


def models_command(
    name: Annotated[
        str | None, typer.Argument(help="One adapter or model, in full: hf, or salmonn-13b.", show_default=False)
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all that is known of the models as JSON.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the known models as a Markdown table.")
    ] = False,
) -> None:
    """List the adapters and the models that are known, or tell one of them in full."""
    from speech_ifeval.cli.output import print_json, print_text, print_view
    from speech_ifeval.errors import UsageError
    from speech_ifeval.models import all_adapters
    from speech_ifeval.models.known import KNOWN, find_known
    from speech_ifeval.report.model_tables import adapter_view, known_markdown, known_view, models_view

    if as_json:
        print_json(KNOWN)
        return
    if markdown:
        print_text(known_markdown(KNOWN))
        return
    found = all_adapters()
    if name is None:
        print_view(*models_view(found, KNOWN))
        return
    wanted = name.partition(":")[0]
    model = find_known(name)
    if model is not None:
        print_view(*known_view(model))
        return
    for one in found:
        if one.scheme == wanted:
            print_view(*adapter_view(one))
            return
    names = ", ".join([*(one.scheme for one in found), *(one.name for one in KNOWN)])
    raise UsageError(f"no adapter or known model {name!r}: expected one of {names}")
