"""A scored run handed to whoever writes it in a form of somebody else's.

Forms are found by the entry-point group ``speech_ifeval.exports``. A form is a function of a `FinishedRun` and the
file that was asked for (None for its own choice beside the run directory); it returns the file that it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges import Judgements
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE, benchmark_answered, is_run, read_responses
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.judging import choose_judge, kept_judge
from speech_ifeval.records import Response
from speech_ifeval.runs import read_manifest

ENTRY_POINT_GROUP = "speech_ifeval.exports"


class FinishedRun(Struct, frozen=True):
    """A scored run as it is exported.

    Attributes:
        folder: the run directory.
        benchmark: what was answered.
        asked: the manifest of the responses: model, generation, system prompt, input.
        responses: by item id.
        scored: verdicts, and what produced them.
        judgements: what the scoring's judge said, by item and use.
        written: when the responses were last written to.
    """

    folder: Path
    benchmark: Benchmark
    asked: Mapping[str, Any]
    responses: Mapping[str, Response]
    scored: ScoredRun
    judgements: Judgements
    written: datetime


Form = Callable[[FinishedRun, Path | None], Path]


def export_run(
    folder: Path,
    form: str,
    output: Path | None = None,
    *,
    benchmark: str | None = None,
    scoring: str | None = None,
) -> Path:
    """Write a scored run in another form; return the file.

    Args:
        folder: the run directory.
        form: the name of the form, such as ``inspect``.
        output: the file; None for one beside the run directory.
        benchmark: what was answered, where the run does not say.
        scoring: which scoring, where the run holds several, as `speech_ifeval.compare` takes it.

    Raises:
        UsageError: no such form, or no scored run.
        DataError, MismatchError: the run's files are broken, or do not belong together.
        MissingExtraError: the form needs a package.
        OutputError: the file cannot be written.

    >>> export_run(Path("nowhere"), "inspct")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: --format takes inspect, found 'inspct'
    """
    write = find_form(form)
    return write(read_finished(folder, benchmark, scoring), output)


def find_form(name: str) -> Form:
    """Return the form of this name.

    Raises:
        UsageError: there is none, or it cannot be loaded.
        MissingExtraError: it needs a package.
    """
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        raise UsageError(f"--format takes {' or '.join(sorted(found))}, found {name!r}")
    try:
        form: Form = found[name].load()
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the plug-in {name} ({found[name].value}) brings no form: {type(error).__name__}: {error}; mend or "
            "uninstall it"
        ) from error
    return form


def read_finished(folder: Path, benchmark: str | None = None, scoring: str | None = None) -> FinishedRun:
    """Read a scored run.

    Raises:
        UsageError: no scored run, or several scorings to choose from.
        DataError, MismatchError: its files are broken, or do not belong together.
    """
    if not is_run(folder):
        raise UsageError(
            f"no scored run at {str(folder)!r}: expected a run directory with {RUN_FILE}; check the path"
        )
    scored = load_scored(folder, scoring)
    loaded = load_benchmark(benchmark if benchmark is not None else benchmark_answered(str(folder)))
    named, answered = f"{loaded.name}-{loaded.short_fingerprint}", scored.settings.get("benchmark")
    if named != answered:  # two benchmarks may share ids
        raise MismatchError(
            f"{folder} was scored on {answered}, found {named}; name the one that was answered with --benchmark"
        )
    intake = read_responses([folder], loaded)
    judged = choose_judge(kept_judge(folder, str(scored.settings.get("judge"))) or "none", intake, loaded)
    return FinishedRun(
        folder=folder,
        benchmark=loaded,
        asked=read_manifest(folder / RUN_FILE) or {},
        responses=intake.responses,
        scored=scored,
        judgements=judged.judgements,
        written=datetime.fromtimestamp((folder / RESPONSES_FILE).stat().st_mtime, UTC),
    )
