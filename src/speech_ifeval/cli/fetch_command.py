"""``speech-ifeval fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MISSING = 1


def fetch_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The release: official.")],
    output_dir: Annotated[
        Path | None, typer.Option(help="The folder to bring it into. Default: benchmarks/NAME.")
    ] = None,
    local: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="PATH",
            help="A local copy: a folder with the items, or audios/, or audios.tar, or that archive itself. What "
            "it does not hold is downloaded.",
        ),
    ] = None,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Only the items.")] = False,
    items_url: Annotated[
        str | None, typer.Option(help="The address of a folder with the items' files, instead of the release's.")
    ] = None,
    audio_url: Annotated[
        str | None, typer.Option(help="The address of audios.tar, instead of the release's.")
    ] = None,
    tries: Annotated[int, typer.Option(min=1, help="How many attempts in a row may bring nothing new.")] = 6,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds of silence after which a connection counts as dropped.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print what lies in the folder as JSON.")] = False,
) -> None:
    """Download a published benchmark, its items and its audio, and say under which licences it stands.

    The same command goes on with what an earlier one left. The environment's HF_TOKEN, where it is set, is shown
    to huggingface.co only. Exits with 1 where clips are missing in the end.
    """
    import os
    from functools import partial

    from speech_ifeval.benchmarks.downloading import Patience
    from speech_ifeval.benchmarks.fetching import Where, fetch_benchmark
    from speech_ifeval.benchmarks.sources import RELEASES
    from speech_ifeval.cli.output import print_json, print_view, progress_bar, say_waiting
    from speech_ifeval.errors import UsageError

    if name not in RELEASES:
        raise UsageError(f"no release {name!r} is known; expected one of {', '.join(RELEASES)}")
    fetched = fetch_benchmark(
        RELEASES[name],
        Path("benchmarks") / name if output_dir is None else output_dir,
        where=Where(
            local, items_url, audio_url, os.environ.get("HF_TOKEN"), Patience(tries=tries, timeout=timeout)
        ),
        audio=not no_audio,
        progress=partial(progress_bar, of_bytes=True),
        wait=say_waiting,
    )
    if as_json:
        print_json(fetched)
    else:
        from speech_ifeval.report.fetch_tables import fetched_view

        print_view(*fetched_view(fetched, audio=not no_audio))
    if fetched.missing and not no_audio:
        raise typer.Exit(MISSING)
