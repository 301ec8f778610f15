"""A comparison for people: runs side by side, their paired differences, and what flipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.records import JUDGED_CODE
from speech_ifeval.report.figures import CODE_TITLES, NONE, number, of, p_value, span, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.task_tables import task_row, task_titles
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Comparison, Difference

_FLIPS_SHOWN = 20
_SHORT_TITLES = {"closed-ended": "Closed", "creative-writing": "Creative", "chain-of-thought": "CoT"}

Rows = list[list[str]]


def _runs(comparison: Comparison) -> tuple[list[str], Rows]:
    header = ["run", "IFrate, %", "95 % interval", "rank"]
    with_forgetting = any(run.forgetting for run in comparison.runs)
    if with_forgetting:
        header += ["Δ, %", "95 % interval", "points", "reference"]
    rows = []
    for run in comparison.runs:
        row = [visible(run.name), *of(run.ifrate), _rank(run.rank)]
        if with_forgetting:
            forgetting = [NONE, NONE] if run.forgetting is None else of(run.forgetting, signed=True)
            points = None if run.points is None else run.points.value
            reference = visible(run.reference or NONE) + " (wide)" * run.reference_wide
            row += [*forgetting, number(points, signed=True), reference]
        rows.append(row)
    return header, rows


def _rates(comparison: Comparison) -> tuple[list[str], Rows]:
    # Chain of thought is a category and a code; once is enough.
    shown = [code for code in CODE_TITLES if code != JUDGED_CODE]
    codes = [code for code in shown if any(run.codes[code].n for run in comparison.runs)]
    header = ["rates, %", *_SHORT_TITLES.values(), *codes]
    return header, [
        [
            visible(run.name),
            *(number(run.categories[category].rate) for category in _SHORT_TITLES),
            *(number(run.codes[code].rate) for code in codes),
        ]
        for run in comparison.runs
    ]


def _task_level(comparison: Comparison) -> tuple[list[str], Rows]:
    tasks = [run.task for run in comparison.runs if run.task is not None]
    groups = {name: group for task in tasks for name, group in task.datasets.items()}
    header = ["answers, % without → with constraint", *task_titles(groups)]
    rows = [[visible(run.name), *task_row(run.task, list(groups))] for run in comparison.runs]
    return header, rows if groups else []


def _rank(rank: tuple[int, int] | None) -> str:
    if rank is None:
        return NONE
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]} to {rank[1]}"


def _differences(comparison: Comparison) -> tuple[list[str], Rows]:
    header = ["difference", "IFrate, points", "95 % interval", "p", "p (Holm)"]
    with_forgetting = any(pair.forgetting for pair in comparison.pairs)
    if with_forgetting:
        header += ["Δ, points", "95 % interval", "p", "p (Holm)"]
    header += ["gained", "lost"]
    rows = []
    for pair in comparison.pairs:
        names = [visible(comparison.runs[index].name) for index in (pair.second, pair.first)]
        row = [" − ".join(names), *_difference(pair.ifrate)]
        if with_forgetting:
            row += _difference(pair.forgetting)
        rows.append([*row, str(pair.gained), str(pair.lost)])
    return header, rows


def _difference(difference: Difference | None) -> list[str]:
    if difference is None or difference.p is None or difference.p_holm is None:
        return [NONE] * 4
    return [
        number(difference.value, signed=True),
        span(difference.low, difference.high, signed=True),
        p_value(difference.p),
        p_value(difference.p_holm),
    ]


def _flips(comparison: Comparison) -> tuple[list[str], Rows]:
    marks = {True: "yes", False: "no", None: NONE}
    header = ["flipped item", "constraint", *(visible(run.name) for run in comparison.runs)]
    rows = [
        [visible(flip.item), flip.constraint, *(marks[followed] for followed in flip.followed)]
        for flip in comparison.flips[:_FLIPS_SHOWN]
    ]
    return header, rows


def _sentences(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.family}."
    hidden = len(comparison.flips) - _FLIPS_SHOWN
    if hidden > 0:
        yield f"{len(comparison.flips)} verdicts differ between the runs; {hidden} more than shown are in --json."
    for run in comparison.runs:
        if run.ifrate.why:
            yield f"{visible(run.name)} has no IFrate: {run.ifrate.why}."
        if run.reference_wide:
            yield (
                f"The reference of {visible(run.name)} is known to no better than a tenth of its IFrate: read the "
                "points beside Δ."
            )
    for note in comparison.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def _signatures(comparison: Comparison) -> Iterator[str]:
    shared = {run.signature for run in comparison.runs}
    if len(shared) == 1:
        yield visible(comparison.runs[0].signature)
    else:
        for run in comparison.runs:
            yield visible(f"{run.name} {run.signature}")


def _tables(comparison: Comparison) -> Iterator[tuple[Sequence[str], Rows]]:
    yield _runs(comparison)
    yield _rates(comparison)
    if any(run.task is not None for run in comparison.runs):
        yield _task_level(comparison)
    yield _differences(comparison)
    if comparison.flips:
        yield _flips(comparison)


def comparison_view(comparison: Comparison) -> list[RenderableType]:
    """Return what `speech-ifeval compare` prints."""
    parts: list[RenderableType] = []
    for header, rows in _tables(comparison):
        parts += [figures_table(header, rows), ""]
    parts += [Text(f"• {sentence}") for sentence in _sentences(comparison)]
    parts += ["", *(Text(line, style="dim", overflow="fold") for line in _signatures(comparison))]
    return parts


def comparison_markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown tables."""
    parts = [
        table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in _tables(comparison)
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(comparison)))
    parts += [code(line) for line in _signatures(comparison)]
    return "\n\n".join(parts) + "\n"
