"""Where Δ comes from: what changed weights cost, and what hearing costs, on the same items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from speech_ifeval.analysis.scored_runs import ReadRun, ifrate_change, read_run
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.metrics.following import ClipIndex
from speech_ifeval.metrics.intervals import forgetting_interval
from speech_ifeval.metrics.parts import part_interval
from speech_ifeval.metrics.summaries import arrays, category_groups
from speech_ifeval.metrics.task_mean import task_mean
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import Estimate, Ladder, Rung

REFERENCE, BARE, CASCADE, TEXT, AUDIO = "reference", "bare", "cascade", "text", "audio"


class Step(Struct, frozen=True):
    """A rung that was climbed: who answered, where, what it read, and how its adapter was; or why it was not."""

    name: str
    who: str
    folder: Path | None
    benchmark: Benchmark | None
    lora: list[dict[str, Any]] = []
    why: str | None = None


def ladder_of(steps: Sequence[Step], model: str, reference: str) -> Ladder:
    """Put the rungs beside each other, and part Δ.

    Args:
        steps: scored runs, the reference first, the model on audio last.
        model, reference: their names.

    Raises:
        DataError, UsageError, MismatchError: a run cannot be read.
    """
    read = {
        step.name: read_run(step.folder, step.benchmark)
        for step in steps
        if step.folder is not None and step.benchmark is not None
    }
    rungs, before = [], None
    for step in steps:
        # The model on text differs from the reference by its weights alone, not from what the reference read last.
        rungs.append(_rung(step, read, read[REFERENCE] if step.name == TEXT else before))
        before = read.get(step.name, before)
    weights = _part(read, TEXT, REFERENCE)
    modality = _part(read, AUDIO, TEXT)
    total = _part(read, AUDIO, REFERENCE)
    return Ladder(
        SCHEMA_VERSION, model, reference, rungs, total, weights, modality, list(_notes(rungs, weights, modality))
    )


def _rung(step: Step, read: Mapping[str, ReadRun], before: ReadRun | None) -> Rung:
    run, base = read.get(step.name), read[REFERENCE]
    if run is None:
        return Rung(step.name, step.who, lora=step.lora, why=step.why)
    first = step.name == REFERENCE
    return Rung(
        name=step.name,
        who=step.who,
        run=str(run.folder),
        ifrate=run.summary.ifrate,
        categories=run.summary.categories,
        codes=run.summary.codes,
        task=task_mean(run.answers),
        change=None if first else ifrate_change(run.verdicts, base.verdicts),
        step=None if before is None else ifrate_change(run.verdicts, before.verdicts),
        lora=step.lora,
        same_replies=None if first else _same(run, base),
        signature=run.summary.signature,
    )


def _same(run: ReadRun, base: ReadRun) -> float | None:
    both = [(one.text, base.responses[id].text) for id, one in run.responses.items() if id in base.responses]
    told = [ours == theirs for ours, theirs in both if ours is not None and theirs is not None]
    return 100 * sum(told) / len(told) if told else None


def _part(read: Mapping[str, ReadRun], upper: str, lower: str) -> Estimate | None:
    if not {upper, lower, REFERENCE} <= set(read):
        return None
    clips = ClipIndex()
    groups = [category_groups(read[name].verdicts, clips) for name in (upper, lower, REFERENCE)]
    n = sum(len(group.followed) for group in groups[0])
    unscored = sum(group.unscored for side in groups for group in side)
    if not all(len(group.followed) for side in groups for group in side):
        return Estimate(None, None, None, n, unscored, "a category has no scored item")
    if not any(group.followed.any() for group in groups[2]):
        return Estimate(None, None, None, n, unscored, "the reference follows nothing")
    run, before, base = map(arrays, groups)
    # Against the reference itself it is a forgetting rate, with its own interval.
    value, low, high = forgetting_interval(run, base) if lower == REFERENCE else part_interval(run, before, base)
    return Estimate(100 * value, 100 * low, 100 * high, n, unscored)


def _notes(rungs: Sequence[Rung], weights: Estimate | None, modality: Estimate | None) -> Iterator[str]:
    for rung in rungs:
        if rung.why is not None:
            yield f"{rung.name}: {rung.why}"
        if rung.name == TEXT and rung.same_replies == 100:
            yield (
                "the model's text path replies as the reference does, letter for letter: its weights are the "
                "reference's when it reads (some models switch their adapter off for text), and the weights part "
                "is zero by construction"
            )
    if weights is not None and modality is not None:
        yield "the weights part and the modality part are both over the reference's IFrate, and add up to Δ"
    yield "parts describe what was varied, text against audio; they claim no cause beyond it"
