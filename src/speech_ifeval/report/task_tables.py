"""The task level for people: each data set with and without its constraints, whole and by code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from speech_ifeval.report.figures import CODE_TITLES, NONE, number, p_value, span, visible
from speech_ifeval.results import AnswerRate, Summary, TaskGroup, TaskLevel

TITLE = "The answers themselves, without and with the constraint"
_METRICS = {"accuracy": "accuracy", "wer": "WER"}
_HEADER = [
    *("twins", "without, %", "95 % interval", "with, %", "95 % interval"),
    *("change, points", "95 % interval", "worse", "better", "p (Holm)"),
]

Rows = list[list[str]]


def task_table(task: TaskLevel) -> tuple[list[str], Rows]:
    """Return the header and a row for each data set, and one for it without its unanswerable items."""
    rows = []
    for name, group in task.datasets.items():
        title = f"{visible(name)}, {_METRICS[group.metric]}"
        rows.append([title, *_cells(group)])
        if group.answerable is not None:
            rows.append([f"{title}, answerable items", *_cells(group.answerable)])
    return ["", *_HEADER], rows


def task_parts_table(task: TaskLevel, *, by_constraint: bool = False) -> tuple[list[str], Rows]:
    """Return the header and a row for each code, or constraint id, of each data set."""
    rows: Rows = []
    for name, group in task.datasets.items():
        parts: Mapping[str, TaskGroup] = group.constraints if by_constraint else group.codes
        if len(parts) > 1:
            rows.append([f"{visible(name)}, {_METRICS[group.metric]}", *[""] * len(_HEADER)])
            rows += [[f"· {_part(part)}", *_cells(found)] for part, found in parts.items()]
    return ["by constraint" if by_constraint else "by code", *_HEADER], rows


def _part(name: str) -> str:
    return f"{name} {CODE_TITLES[name]}" if name in CODE_TITLES else visible(name)


def _cells(group: TaskGroup) -> list[str]:
    change = group.change
    return [
        str(change.n),
        *_rate(group.plain),
        *_rate(group.constrained),
        number(change.value, signed=True),
        span(change.low, change.high, signed=True),
        *([str(change.worse), str(change.better)] if change.n else [NONE, NONE]),
        NONE if change.p_holm is None else p_value(change.p_holm),
    ]


def _rate(rate: AnswerRate) -> tuple[str, str]:
    return number(rate.rate), span(rate.low, rate.high)


def task_sentences(summary: Summary) -> Iterator[str]:
    """Yield what is to be known beside the tables; nothing where there is no task level."""
    if summary.task is not None:
        yield from _sentences(summary.task)
        yield from _of_reference(summary)


def _sentences(task: TaskLevel) -> Iterator[str]:
    for name, group in task.datasets.items():
        title, sides = visible(name), {"without": group.plain, "with": group.constrained}
        if group.metric == "wer" and group.constrained.words:
            edits = "; ".join(
                f"{side} constraints {rate.substitutions}, {rate.deletions} and {rate.insertions} in {rate.words}"
                for side, rate in sides.items()
            )
            yield f"{title}: substitutions, deletions and insertions {edits} words."
        for side, rate in sides.items():
            if rate.flagged:
                were = "1 transcript is" if rate.flagged == 1 else f"{rate.flagged} transcripts are"
                yield (
                    f"{title}: {were} no part of the reply {side} the constraint; WER without "
                    f"{'it' if rate.flagged == 1 else 'them'} {number(rate.rate_unflagged)} %."
                )
        yield from _unscored(title, group)
        if group.answerable is not None:
            broken = group.twins - group.answerable.twins
            questions = "1 question is not among its" if broken == 1 else f"{broken} questions is not among their"
            yield f"{title}: the label of {questions} options; no answer can be right."
    by_speaker = [visible(name) for name, group in task.datasets.items() if group.unit == "speaker"]
    units = f"speakers in {', '.join(by_speaker)}, otherwise clips" if by_speaker else "clips"
    yield (
        f"Task level intervals resample {units} (seed {task.seed}); p is exact McNemar for accuracy, and for WER "
        "randomised sides."
    )
    smallest = [
        part.change.n for group in task.datasets.values() for part in group.codes.values() if part.change.n
    ]
    if smallest:
        few, most = min(smallest), max(smallest)
        twins = f"{few} to {most}" if few < most else str(few)
        yield f"A code has only {twins} twins in a data set: read its figures as a hint."


def _unscored(title: str, group: TaskGroup) -> Iterator[str]:
    plain, constrained, change = group.plain.unscored, group.constrained.unscored, group.change
    if not plain + constrained:
        return
    bounds = ""
    if change.least is not None:
        bounds = (
            f"; whatever they are, the change lies between {span(change.least, change.most, signed=True)} points"
        )
        bounds = bounds.replace(" to ", " and ")
    yield f"{title}: {plain} answers without and {constrained} with the constraint are unscored{bounds}."


def task_titles(groups: Mapping[str, TaskGroup]) -> list[str]:
    """Return what the data sets are called at the head of a comparison."""
    return [f"{visible(name)}, {_METRICS[group.metric]}" for name, group in groups.items()]


def task_row(task: TaskLevel | None, names: list[str]) -> list[str]:
    """Return one run's cells in a comparison: without → with, for each data set."""
    cells = []
    for name in names:
        group = None if task is None else task.datasets.get(name)
        cells.append(NONE if group is None else f"{number(group.plain.rate)} → {number(group.constrained.rate)}")
    return cells


def _of_reference(summary: Summary) -> Iterator[str]:
    if summary.reference is None or summary.reference.task is None:
        return
    for name, group in summary.reference.task.datasets.items():
        value, interval = (
            number(group.change.value, signed=True),
            span(group.change.low, group.change.high, signed=True),
        )
        yield (
            f"{visible(name)}, {_METRICS[group.metric]} of {visible(summary.reference.name)}: "
            f"{number(group.plain.rate)} % without, {number(group.constrained.rate)} % with the constraint, "
            f"{value} points ({interval})."
        )
