"""Published figures beside recomputed ones, for people: what agrees, what is missing, what that takes."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import NONE, number, of, span, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import ReproducedCell, Reproduction

_TITLES = {
    "leaderboard": "The published leaderboard",
    "task-level": "The published task level",
    "lora": "The published LoRA scale",
}

Rows = list[list[str]]


def _cells(found: Reproduction) -> tuple[list[str], Rows]:
    header = ["at hand", "figure", "published", "recomputed", "95 % interval", "agrees"]
    rows = []
    for one in found.systems:
        for at, each in enumerate(one.cells):
            name = f"{visible(one.system)} ({visible(one.run)})" if at == 0 else ""
            interval = span(each.low, each.high)
            printed = f"{each.printed:.{each.digits}f}".replace("-", "−")
            rows.append([name, visible(each.figure), printed, number(each.value), interval, _agrees(each)])
    return header, rows


def _agrees(one: ReproducedCell) -> str:
    """Whether a figure is reproduced.

    >>> _agrees(ReproducedCell("IFrate", 89.23, 2, 88.99, 87.1, 90.6, False, True))
    'within the interval'
    """
    if one.value is None:
        return NONE
    if one.same:
        return "to the digit"
    return "within the interval" if one.inside else "no"


def _missing(found: Reproduction) -> tuple[list[str], Rows]:
    header = ["missing", "published", "answers", "judge calls", "GPU hours"]
    return header, [
        [
            visible(one.system),
            "; ".join(f"{visible(name)} {number(value)}" for name, value in one.printed.items()),
            f"{one.answers:,}",
            f"{one.judge_calls:,}",
            NONE if one.gpu_hours is None else f"{one.gpu_hours:.1f}",
        ]
        for one in found.missing
    ]


def _beside(found: Reproduction) -> Iterator[tuple[list[str], Rows]]:
    for one in found.beside:
        header = [visible(one.model), "IFrate, %", "95 % interval"]
        yield header, [[f"factor {factor}", *of(figure)] for factor, figure in one.ifrate.items()]


def _tables(found: Reproduction) -> Iterator[tuple[list[str], Rows]]:
    for header, rows in (_cells(found), _missing(found)):
        if rows:
            yield header, rows
    yield from _beside(found)


def _commands(found: Reproduction) -> Iterator[str]:
    for one in found.missing:
        for command in one.commands:
            yield f"{command}  # {visible(one.system)}" + (f", set up as {one.page} says" if one.page else "")


def _sentences(found: Reproduction) -> Iterator[str]:
    yield f"Published in {found.source.title} (arXiv {found.source.arxiv}); judge: {found.source.judge}."
    yield from (f"{visible(line[0].upper() + line[1:])}." for line in (*found.arithmetic, *found.notes))
    yield from (f"{visible(one.model)}: {one.why}." for one in found.beside)
    if found.missing and any("$ARGUMENTS" in line for one in found.missing for line in one.commands):
        yield "ARGUMENTS holds what the page of the model names, such as python=… and repo=…."


def _signatures(found: Reproduction) -> list[str]:
    lines = [*(one.signature for one in found.systems), *(one.signature for one in found.beside)]
    return [visible(line) for line in dict.fromkeys(lines)]


def reproduction_view(found: Reproduction) -> list[RenderableType]:
    """Return what `speech-ifeval reproduce` prints."""
    parts: list[RenderableType] = [Text(_TITLES[found.table], style="bold"), ""]
    for header, rows in _tables(found):
        parts += [figures_table(header, rows), ""]
    parts += [Text(f"• {sentence}") for sentence in _sentences(found)]
    commands = list(_commands(found))
    if commands:
        # A table is never wrapped, and a command is there to be copied.
        parts += ["", figures_table(["for what is missing"], [[line] for line in commands])]
    signatures = _signatures(found)
    return (
        [*parts, "", *(Text(line, style="dim", overflow="fold") for line in signatures)] if signatures else parts
    )


def reproduction_markdown(found: Reproduction) -> str:
    """Return the same as Markdown."""
    parts = [f"### {_TITLES[found.table]}"]
    parts += [
        table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in _tables(found)
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found)))
    parts += [code(line) for line in (*_commands(found), *_signatures(found))]
    return "\n\n".join(parts) + "\n"
