"""The lab's figures as tables: header and rows, for a terminal or for Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from speech_ifeval.lab.evaluation import SEEN, UNSEEN, Figures
from speech_ifeval.lab.study import CellFigures
from speech_ifeval.records import CODES
from speech_ifeval.report.figures import NONE, number, of, span
from speech_ifeval.results import AnswerRate, Rate

Table = tuple[list[str], list[list[str]]]


def models_table(rows: Sequence[Figures]) -> Table:
    """IFrate, Δ, points and wordings of every model."""
    header = ["", "LoRA scale", "IFrate, %", "95 % interval", "Δ, %", "95 % interval", "points"]
    header += ["seen wordings, %", "95 % interval", "unseen, %", "95 % interval"]
    return header, [[*_head(row), *_losses(row), *_wordings(row)] for row in rows]


def codes_table(rows: Sequence[Figures]) -> Table:
    """The following rate of every code, in percent with its interval."""
    return ["", "LoRA scale", *CODES], [
        [*_head(row), *(_with_interval(row.codes.get(code)) for code in CODES)] for row in rows
    ]


def tasks_table(rows: Sequence[Figures]) -> Table:
    """The answers without a constraint: WER or accuracy in percent with its interval."""
    tasks = list(dict.fromkeys(task for row in rows for task in row.tasks))
    return ["", "LoRA scale", *(_task_title(task, rows) for task in tasks)], [
        [*_head(row), *(_with_interval(row.tasks.get(task)) for task in tasks)] for row in rows
    ]


def study_table(cells: Sequence[CellFigures]) -> Table:
    """Every recipe over its seeds."""
    header = ["recipe", "replies", "tuned", "constrained", "seeds", "IFrate, %", "95 % interval", "Δ, %"]
    header += ["95 % interval", "each seed's Δ, %", "WER, %", "voice, %"]
    rows = []
    for cell in cells:
        each = [one.forgetting.value for one in cell.each if one.forgetting is not None]
        rows.append(
            [
                cell.name,
                cell.recipe.style,
                "all weights" if cell.recipe.full else "LoRA",
                f"{cell.recipe.constrained:.0%}",
                str(cell.seeds),
                number(cell.ifrate.value),
                span(cell.ifrate.low, cell.ifrate.high),
                number(cell.forgetting.value, signed=True),
                span(cell.forgetting.low, cell.forgetting.high, signed=True),
                " ".join(number(value, signed=True) for value in each),
                _mean([one.tasks.get("transcription") for one in cell.each]),
                _mean([one.tasks.get("voice") for one in cell.each]),
            ]
        )
    return header, rows


def _head(row: Figures) -> list[str]:
    return [row.model, NONE if row.scale is None else f"{row.scale:g}"]


def _losses(row: Figures) -> list[str]:
    delta = (NONE, NONE) if row.forgetting is None else of(row.forgetting, signed=True)
    points = NONE if row.points is None else number(row.points.value, signed=True)
    return [*of(row.ifrate), *delta, points]


def _wordings(row: Figures) -> list[str]:
    return [cell for side in (SEEN, UNSEEN) for cell in of(row.wordings[side])]


def _with_interval(rate: Rate | AnswerRate | None) -> str:
    if rate is None or rate.rate is None:
        return NONE
    return f"{number(rate.rate)} [{span(rate.low, rate.high)}]"


def _task_title(task: str, rows: Sequence[Figures]) -> str:
    words = any(row.tasks[task].words is not None for row in rows if task in row.tasks)
    return f"{task}, WER" if words else task


def _mean(rates: Sequence[AnswerRate | None]) -> str:
    values = [one.rate for one in rates if one is not None and one.rate is not None]
    return number(sum(values) / len(values)) if values else NONE
