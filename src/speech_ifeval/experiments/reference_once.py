"""The reference system of a training: given as a run directory, or asked once, and beside every point's run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import MismatchError, ModelError, RunInterruptedError, UsageError
from speech_ifeval.job import AnyModel, open_any
from speech_ifeval.models import Model
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE, is_run, read_responses
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.pipeline.generating import Course, generate
from speech_ifeval.pipeline.interrupts import Stop
from speech_ifeval.runs import read_manifest, write_document, write_lines

_MADE = "made.json"


def reference_run(
    reference: AnyModel | Path,
    arguments: Mapping[str, Any] | None,
    benchmark: Benchmark,
    selection: Selection,
    asking: Asking,
    folder: Path,
    *,
    stop: Stop | None = None,
    say: Callable[[str], None] = lambda message: None,
    progress: Callable[[Course], None] | None = None,
) -> Path:
    """Return a run directory that holds the reference's answers to a selection, asking for them where it must.

    Args:
        reference: a run directory, or a model in any form that `speech_ifeval.evaluate` takes. One that is named
            by a specification is loaded only where an answer is missing, or where it was asked otherwise.
        arguments: of its adapter.
        benchmark, selection, asking: what it is asked, and how; it reads the transcripts.
        folder: where it is asked; its run directory is ``reference`` in it.
        stop: asks it to end.
        say, progress: told what and how far.

    Raises:
        MismatchError: the run directory answers another benchmark, was asked otherwise, or has too few answers.
        UsageError: it is neither a run directory nor a model.
        RunInterruptedError: somebody asked it to stop.
        SpeechIFEvalError: what asking it raises.
    """
    asked = msgspec.structs.replace(asking, input="transcript")
    given = Path(reference) if isinstance(reference, str | Path) else None
    if given is not None and _is_folder(given):
        if not is_run(given):
            raise UsageError(
                f"{given}: expected the run directory of a reference ({RUN_FILE}), found a folder without it; "
                "name what `speech-ifeval run --input transcript` has made, or a model such as hf:PATH"
            )
        check_reference(given, benchmark, selection, asked)
        return given
    if isinstance(reference, Path):
        raise UsageError(f"no run directory at {str(reference)!r}; correct the path of the reference")
    made = folder / REFERENCE_FOLDER
    described = _described(reference, arguments, benchmark, asked)
    if described is not None and _is_made(made, described) and not _missing(made, benchmark, selection):
        return made
    opened = open_any(reference, arguments, benchmark)
    try:
        found = generate(
            opened, benchmark, made, selection=selection, asking=asked, stop=stop, say=say, progress=progress
        )
    finally:
        if not isinstance(reference, Model):
            opened.close()
    if found.unasked:
        raise RunInterruptedError(f"stopped: what the reference answered is kept in {made}")
    if found.course.failed:
        raise ModelError(
            f"the reference {opened.name} could not answer {found.course.failed} of {found.course.total} items; "
            f"see {made / RESPONSES_FILE}, mend that, and run again"
        )
    say(f"reference {opened.name}: {found.course.done} of {found.course.total} items answered, in {made}")
    if described is not None:
        write_document(made / _MADE, described)
    return made


def check_reference(folder: Path, benchmark: Benchmark, selection: Selection, asking: Asking) -> None:
    """Refuse a run that is no reference for a selection of a benchmark.

    Raises:
        MismatchError: it answers another benchmark, was asked otherwise, or has too few answers.
        DataError: a file of it is broken.
    """
    manifest = read_manifest(folder / RUN_FILE) or {}
    ours = f"{benchmark.name}-{benchmark.short_fingerprint}"
    if manifest.get("benchmark") != ours:
        raise MismatchError(
            f"the reference {folder} answers another benchmark: {manifest.get('benchmark')} there, {ours} here; "
            "name a run on this one, or the reference's model"
        )
    wanted = {"system": asking.system, "generation": msgspec.to_builtins(asking.generation)}
    unlike = [key for key, value in wanted.items() if key in manifest and manifest[key] != value]
    if unlike:
        key = unlike[0]
        raise MismatchError(
            f"the reference {folder} was asked otherwise ({key}: {manifest[key]!r} there, {wanted[key]!r} here); "
            "give the same settings, or name the reference's model to have it asked again"
        )
    missing = _missing(folder, benchmark, selection)
    if missing:
        raise MismatchError(
            f"the reference {folder} has no answer to {len(missing)} of the items that are asked "
            f"({selection.label}), the first {missing[0]}; ask it more of them, or choose a smaller sample"
        )


def put_reference_beside(reference: Path, run: Path, benchmark: Benchmark, selection: Selection) -> None:
    """Copy the reference's answers to a selection into ``RUN/reference``, so that the run is whole by itself.

    Raises:
        OutputError: it cannot be written.
        DataError: a file of the reference is broken.
    """
    chosen = {item.id for item in selection.with_twins(benchmark)}
    responses = read_responses([reference], benchmark).responses
    beside = run / REFERENCE_FOLDER
    shutil.rmtree(beside, ignore_errors=True)  # verdicts on another part of them
    manifest = read_manifest(reference / RUN_FILE) or {}
    write_lines(beside / RESPONSES_FILE, [one for id, one in sorted(responses.items()) if id in chosen])
    write_document(beside / RUN_FILE, {**manifest, "selection": msgspec.to_builtins(selection)})


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for the system
        return False


def _missing(folder: Path, benchmark: Benchmark, selection: Selection) -> list[str]:
    answered = {id for id, one in read_responses([folder], benchmark).responses.items() if one.text is not None}
    return [item.id for item in selection.with_twins(benchmark) if item.id not in answered]


def _described(
    reference: AnyModel, arguments: Mapping[str, Any] | None, benchmark: Benchmark, asking: Asking
) -> dict[str, Any] | None:
    """What a specification is asked; None for an object, which only answers for itself."""
    if not isinstance(reference, str):
        return None
    found: dict[str, Any] = {
        "reference": reference,
        "arguments": dict(arguments or {}),
        "benchmark": f"{benchmark.name}-{benchmark.short_fingerprint}",
        "asking": msgspec.to_builtins(asking),
    }
    folder = Path(reference.partition(":")[2]).expanduser()
    if _is_folder(folder) and reference.startswith("hf:"):
        from speech_ifeval.models.transformers_models.digests import folder_digest

        found["digest"] = folder_digest(folder)
    return found


def _is_made(folder: Path, described: dict[str, Any]) -> bool:
    return is_run(folder) and read_manifest(folder / _MADE) == described
