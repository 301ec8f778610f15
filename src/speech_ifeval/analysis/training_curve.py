"""A model at several steps of its training: when it forgets, and which step is the one to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.analysis.scored_runs import read_answers, read_run
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.metrics.task_mean import task_mean
from speech_ifeval.models.recorded import is_run
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import Estimate, SweptReference, TrainingCurve, TrainingPoint

THRESHOLD = -10.0  # percent
MARGIN = 2.0  # points


def point_of(
    folder: Path,
    benchmark: Benchmark,
    step: int,
    *,
    epoch: float | None = None,
    weights: str | None = None,
    items: int | None = None,
    wanted: int | None = None,
    seconds: float = 0.0,
) -> TrainingPoint:
    """Make a point of a scored run directory.

    Args:
        folder: the run directory.
        benchmark: what it answers.
        step, epoch, weights: of the training.
        items, wanted: items with a constraint that count, and how many were to; by default those that are scored.
        seconds: what the evaluation took.

    Raises:
        DataError, UsageError, MismatchError: what reading a run raises.
    """
    read = read_run(folder, benchmark)
    summary = read.summary
    asked = int(read.settings["items"]) if items is None else items
    return TrainingPoint(
        step=step,
        epoch=epoch,
        weights=weights,
        run=str(folder),
        items=asked,
        wanted=asked if wanted is None else wanted,
        seconds=round(seconds, 3),
        ifrate=summary.ifrate,
        forgetting=summary.forgetting,
        points=summary.points,
        task=task_mean(read.answers),
        signature=summary.signature,
    )


def point_without(
    step: int, epoch: float | None, folder: Path, wanted: int, seconds: float, why: str
) -> TrainingPoint:
    """Make the point of an evaluation that came to nothing, with the reason in the place of its figures."""
    nothing = Estimate(None, None, None, 0, 0, why)
    run, spent = str(folder), round(seconds, 3)
    return TrainingPoint(step, epoch, None, run, 0, wanted, spent, nothing, None, None, nothing, "")


def reference_of(folder: Path, benchmark: Benchmark) -> SweptReference | None:
    """Return the reference that a scored run stands against, None where it has none.

    Raises:
        DataError, UsageError, MismatchError: what reading a run raises.
    """
    read = read_run(folder, benchmark)
    found, beside = read.summary.reference, folder / REFERENCE_FOLDER
    if found is None:
        return None
    task = Estimate(None, None, None, 0, 0, "its replies are not here")
    if is_run(beside):
        task = task_mean(read_answers(beside, benchmark, str(read.settings.get("judge")))[1])
    return SweptReference(found.name, found.ifrate, task, found.signature)


def best_point(points: Sequence[TrainingPoint], margin: float = MARGIN) -> TrainingPoint | None:
    """Return the point to keep: the least forgetting among those that do the task nearly as well as any.

    Among the points whose task level is at most `margin` points below the best task level of all, the one with the
    highest Δ (IFrate, where there is no reference), and of equals the first. Points without figures are left out;
    where no point has a task level, all others are eligible.

    Args:
        points: of one training.
        margin: in points of the task level.
    """
    known = [one for one in points if _kept(one) is not None]
    tasks = [one.task.value for one in known if one.task.value is not None]
    if tasks:
        floor = max(tasks) - margin
        known = [one for one in known if one.task.value is not None and one.task.value >= floor]
    return max(known, key=lambda one: (_kept(one), -one.step), default=None)


def choice_number(points: Sequence[TrainingPoint], margin: float = MARGIN) -> int:
    """Return how many times `best_point` has chosen a new point, if it chose the last of these, else 0.

    A loop that keeps the checkpoint with the highest number so far keeps the one that the rule chooses, until the
    rule goes back to an earlier point: that no single number can say.
    """
    chosen, times = None, 0
    for count in range(1, len(points) + 1):
        best = best_point(points[:count], margin)
        if best is points[count - 1]:
            times += 1
            chosen = best
    return times if chosen is not None and chosen is points[-1] else 0


def goes_back(points: Sequence[TrainingPoint], margin: float = MARGIN) -> bool:
    """Whether the last of these points makes the rule choose another one that is not the last."""
    before, now = best_point(points[:-1], margin), best_point(points, margin)
    return now is not before and now is not points[-1]


def _kept(point: TrainingPoint) -> float | None:
    return point.ifrate.value if point.forgetting is None else point.forgetting.value


def is_warned(point: TrainingPoint, threshold: float = THRESHOLD) -> bool:
    """Whether the whole 95 % interval of Δ lies below a threshold, in percent."""
    delta = point.forgetting
    return delta is not None and delta.high is not None and delta.high < threshold


def warning_of(point: TrainingPoint, threshold: float = THRESHOLD, *, again: bool = False) -> str:
    """Say what a warning is about; the first time, what to try as well."""
    delta = point.forgetting
    assert delta is not None  # `is_warned`
    assert delta.value is not None
    assert delta.low is not None
    assert delta.high is not None
    span = f"{delta.value:+.1f} % (95 % interval {delta.low:+.1f} to {delta.high:+.1f})".replace("-", "−")
    beyond = f"{threshold:g} %".replace("-", "−")
    if again:
        return f"step {point.step}: still forgotten: Δ {span}"
    return (
        f"step {point.step}: instruction following is being forgotten: Δ {span}, all of it below {beyond}, on "
        f"{point.items} items. Stop here, go back to an earlier checkpoint, or learn more slowly, from targets in "
        "the language model's own words, or with questions that demand a form among them"
    )


def curve_of(
    points: Sequence[TrainingPoint],
    model: str,
    reference: SweptReference | None,
    *,
    threshold: float = THRESHOLD,
    margin: float = MARGIN,
) -> TrainingCurve:
    """Put points of one training side by side, by step."""
    ordered = sorted(points, key=lambda one: one.step)
    best = best_point(ordered, margin)
    return TrainingCurve(
        SCHEMA_VERSION,
        model,
        reference,
        ordered,
        threshold,
        margin,
        [one.step for one in ordered if is_warned(one, threshold)],
        None if best is None else best.step,
        list(_notes(ordered, reference)),
    )


def _notes(points: Sequence[TrainingPoint], reference: SweptReference | None) -> Iterator[str]:
    cut = [one.step for one in points if one.is_cut]
    if cut:
        yield (
            f"time ran out at {_steps(cut)}: there the largest part of the sample that was answered whole counts, "
            "with the reference on the same items"
        )
    if reference is None and points:
        yield "no reference: neither Δ nor a warning"
    if points and all(one.task.value is None for one in points):
        yield "no judge has scored the answers themselves: the best point is chosen by following alone"
    if len({_settings(one) for one in points if one.signature}) > 1:
        yield "the points were not all made with the same settings: see their signatures"


def _steps(steps: Sequence[int]) -> str:
    return f"step {steps[0]}" if len(steps) == 1 else f"{len(steps)} steps, the first {steps[0]}"


def _settings(point: TrainingPoint) -> tuple[Any, ...]:
    """What of a signature is the same for a whole training: neither the items that count nor their outcome."""
    own = ("subset:", "items:", "unscored:")
    return tuple(part for part in point.signature.split("|") if not part.startswith(own))
