"""One model at several scales: how instruction following and the task itself go with the scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.analysis.scored_runs import ReadRun, ifrate_change, read_answers, read_run
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.metrics.task_mean import task_mean, task_mean_change
from speech_ifeval.models.recorded import is_run
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import Estimate, Sweep, SweepPoint, SweptReference

AS_TRAINED = 1.0


class ScaledRun(Struct, frozen=True):
    """A scored run of a model at a scale: its directory, what is scaled, and how its LoRA layers then scale."""

    folder: Path
    part: str
    scale: float
    lora: list[dict[str, Any]]


class _Read(Struct, frozen=True):
    run: ScaledRun
    read: ReadRun


def sweep_of(runs: Sequence[ScaledRun], benchmark: Benchmark, model: str) -> Sweep:
    """Put runs of one model side by side, by their scale.

    Args:
        runs: scored runs of the same items; the one as trained (scale 1) may be missing.
        benchmark: what they answer.
        model: its name.

    Raises:
        MismatchError: two runs are not of the same items, scored alike.
        DataError, UsageError: a run cannot be read, or there is none.
    """
    if not runs:
        raise UsageError("a sweep needs at least one run")
    read = [_Read(run, read_run(run.folder, benchmark)) for run in runs]
    _refuse_unlike(read)
    trained = next((one for one in read if one.run.scale == AS_TRAINED), None)
    points = [_point(one, trained) for one in read]
    points = [
        msgspec.structs.replace(point, best=_is_known(point) and not any(_beats(rest, point) for rest in points))
        for point in points
    ]
    return Sweep(SCHEMA_VERSION, model, _reference(read[0], benchmark), points, list(_notes(read, trained)))


def _refuse_unlike(read: Sequence[_Read]) -> None:
    first = read[0]
    for one in read[1:]:
        ours, theirs = (dict(each.read.summary.settings) for each in (one, first))
        unlike = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
        if unlike:
            raise MismatchError(
                f"{one.run.folder} and {first.run.folder} are not scored alike ({', '.join(unlike)}): score both "
                "with the same options"
            )


def _point(one: _Read, trained: _Read | None) -> SweepPoint:
    summary = one.read.summary
    apart = trained is not None and one is not trained
    return SweepPoint(
        part=one.run.part,
        scale=one.run.scale,
        lora=one.run.lora,
        run=str(one.run.folder),
        ifrate=summary.ifrate,
        forgetting=summary.forgetting,
        points=summary.points,
        categories=summary.categories,
        codes=summary.codes,
        tasks={} if summary.task is None else {name: group.plain for name, group in summary.task.datasets.items()},
        task=task_mean(one.read.answers),
        ifrate_change=ifrate_change(one.read.verdicts, trained.read.verdicts) if apart and trained else None,
        task_change=task_mean_change(one.read.answers, trained.read.answers) if apart and trained else None,
        best=False,
        signature=summary.signature,
    )


def _is_known(point: SweepPoint) -> bool:
    return point.ifrate.value is not None or point.task.value is not None


def _beats(one: SweepPoint, other: SweepPoint) -> bool:
    ours, theirs = _place(one), _place(other)
    return all(a >= b for a, b in zip(ours, theirs, strict=True)) and ours != theirs


def _place(point: SweepPoint) -> tuple[float, float]:
    ifrate, task = (-1e9 if one.value is None else one.value for one in (point.ifrate, point.task))
    return ifrate, task


def _reference(one: _Read, benchmark: Benchmark) -> SweptReference | None:
    found = one.read.summary.reference
    folder = one.run.folder / REFERENCE_FOLDER
    if found is None:
        return None
    task = Estimate(None, None, None, 0, 0, "its replies are not here")
    if is_run(folder):
        task = task_mean(read_answers(folder, benchmark, str(one.read.settings.get("judge")))[1])
    return SweptReference(found.name, found.ifrate, task, found.signature)


def _notes(read: Sequence[_Read], trained: _Read | None) -> Iterator[str]:
    if trained is None:
        yield "the model as trained (scale 1) is not among the points: no changes against it"
    if all(not answer.scored for one in read for answer in one.read.answers):
        yield "no judge has scored the answers themselves: no task level"
    yield (
        "a point is marked where no other is at least as good in IFrate and in the task and better in one, by "
        "their values: intervals of neighbours overlap"
    )
