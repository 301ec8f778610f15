"""The run directory that responses are scored in: never one that is read from, and scorable again alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import OutputError
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE, Intake, is_run
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.pipeline.contamination import TRAINED_ON
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.runs import claim_stage, read_manifest, write_lines


def refuse_input_folder(folder: Path, inputs: Sequence[Path]) -> None:
    """Refuse a run directory in a folder that is read from.

    Raises:
        OutputError: it is one, and no run directory of ours.
    """
    target = folder.resolve()
    for path in inputs:
        source = path.resolve() if path.is_dir() else path.resolve().parent
        if is_run(path) and target in (source, source / REFERENCE_FOLDER):
            continue  # a run directory of ours is scored again in place
        if target == source or (path.is_dir() and source in target.parents):
            raise OutputError(
                f"{folder} lies in a folder that is read from ({path}); results never go into the input: give "
                "another --output-dir"
            )


def import_responses(folder: Path, intake: Intake, benchmark: Benchmark, paths: Sequence[Path]) -> None:
    """Copy the responses into the run directory, so that it can be scored again alone.

    Raises:
        MismatchError: it holds other responses.
        OutputError: it cannot be written.
    """
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "stage": "import",
        "name": intake.name,
        "benchmark": f"{benchmark.name}-{benchmark.short_fingerprint}",
        "responses": intake.fingerprint(),
        "sources": [str(path) for path in paths],
        "selection": msgspec.to_builtins(intake.selection),
        "version": version("speech-ifeval"),
    }
    claim_stage(folder / RUN_FILE, manifest, ("benchmark", "responses"))
    if not (folder / RESPONSES_FILE).exists():
        write_lines(folder / RESPONSES_FILE, [intake.responses[id] for id in sorted(intake.responses)])


def begin_again(manifest: Path, verdicts: Path, settings: dict[str, Any], *, growing: bool) -> None:
    """Drop the verdicts on what has changed since, or is known otherwise: they are made again in a second."""
    before = read_manifest(manifest)
    grown = ["judgements", TRAINED_ON, *(("responses", "subset") if growing else ())]
    if before is not None and any(before.get(key) != settings.get(key) for key in grown):
        verdicts.unlink(missing_ok=True)  # first: without its verdicts the old manifest says nothing wrong
        manifest.unlink()
