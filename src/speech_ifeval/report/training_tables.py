"""A training's curve as a table: IFrate, Δ and the task step by step."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import NONE, number, of, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.sweep_tables import BEST, Rows
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import TrainingCurve, TrainingPoint

WARNED = "▼"


def training_table(found: TrainingCurve) -> tuple[list[str], Rows]:
    """Return the header and a row for each step, below that of the reference."""
    header = ["step", "items", "IFrate, %", "95 % interval", "Δ, %", "95 % interval", "points"]
    header += ["task, %", "95 % interval", "seconds", ""]
    rows = []
    if found.reference is not None:
        theirs = found.reference
        head = [visible(theirs.name), str(theirs.ifrate.n), *of(theirs.ifrate), NONE, NONE, NONE]
        rows.append([*head, *of(theirs.task), NONE, ""])
    return header, [*rows, *(_row(found, point) for point in found.steps)]


def _row(found: TrainingCurve, point: TrainingPoint) -> list[str]:
    items = f"{point.items} of {point.wanted}" if point.is_cut else str(point.items)
    delta = (NONE, NONE) if point.forgetting is None else of(point.forgetting, signed=True)
    points = NONE if point.points is None else number(point.points.value, signed=True)
    marks = WARNED * (point.step in found.warned) + BEST * (point.step == found.best)
    task = of(point.task)
    return [str(point.step), items, *of(point.ifrate), *delta, points, *task, f"{point.seconds:.1f}", marks]


def training_sentences(found: TrainingCurve) -> Iterator[str]:
    """Yield what stands below the table."""
    if found.warned:
        yield (
            f"{WARNED} Warning from step {found.warned[0]} on, at {len(found.warned)} of {len(found.steps)} "
            f"points: the whole interval of Δ is below {number(found.threshold)} %."
        )
    elif found.reference is not None:
        yield f"No warning: at no point is the whole interval of Δ below {number(found.threshold)} %."
    if found.best is not None:
        yield (
            f"{BEST} Step {found.best} is to be kept: the highest Δ among the points whose task level is at most "
            f"{number(found.margin)} points below the best."
        )
    for point in found.steps:
        if point.ifrate.why is not None:
            yield f"Step {point.step}: {visible(point.ifrate.why)}."
    for note in found.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def training_view(found: TrainingCurve) -> list[RenderableType]:
    """Return what `speech-ifeval watch` prints."""
    parts: list[RenderableType] = [Text(visible(found.model), style="bold"), ""]
    parts += [figures_table(*training_table(found)), ""]
    parts += [Text(f"• {sentence}") for sentence in training_sentences(found)]
    return [*parts, "", *(Text(visible(line), style="dim", overflow="fold") for line in _signatures(found))]


def training_markdown(found: TrainingCurve) -> str:
    """Return the curve as a Markdown table."""
    header, rows = training_table(found)
    parts = [table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in training_sentences(found)))
    return "\n\n".join([*parts, *map(code, _signatures(found))]) + "\n"


def _signatures(found: TrainingCurve) -> list[str]:
    return list(dict.fromkeys(point.signature for point in found.steps if point.signature))
