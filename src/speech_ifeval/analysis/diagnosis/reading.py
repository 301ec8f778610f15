"""Read the evidence: scored runs as they lie, and recorded responses, which are scored aside first."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from speech_ifeval.analysis.diagnosis.evidence import NO_REFERENCE, Evidence, SystemRun
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges import Judged, no_judge
from speech_ifeval.judges.replay import KEPT, read_judge
from speech_ifeval.models.recorded import is_run, read_responses
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER, check_agreement, load_scored
from speech_ifeval.pipeline.scoring import score


def read_evidence(
    run: Path,
    benchmark: Benchmark,
    *,
    reference: Path | None = None,
    scoring: str | None = None,
    seed: int = 0,
) -> tuple[Evidence, list[str]]:
    """Return the evidence of a run, and what is to be known of how it was read.

    Nothing is written beside the responses: those that are no run directory are scored in a folder that is gone
    afterwards.

    Args:
        run: a scored run directory, or recorded responses in another form.
        benchmark: what it answers.
        reference: the reference system's, in the same forms; by default ``RUN/reference`` where it is.
        scoring: which scoring, where a run directory holds several, as
            `speech_ifeval.pipeline.comparing.load_scored` takes it.
        seed: of the bootstrap of word error rates.

    Raises:
        UsageError: no responses at a path, a run directory that is not scored, or one with several scorings.
        MismatchError: run and reference do not belong together, or another benchmark was answered.
        DataError: a file is broken.
    """
    beside = run / REFERENCE_FOLDER
    why_not = NO_REFERENCE
    with TemporaryDirectory(prefix="speech-ifeval-") as scratch:
        folder = _scored(run, benchmark, Path(scratch) / "run")
        ours = _read(folder, benchmark, scoring)
        theirs: tuple[Path, SystemRun] | None = None
        if reference is not None:
            at = _scored(reference, benchmark, Path(scratch) / "other")
            theirs = at, _read(at, benchmark, scoring)
        elif is_run(beside):
            try:
                theirs = beside, _read(beside, benchmark, scoring)
            except UsageError as error:  # scored otherwise than the run
                why_not = f"no reference: {error}"
    if theirs is None:
        return Evidence(ours, None, why_not, seed), []
    notes = check_agreement([(run, ours.scored), (reference or theirs[0], theirs[1].scored)])
    return Evidence(ours, theirs[1], seed=seed), notes


def _scored(path: Path, benchmark: Benchmark, scratch: Path) -> Path:
    if is_run(path):
        return path
    whole = path.resolve()
    folder = scratch / (
        (whole.stem if whole.is_file() else whole.name) or "run"
    )  # a run is called after its folder
    score([path], benchmark, output_dir=folder)
    return folder


def _read(folder: Path, benchmark: Benchmark, scoring: str | None) -> SystemRun:
    scored = load_scored(folder, scoring)
    answered = str(scored.settings.get("benchmark"))
    expected = f"{benchmark.name}-{benchmark.short_fingerprint}"
    if answered != expected:
        raise MismatchError(
            f"{folder} was scored on {answered}, not on {expected}; name the benchmark it answers with --benchmark"
        )
    intake = read_responses([folder], benchmark)
    judged = _judged(folder, str(scored.settings.get("judge")))
    return SystemRun(scored.name, benchmark, intake.responses, scored, judged)


def _judged(folder: Path, label: str) -> Judged:
    """The judge that the verdicts were made with: a run may hold the judgements of several."""
    path = folder / f"{KEPT}{label}.jsonl"
    return read_judge(path) if path.is_file() else no_judge
