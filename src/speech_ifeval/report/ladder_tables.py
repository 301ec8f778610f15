"""A ladder as tables: the rungs, and the two parts of Δ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.records import CODES
from speech_ifeval.report.figures import NONE, change_cells, lora_cell, number, of, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Estimate, Ladder

Rows = list[list[str]]
_WHAT = {
    "reference": "reference, transcript with metadata (R)",
    "bare": "reference, bare transcript",
    "cascade": "reference, what the model itself hears",
    "text": "model, transcript with metadata (T)",
    "audio": "model, audio (A)",
}


def _rungs(found: Ladder) -> tuple[list[str], Rows]:
    header = ["", "IFrate, %", "95 % interval", "less R, points", "95 % interval", "p", "step, points"]
    header += ["95 % interval", "task, %", "95 % interval", "adapter", "replies like R, %"]
    rows = []
    for rung in found.rungs:
        ifrate = (NONE, NONE) if rung.ifrate is None else of(rung.ifrate)
        task = (NONE, NONE) if rung.task is None else of(rung.task)
        same = NONE if rung.same_replies is None else f"{rung.same_replies:.1f}"
        changes = [*change_cells(rung.change), *change_cells(rung.step)[:2]]
        rows.append([_WHAT[rung.name], *ifrate, *changes, *task, lora_cell(rung.lora), same])
    return header, rows


def _parts(found: Ladder) -> tuple[list[str], Rows]:
    named = [
        ("weights part, 100 (T − R) / R", found.weights),
        ("modality part, 100 (A − T) / R", found.modality),
        ("Δ, 100 (A − R) / R", found.forgetting),
    ]
    return ["", "%", "95 % interval", "items"], [
        [title, *of(part, signed=True), str(part.n)] for title, part in named if isinstance(part, Estimate)
    ]


def _codes(found: Ladder) -> tuple[list[str], Rows]:
    named = [name for name in CODES if any(name in rung.codes and rung.codes[name].n for rung in found.rungs)]
    return ["", *(f"{name}, %" for name in named)], [
        [_WHAT[rung.name], *(number(rung.codes[name].rate) for name in named)]
        for rung in found.rungs
        if rung.codes
    ]


def _sentences(found: Ladder) -> Iterator[str]:
    for note in found.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def _tables(found: Ladder) -> Iterator[tuple[Sequence[str], Rows]]:
    for header, rows in (_parts(found), _rungs(found), _codes(found)):
        if rows:
            yield header, rows


def ladder_view(found: Ladder) -> list[RenderableType]:
    """Return what `speech-ifeval ladder` prints."""
    title = f"{visible(found.model)} against {visible(found.reference)}"
    parts: list[RenderableType] = [Text(title, style="bold"), ""]
    for header, rows in _tables(found):
        parts += [figures_table(header, rows), ""]
    parts += [Text(f"• {sentence}") for sentence in _sentences(found)]
    return [*parts, "", *(Text(visible(line), style="dim", overflow="fold") for line in _signatures(found))]


def ladder_markdown(found: Ladder) -> str:
    """Return the ladder as Markdown tables."""
    parts = [
        table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in _tables(found)
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found)))
    return "\n\n".join([*parts, *map(code, _signatures(found))]) + "\n"


def _signatures(found: Ladder) -> list[str]:
    return list(dict.fromkeys(rung.signature for rung in found.rungs if rung.signature is not None))
