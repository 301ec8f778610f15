"""A summary for people: rich tables, figures right-aligned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from speech_ifeval.benchmarks.finding import SEVERITIES, Defect
from speech_ifeval.records import Rate, Summary
from speech_ifeval.report.figures import (
    CODE_TITLES,
    NONE,
    TITLES,
    findings,
    number,
    of,
    p_value,
    span,
    visible,
    weakest_codes,
)

_MISSED = "bold red"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def figures_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a plain table, the first column left-aligned and the figures right-aligned."""
    table = _table("", *header)
    table.title = None
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def summary_view(summary: Summary) -> RenderableType:
    """Return what `speech-ifeval score` prints: IFrate, categories, codes, what to know, the signature."""
    parts: list[RenderableType] = [_headline(summary), "", _rates(summary), ""]
    parts += [Text(f"• {sentence}") for sentence in findings(summary)]
    parts += ["", Text(summary.signature, style="dim", overflow="fold")]
    if summary.reference is not None:
        parts.append(Text(f"reference {summary.reference.signature}", style="dim", overflow="fold"))
    return Group(*parts)


def _headline(summary: Summary) -> Table:
    table = _table(visible(summary.name), "", "value", "95 % interval", "scored", "unscored")
    ifrate = summary.ifrate
    table.add_row("IFrate, %", *_bold(*of(ifrate)), str(ifrate.n), str(ifrate.unscored))
    if summary.reference is not None and summary.forgetting is not None and summary.points is not None:
        theirs = summary.reference.ifrate
        table.add_row(
            f"IFrate of {visible(summary.reference.name)}, %", *of(theirs), str(theirs.n), str(theirs.unscored)
        )
        flag = " (wide reference)" if summary.reference.wide else ""
        table.add_row(f"Forgetting rate Δ, %{flag}", *_bold(*of(summary.forgetting, signed=True)), "", "")
        table.add_row("Difference, points", *of(summary.points, signed=True), "", "")
    return table


def _bold(value: str, interval: str) -> tuple[Text, str]:
    return Text(value, style="bold"), interval


def _rates(summary: Summary) -> Table:
    reference = summary.reference
    columns = ["", "followed", "%", "95 % interval", "unscored"]
    if reference is not None:
        columns += ["reference, %", "95 % interval", "lost", "gained", "p (Holm)"]
    table = _table("", *columns)
    table.title = None
    for name, rate in summary.categories.items():
        theirs = None if reference is None else reference.categories[name]
        table.add_row(TITLES[name], *_cells(rate), *(_against(theirs) if theirs else []))
    table.add_row()
    weakest = weakest_codes(summary)
    for code, rate in summary.codes.items():
        if rate.n + rate.unscored == 0:
            continue
        style = _MISSED if code in weakest else ""
        cells: list[str] = []
        if reference is not None:
            test = summary.code_tests.get(code)
            tested = (
                [NONE, NONE, NONE] if test is None else [str(test.lost), str(test.gained), p_value(test.p_holm)]
            )
            cells = [*_reference_cells(reference.codes[code]), *tested]
        table.add_row(Text(f"{code:<3} {CODE_TITLES[code]}", style=style), *_cells(rate), *cells)
    return table


def _cells(rate: Rate) -> list[str]:
    return [f"{rate.followed}/{rate.n}", number(rate.rate), span(rate.low, rate.high), str(rate.unscored)]


def _reference_cells(rate: Rate) -> list[str]:
    return [number(rate.rate), span(rate.low, rate.high)]


def _against(rate: Rate) -> list[str]:
    return [*_reference_cells(rate), "", "", ""]


_SEVERITY_STYLE = {"error": "bold red", "warning": "yellow", "note": "dim"}
_ITEMS_SHOWN = 6


def defects_view(name: str, items: int, defects: Sequence[Defect]) -> RenderableType:
    """Return what `speech-ifeval check-benchmark` prints: the defects, the worst first, and their counts."""
    if not defects:
        return Text(f"{visible(name)}: {items} items, nothing found.")
    table = Table(box=None, pad_edge=False)
    for column in ("severity", "kind", "items", "found", "expected"):
        table.add_column(column, overflow="fold")
    for defect in defects:
        shown = ", ".join(defect.items[:_ITEMS_SHOWN])
        more = f" and {len(defect.items) - _ITEMS_SHOWN} more" if len(defect.items) > _ITEMS_SHOWN else ""
        table.add_row(
            Text(defect.severity, style=_SEVERITY_STYLE[defect.severity]),
            defect.kind,
            Text(visible(shown + more)),
            Text(visible(defect.found)),
            Text(visible(defect.expected)),
        )
    counts = Counter((defect.severity, defect.kind) for defect in defects)
    summary = Table(box=None, pad_edge=False, title=f"{visible(name)}: {items} items", title_justify="left")
    summary.add_column("kind")
    summary.add_column("severity")
    summary.add_column("defects", justify="right")
    for severity in SEVERITIES:
        for (of_severity, kind), count in counts.items():
            if of_severity == severity:
                summary.add_row(kind, Text(severity, style=_SEVERITY_STYLE[severity]), str(count))
    return Group(table, "", summary)


def constraints_view(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return what `speech-ifeval constraints` prints: each id, its code and kwargs, and what it checks where."""
    table = Table(box=None, pad_edge=False)
    for column in ("id", "code", "kwargs", "rule sets", "checks"):
        table.add_column(column, overflow="fold")
    last = None
    for row in rows:
        first = row["id"] != last
        last = row["id"]
        kwargs = ", ".join(row["kwargs"]) if first else ""
        table.add_row(
            row["id"] if first else "", (row["code"] or NONE) if first else "", kwargs, " ".join(row["rules"]),
            Text(row["checks"]),
        )  # fmt: skip
    return table
