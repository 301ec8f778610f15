"""Results in a notebook: what the terminal shows, as HTML in which every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from speech_ifeval.report.comparison_tables import comparison_view
from speech_ifeval.report.diagnosis_tables import diagnosis_view
from speech_ifeval.report.figures import number, span, visible
from speech_ifeval.report.isolation_tables import isolation_view
from speech_ifeval.report.ladder_tables import ladder_view
from speech_ifeval.report.leaderboard_tables import leaderboard_view
from speech_ifeval.report.reproduction_tables import reproduction_view
from speech_ifeval.report.sensitivity_tables import sensitivity_view
from speech_ifeval.report.sweep_tables import sweep_view
from speech_ifeval.report.terminal import figures_table, summary_view
from speech_ifeval.report.training_tables import training_view
from speech_ifeval.report.verification_tables import submitted_view, verification_view
from speech_ifeval.report.wording_tables import wording_view
from speech_ifeval.results import (
    Comparison,
    Diagnosis,
    Estimate,
    Isolation,
    Ladder,
    Leaderboard,
    Rate,
    Reproduction,
    Sensitivity,
    Submitted,
    Summary,
    Sweep,
    TrainingCurve,
    Verification,
    WordingEffects,
)


def _estimate(estimate: Estimate) -> list[RenderableType]:
    row = [number(estimate.value), span(estimate.low, estimate.high), str(estimate.n), str(estimate.unscored)]
    parts: list[RenderableType] = [figures_table(["value", "95 % interval", "scored", "unscored"], [row])]
    return [*parts, *([Text(visible(estimate.why))] if estimate.why else [])]


def _rate(rate: Rate) -> list[RenderableType]:
    row = [f"{rate.followed}/{rate.n}", number(rate.rate), span(rate.low, rate.high), str(rate.unscored)]
    return [figures_table(["followed", "%", "95 % interval", "unscored"], [row])]


_VIEWS: dict[type, Callable[[Any], list[RenderableType]]] = {
    Comparison: comparison_view,
    Diagnosis: diagnosis_view,
    Estimate: _estimate,
    Isolation: isolation_view,
    Ladder: ladder_view,
    Leaderboard: leaderboard_view,
    Rate: _rate,
    Reproduction: reproduction_view,
    Sensitivity: sensitivity_view,
    Submitted: submitted_view,
    Summary: summary_view,
    Sweep: sweep_view,
    TrainingCurve: training_view,
    Verification: verification_view,
    WordingEffects: wording_view,
}


def html_of(result: Any) -> str:
    """Return a result as HTML for a notebook: the tables and sentences that the terminal shows.

    >>> html_of(Rate(1, 2, 0, 50.0, 9.45, 90.55)).count("<td")
    4
    >>> "&lt;b&gt;nothing" in html_of(Estimate(None, None, None, 0, 0, "<b>nothing"))
    True
    """
    return "".join(["<div>", *map(_part, _VIEWS[type(result)](result)), "</div>"])


def _part(part: RenderableType) -> str:
    if isinstance(part, Table):
        return _table(part)
    text = _plain(part)
    if not text:
        return ""
    style = str(part.style) if isinstance(part, Text) else ""
    tag = "small" if style == "dim" else "strong" if "bold" in style else None
    return f"<div>{_tagged(tag, text)}</div>"


def _tagged(tag: str | None, text: str) -> str:
    return escape(text) if tag is None else f"<{tag}>{escape(text)}</{tag}>"


def _table(table: Table) -> str:
    title = "" if table.title is None else f"<caption>{escape(_plain(table.title))}</caption>"
    header = [_plain(column.header) for column in table.columns]
    rows = zip(*([_plain(cell) for cell in column.cells] for column in table.columns), strict=True)
    head = f"<thead><tr>{_cells('th', header)}</tr></thead>" if any(header) else ""
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    return f"<table>{title}{head}<tbody>{body}</tbody></table>"


def _cells(tag: str, cells: Sequence[str]) -> str:
    sides = ["left", *["right"] * (len(cells) - 1)]
    return "".join(
        f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>' for side, cell in zip(sides, cells, strict=True)
    )


def _plain(part: Any) -> str:
    return part.plain if isinstance(part, Text) else str(part)
