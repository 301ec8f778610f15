"""``speech-ifeval prefetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from speech_ifeval.cli.finished_options import RunFile


def prefetch_command(
    model: Annotated[
        str | None, typer.Option(help="Who will answer, as in `speech-ifeval run`. Default: lab:corpus-style.")
    ] = None,
    model_args: Annotated[
        str, typer.Option(metavar="K=V,…", help="Arguments of its adapter, or a JSON object.")
    ] = "",
    reference: Annotated[
        str | None, typer.Option(help="The reference system. Default for lab: models: lab:backbone.")
    ] = None,
    reference_args: Annotated[str, typer.Option(metavar="K=V,…", help="Arguments of its adapter.")] = "",
    benchmark: Annotated[
        str | None,
        typer.Option(help="The benchmark: a folder or a name; official is fetched into benchmarks/official."),
    ] = None,
    audio_dir: Annotated[
        Path | None, typer.Option(help="The folder of the clips. Default: in or beside the benchmark's.")
    ] = None,
    input: Annotated[
        str | None, typer.Option(help="audio or transcript: the latter needs no clips. Default: audio.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="Who will judge, as in `speech-ifeval run`.")] = None,
    config: RunFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is here now as JSON.")] = False,
) -> None:
    """Fetch what a run will read, where there is network, and try whether it loads where there is none.

    Items, clips, and of models and adapters the files that are loaded; pickled weights only where
    `--model-args allow_pickle=true` asks for them. Prints what the job has to export. The same command goes on
    with what an earlier one left.
    """
    import os
    from functools import partial

    from speech_ifeval.cli.output import print_json, print_view, progress_bar, say_plainly
    from speech_ifeval.job import SHIPPED_MODEL, usual_settings
    from speech_ifeval.models import parse_arguments
    from speech_ifeval.pipeline.prefetching import Fetching, prefetch
    from speech_ifeval.report.fetch_tables import prefetched_view

    model = SHIPPED_MODEL if model is None else model
    usual = usual_settings(model, reference)[0]
    models = [(model, parse_arguments(model_args))]
    models += [(usual, parse_arguments(reference_args))] if isinstance(usual, str) else []
    found = prefetch(
        models,
        "bundled" if benchmark is None else benchmark,
        hears=input != "transcript",
        judge=judge,
        fetching=Fetching(
            audio_dir=audio_dir,
            token=os.environ.get("HF_TOKEN"),
            progress=partial(progress_bar, of_bytes=True),
            say=say_plainly,
        ),
    )
    if as_json:
        print_json(found)
    else:
        print_view(*prefetched_view(found))
