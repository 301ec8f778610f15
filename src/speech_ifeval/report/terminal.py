"""A summary for people: rich tables, figures right-aligned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from speech_ifeval.benchmarks.finding import SEVERITIES, Defect
from speech_ifeval.report.figures import (
    CODE_TITLES,
    NONE,
    TITLES,
    findings,
    lost_codes,
    number,
    of,
    p_value,
    span,
    visible,
    weakest_codes,
)
from speech_ifeval.report.task_tables import TITLE as TASK_TITLE
from speech_ifeval.report.task_tables import task_parts_table, task_sentences, task_table
from speech_ifeval.results import Rate, Reference, Summary

_MISSED = "bold red"


def _table(title: str, *columns: str) -> Table:
    # As `Text`, here and below: rich reads markup in a plain string, and names are not ours.
    table = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(Text(column), justify="left" if index == 0 else "right", no_wrap=True)
    return table


def figures_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a plain table, the first column left-aligned and the figures right-aligned."""
    table = _table("", *header)
    table.title = None
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def summary_view(summary: Summary) -> list[RenderableType]:
    """Return what `speech-ifeval score` prints: IFrate, categories, codes, what to know, the signature."""
    parts: list[RenderableType] = [_headline(summary), "", _rates(summary), ""]
    if summary.reference is not None:
        parts += [_against(summary, summary.reference), ""]
    if summary.task is not None:
        parts += [Text(TASK_TITLE, style="bold")]
        for header, rows in (task_table(summary.task), task_parts_table(summary.task)):
            parts += [figures_table(header, rows), ""] if rows else []
    parts += [Text(f"• {sentence}") for sentence in (*findings(summary), *task_sentences(summary))]
    parts += ["", _signature(summary.signature)]
    if summary.reference is not None:
        parts.append(_signature(f"reference {summary.reference.signature}"))
    return parts


def _signature(line: str) -> Text:
    return Text(visible(line), style="dim", overflow="fold")


def _headline(summary: Summary) -> Table:
    table = _table(visible(summary.name), "", "value", "95 % interval", "scored", "unscored")
    ifrate = summary.ifrate
    table.add_row("IFrate, %", *_bold(*of(ifrate)), str(ifrate.n), str(ifrate.unscored))
    if summary.reference is not None and summary.forgetting is not None and summary.points is not None:
        theirs = summary.reference.ifrate
        whose = Text(f"IFrate of {visible(summary.reference.name)}, %")
        table.add_row(whose, *of(theirs), str(theirs.n), str(theirs.unscored))
        flag = " (wide reference)" if summary.reference.wide else ""
        table.add_row(f"Forgetting rate Δ, %{flag}", *_bold(*of(summary.forgetting, signed=True)), "", "")
        table.add_row("Difference, points", *of(summary.points, signed=True), "", "")
    return table


def _bold(value: str, interval: str) -> tuple[Text, str]:
    return Text(value, style="bold"), interval


def _rates(summary: Summary) -> Table:
    table = _table("", "", "followed", "%", "95 % interval", "unscored")
    table.title = None
    for name, rate in summary.categories.items():
        table.add_row(TITLES[name], *_cells(rate))
    table.add_row()
    weakest = weakest_codes(summary)
    for code, rate in summary.codes.items():
        if rate.n + rate.unscored:
            table.add_row(Text(_code(code), style=_MISSED if code in weakest else ""), *_cells(rate))
    return table


def _code(code: str) -> str:
    return f"{code:<3} {CODE_TITLES[code]}"


def _cells(rate: Rate) -> list[str]:
    return [f"{rate.followed}/{rate.n}", number(rate.rate), span(rate.low, rate.high), str(rate.unscored)]


def _against(summary: Summary, reference: Reference) -> Table:
    """Each category and code beside the reference's, and McNemar's test per code."""
    table = _table("Against the reference", "", "%", "reference, %", "95 % interval", "lost", "gained", "p (Holm)")
    for name, rate in summary.categories.items():
        table.add_row(TITLES[name], number(rate.rate), *of(reference.categories[name]))
    table.add_row()
    lost = lost_codes(summary)
    for code, rate in summary.codes.items():
        theirs = reference.codes[code]
        if rate.n + theirs.n == 0:
            continue
        test = summary.code_tests.get(code)
        tested = [NONE] * 3 if test is None else [str(test.lost), str(test.gained), p_value(test.p_holm)]
        title = Text(_code(code), style=_MISSED if code in lost else "")
        table.add_row(title, number(rate.rate), *of(theirs), *tested)
    return table


_SEVERITY_STYLE = {"error": "bold red", "warning": "yellow", "note": "dim"}
_ITEMS_SHOWN = 6


def defects_view(name: str, items: int, defects: Sequence[Defect]) -> list[RenderableType]:
    """Return what `speech-ifeval check-benchmark` prints: the defects, the worst first, and their counts."""
    if not defects:
        return [Text(f"{visible(name)}: {items} items, nothing found.")]
    table = Table(box=None, pad_edge=False)
    for column in ("severity", "kind", "items", "found", "expected"):
        table.add_column(column, overflow="fold")
    for defect, items_named in _one_row_a_note(defects):
        shown = ", ".join(items_named[:_ITEMS_SHOWN])
        more = f" and {len(items_named) - _ITEMS_SHOWN} more" if len(items_named) > _ITEMS_SHOWN else ""
        table.add_row(
            Text(defect.severity, style=_SEVERITY_STYLE[defect.severity]),
            defect.kind,
            Text(visible(shown + more)),
            Text(visible(defect.found)),
            Text(visible(defect.expected)),
        )
    counts = Counter((defect.severity, defect.kind) for defect in defects)
    summary = Table(
        box=None,
        pad_edge=False,
        title=Text(f"{visible(name)}: {items} items", style="italic"),
        title_justify="left",
    )
    summary.add_column("kind")
    summary.add_column("severity")
    summary.add_column("defects", justify="right")
    for severity in SEVERITIES:
        for (of_severity, kind), count in counts.items():
            if of_severity == severity:
                summary.add_row(kind, Text(severity, style=_SEVERITY_STYLE[severity]), str(count))
    return [table, "", summary]


def _one_row_a_note(defects: Sequence[Defect]) -> Iterator[tuple[Defect, list[str]]]:
    """Errors and warnings one by one; of the notes of a kind only the first, with the items of all."""
    notes: dict[str, tuple[Defect, list[str]]] = {}
    for defect in defects:
        if defect.severity != "note":
            yield defect, list(defect.items)
        else:
            notes.setdefault(defect.kind, (defect, []))[1].extend(defect.items)
    yield from notes.values()


def constraints_view(rows: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
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
            *map(Text, (row["id"] if first else "", (row["code"] or NONE) if first else "", kwargs)),
            " ".join(row["rules"]),
            Text(visible(row["checks"])),
        )
    return [table]
