"""A summary as Markdown tables, for papers and pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from speech_ifeval.report.figures import CODE_TITLES, TITLES, findings, number, of, span, visible
from speech_ifeval.report.task_tables import TITLE as TASK_TITLE
from speech_ifeval.report.task_tables import task_parts_table, task_sentences, task_table
from speech_ifeval.results import Summary

_MARKUP = re.compile(r"[\\`*_\[\]|~]")
_TICKS = re.compile("`+")


def escape(text: str) -> str:
    r"""Write a name so that it cannot break a table, become markup or steer a terminal.

    >>> escape("a|b<c>\nd_e")
    'a\\|b&lt;c&gt;\\\\nd\\_e'
    """
    plain = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\g<0>", plain)


def code(text: str) -> str:
    """Write a line as code, whatever is in it.

    >>> code("a|b"), code("a`b")
    ('`a|b`', '`` a`b ``')
    """
    shown = visible(text)
    if "`" not in shown:
        return f"`{shown}`"
    fence = "`" * (1 + max(map(len, _TICKS.findall(shown))))
    return f"{fence} {shown} {fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, the first column left-aligned and the others right-aligned.

    >>> print(table(["code", "%"], [["JS", "64.40"]]))
    | code | % |
    | :-- | --: |
    | JS | 64.40 |
    """
    align = [":--"] + ["--:"] * (len(header) - 1)
    lines = [header, align, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def summary_markdown(summary: Summary) -> str:
    """Return the summary as Markdown: headline figures, categories, codes, findings, signature."""
    headline = [["IFrate, %", *of(summary.ifrate), str(summary.ifrate.n), str(summary.ifrate.unscored)]]
    if summary.reference is not None and summary.forgetting is not None and summary.points is not None:
        theirs = summary.reference.ifrate
        headline += [
            [f"IFrate of {escape(summary.reference.name)}, %", *of(theirs), str(theirs.n), str(theirs.unscored)],
            ["Forgetting rate Δ, %", *of(summary.forgetting, signed=True), "", ""],
            ["Difference, points", *of(summary.points, signed=True), "", ""],
        ]
    rates = [(TITLES[name], rate) for name, rate in summary.categories.items()]
    rates += [
        (f"{code} ({CODE_TITLES[code]})", rate) for code, rate in summary.codes.items() if rate.n + rate.unscored
    ]
    parts = [
        f"### {escape(summary.name)}",
        table(["", "value", "95 % interval", "scored", "unscored"], headline),
        table(
            ["", "followed", "%", "95 % interval", "unscored"],
            [
                [
                    name,
                    f"{rate.followed}/{rate.n}",
                    number(rate.rate),
                    span(rate.low, rate.high),
                    str(rate.unscored),
                ]
                for name, rate in rates
            ],
        ),
        *_task_level(summary),
        "\n".join(f"- {escape(sentence)}" for sentence in (*findings(summary), *task_sentences(summary))),
        code(summary.signature),
    ]
    if summary.reference is not None:
        parts.append(f"Reference: {code(summary.reference.signature)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _task_level(summary: Summary) -> Iterator[str]:
    if summary.task is None:
        return
    yield f"#### {TASK_TITLE}"
    for header, rows in (
        task_table(summary.task),
        task_parts_table(summary.task),
        task_parts_table(summary.task, by_constraint=True),
    ):
        if rows:
            yield table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
