"""A sweep as tables: IFrate, Δ and the task against the scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.records import CODES
from speech_ifeval.report.figures import NONE, change_cells, lora_cell, number, of, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Sweep, SweepPoint

Rows = list[list[str]]
BEST = "●"


def _curve(found: Sweep) -> tuple[list[str], Rows]:
    header = ["part", "scale", "factor · α / r", "IFrate, %", "95 % interval", "Δ, %", "95 % interval", "points"]
    header += ["task, %", "95 % interval", "best"]
    rows = []
    if found.reference is not None:
        theirs = found.reference
        rows.append(
            [visible(theirs.name), NONE, NONE, *of(theirs.ifrate), NONE, NONE, NONE, *of(theirs.task), ""]  #
        )
    for point in found.points:
        delta = (NONE, NONE) if point.forgetting is None else of(point.forgetting, signed=True)
        points = NONE if point.points is None else number(point.points.value, signed=True)
        best = BEST if point.best else ""
        rows.append(
            [*_head(point), lora_cell(point.lora), *of(point.ifrate), *delta, points, *of(point.task), best]
        )
    return header, rows


def _changes(found: Sweep) -> tuple[list[str], Rows]:
    header = ["part", "scale", "IFrate, points", "95 % interval", "p", "task, points", "95 % interval", "p"]
    return header, [
        [*_head(point), *change_cells(point.ifrate_change), *change_cells(point.task_change)]
        for point in found.points
        if point.ifrate_change is not None and point.task_change is not None
    ]


def _codes(found: Sweep) -> tuple[list[str], Rows]:
    named = [code for code in CODES if any(point.codes[code].n for point in found.points)]
    tasks = list(dict.fromkeys(name for point in found.points for name in point.tasks))
    titles = {
        name: f"{visible(name)}, WER"
        for name in tasks
        if any(point.tasks[name].words is not None for point in found.points if name in point.tasks)
    }
    header = [
        "part",
        "scale",
        *(f"{code}, %" for code in named),
        *(titles.get(name, visible(name)) for name in tasks),
    ]
    rows = []
    for point in found.points:
        rates = [number(point.codes[code].rate) for code in named]
        answers = [number(point.tasks[name].rate) if name in point.tasks else NONE for name in tasks]
        rows.append([*_head(point), *rates, *answers])
    return header, rows


def _head(point: SweepPoint) -> list[str]:
    return [visible(point.part), f"{point.scale:g}"]


def _sentences(found: Sweep) -> Iterator[str]:
    yield (
        "Task: the mean over data sets of how right answers without a constraint are (accuracy, or 100 less the "
        "word error rate). Changes are against the model as trained, paired by clip."
    )
    for note in found.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def _tables(found: Sweep) -> Iterator[tuple[Sequence[str], Rows]]:
    for header, rows in (_curve(found), _changes(found), _codes(found)):
        if rows:
            yield header, rows


def sweep_view(found: Sweep) -> list[RenderableType]:
    """Return what `speech-ifeval sweep` prints."""
    parts: list[RenderableType] = [Text(f"{visible(found.model)} at {len(found.points)} points", style="bold"), ""]
    for header, rows in _tables(found):
        parts += [figures_table(header, rows), ""]
    parts += [Text(f"• {sentence}") for sentence in _sentences(found)]
    lines = dict.fromkeys(point.signature for point in found.points)
    return [*parts, "", *(Text(visible(line), style="dim", overflow="fold") for line in lines)]


def sweep_markdown(found: Sweep) -> str:
    """Return the sweep as Markdown tables."""
    parts = [
        table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in _tables(found)
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found)))
    lines = dict.fromkeys(point.signature for point in found.points)
    return "\n\n".join([*parts, *map(code, lines)]) + "\n"
