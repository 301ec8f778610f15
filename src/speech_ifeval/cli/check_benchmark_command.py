"""``speech-ifeval check-benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FOUND = 1


def check_benchmark_command(
    path: Annotated[str, typer.Argument(metavar="PATH", help="The benchmark: a folder, or example.")],
    audio: Annotated[
        Path | None, typer.Option(help="The audio folder. Default: in or beside the benchmark's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the defects as JSON.")] = False,
) -> None:
    """List what is wrong with a benchmark's data; nothing is repaired.

    Exits with 1 where an error or a warning was found.
    """
    from speech_ifeval.benchmarks import find_defects, load_benchmark
    from speech_ifeval.cli.output import print_json, print_view
    from speech_ifeval.errors import DataError
    from speech_ifeval.pipeline.preflight import find_audio

    benchmark = load_benchmark(path)
    if audio is None:
        try:
            audio = find_audio(benchmark, benchmark.items, None)
        except DataError:  # no clip anywhere: that is a defect, and one line says so
            audio = benchmark.root
    defects = find_defects(benchmark, audio)
    if as_json:
        print_json({"benchmark": benchmark.name, "fingerprint": benchmark.fingerprint, "defects": defects})
    else:
        from speech_ifeval.report.terminal import defects_view

        print_view(*defects_view(f"{benchmark.name}-{benchmark.short_fingerprint}", len(benchmark), defects))
    if any(defect.severity != "note" for defect in defects):
        raise typer.Exit(FOUND)
