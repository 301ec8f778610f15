"""Read the evidence: scored runs as they lie, and recorded responses, which are scored aside first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from speech_ifeval.analysis.diagnosis.evidence import NO_REFERENCE, Evidence, SystemRun
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges import Judged, no_judge
from speech_ifeval.judges.replay import KEPT, read_judge
from speech_ifeval.models.recorded import is_run, read_responses
from speech_ifeval.pipeline.comparing import (
    REFERENCE_FOLDER,
    check_agreement,
    load_scored,
    reference_task,
    told_apart,
)
from speech_ifeval.pipeline.scoring import score

_REPLAYED = re.compile(r"\.replay-[0-9a-f]+")


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
    return read_evidences([run], benchmark, reference=reference, scoring=scoring, seed=seed)[0]


def read_evidences(
    runs: Sequence[Path],
    benchmark: Benchmark,
    *,
    reference: Path | None = None,
    scoring: str | None = None,
    seed: int = 0,
    beside: bool = True,
) -> list[tuple[Evidence, list[str]]]:
    """Return the same of several runs on one benchmark, each name but once; `reference` is that of all of them.

    Where none is named, that `beside` a run is taken, unless it is not wanted: it may be of an earlier run there.

    Raises:
        UsageError, MismatchError, DataError: as `read_evidence`.
    """
    if len({run.resolve() for run in runs}) < len(runs):
        raise UsageError("the same run is named twice; name each once")
    with TemporaryDirectory(prefix="speech-ifeval-") as scratch:
        reader = _Reader(benchmark, scoring, Path(scratch))
        ours = [reader.read(run) for run in runs]
        named = told_apart(runs, [one.scored for one in ours])
        ours = [
            replace(one, name=scored.name, scored=scored) if scored.name != one.name else one
            for one, scored in zip(ours, named, strict=True)
        ]
        theirs = [reader.reference_of(run, reference, wanted=beside) for run in runs]
    found: list[tuple[Evidence, list[str]]] = []
    for run, one, (path, against, why_not) in zip(runs, ours, theirs, strict=True):
        if against is None:
            found.append((Evidence(one, None, why_not, seed), []))
        else:
            notes = check_agreement([(run, one.scored), (path, against.scored)])
            found.append((Evidence(one, against, seed=seed), notes))
    return found


class _Reader:
    """Reads systems, each once: many runs may have one reference."""

    def __init__(self, benchmark: Benchmark, scoring: str | None, scratch: Path) -> None:
        self._benchmark = benchmark
        self._scoring = scoring
        self._scratch = scratch
        self._known: dict[Path, SystemRun] = {}

    def read(self, path: Path, *, beside: bool = False) -> SystemRun:
        """Read a system; for a reference `beside` a run, a judge that is named by its replies has another name."""
        whole = path.resolve()
        if whole not in self._known:
            folder = _scored(path, self._benchmark, self._scratch / str(len(self._known)))
            scoring = _REPLAYED.sub(".replay-*", self._scoring or "") if beside else self._scoring
            self._known[whole] = _read(folder, self._benchmark, scoring or None)
        return self._known[whole]

    def reference_of(self, run: Path, named: Path | None, *, wanted: bool) -> tuple[Path, SystemRun | None, str]:
        """Where a run's reference lies, what was read there, and why there is none where there is none."""
        beside = run / REFERENCE_FOLDER
        if named is not None:
            return named, self.read(named), NO_REFERENCE
        if not wanted or not is_run(beside):
            return beside, None, NO_REFERENCE
        try:
            return beside, self._with_task(run, self.read(beside, beside=True)), NO_REFERENCE
        except UsageError as error:  # scored otherwise than the run
            return beside, None, f"no reference: {error}"

    def _with_task(self, run: Path, reference: SystemRun) -> SystemRun:
        """A reference beside a run has no summary of its own: its task level stands in the run's."""
        task = reference_task(run, reference.scored.name)
        return replace(reference, scored=replace(reference.scored, task=task or reference.scored.task))


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
