"""A leaderboard for people: groups of comparable runs, and the published rows in a block of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.records import CATEGORIES
from speech_ifeval.report.figures import NONE, number, of, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import (
    Comparison,
    Leaderboard,
    LeaderboardGroup,
    PublishedBlock,
    PublishedRow,
    Ranked,
    Recomputed,
)

DIFFERS = "≠"  # the mark of a printed figure that its own columns do not give
SHORT_TITLES = {"closed-ended": "Closed", "creative-writing": "Creative", "chain-of-thought": "CoT"}
_WORDS = {
    "benchmark": "benchmark",
    "rules": "rule set",
    "verifiers": "verifiers",
    "loose": "loose pass",
    "missing": "missing responses",
    "subset": "items asked",
    "judge": "judge",
    "contaminated": "items trained on",
}

Rows = list[list[str]]


class Section(Struct, frozen=True):
    """A part of the page: its title, tables (header and rows), sentences, and lines that are printed as code."""

    title: str
    tables: list[tuple[list[str], Rows]]
    sentences: list[str]
    lines: list[str]


def sections(board: Leaderboard) -> Iterator[Section]:
    """Yield a section for each group, the published block, and what is to be known of the whole.

    Cells and sentences hold names as they are, control characters made visible; escape them as the output needs.
    """
    for at, group in enumerate(board.groups):
        yield _group(group, first=at == 0)
    if board.notes:
        yield Section("Not taken in", [], [f"{visible(note)}." for note in board.notes], [])
    if board.published is not None:
        yield _published(board.published)


def _group(group: LeaderboardGroup, *, first: bool) -> Section:
    title = f"{visible(group.settings['benchmark'])}, rules {group.settings['rules']}"
    title = f"{title}, judge {visible(group.settings['judge'])}" + ("" if first else " (not comparable)")
    tables = [] if group.comparison is None else list(_tables(group, group.comparison))
    if group.unranked:
        tables.append((["no place", "why"], [[visible(one.name), visible(one.why)] for one in group.unranked]))
    lines = [one.signature for one in group.unranked]
    if group.comparison is not None:
        lines = [group.comparison.runs[one.run].signature for one in group.ranked] + lines
    return Section(title, tables, list(_sentences(group)), [visible(line) for line in dict.fromkeys(lines)])


def _tables(group: LeaderboardGroup, compared: Comparison) -> Iterator[tuple[list[str], Rows]]:
    header = ["run", "place", "rank interval", "tied with", "IFrate, %", "95 % interval"]
    with_forgetting = any(run.forgetting is not None for run in compared.runs)
    header += ["Δ, %", "95 % interval", "points", "reference"] if with_forgetting else []
    places = {one.run: one.place for one in group.ranked}
    rows = []
    for one in group.ranked:
        run = compared.runs[one.run]
        row = [visible(run.name), str(one.place), rank_cell(one), _tied(one, places), *of(run.ifrate)]
        if with_forgetting:
            delta = (NONE, NONE) if run.forgetting is None else of(run.forgetting, signed=True)
            points = number(None if run.points is None else run.points.value, signed=True)
            row += [*delta, points, visible(run.reference or NONE) + " (wide)" * run.reference_wide]
        rows.append(row)
    yield header, rows
    rates = [
        [
            visible(compared.runs[one.run].name),
            *(cell for name in CATEGORIES for cell in of(compared.runs[one.run].categories[name])),
            str(compared.runs[one.run].ifrate.n),
            str(compared.runs[one.run].ifrate.unscored),
        ]
        for one in group.ranked
    ]
    titles = [cell for name in CATEGORIES for cell in (f"{SHORT_TITLES[name]}, %", "95 % interval")]
    yield ["rates", *titles, "scored", "unscored"], rates


def rank_cell(one: Ranked) -> str:
    """The ranks that the tests leave a run.

    >>> rank_cell(Ranked(0, 2, 1, 3, [])), rank_cell(Ranked(0, 1, 1, 1, []))
    ('1 to 3', '1')
    """
    return str(one.low) if one.low == one.high else f"{one.low} to {one.high}"


def _tied(one: Ranked, places: dict[int, int]) -> str:
    """The places of those it is tied with, runs of places as one."""
    parts: list[list[int]] = []
    for place in sorted(places[other] for other in one.tied):
        if parts and place <= parts[-1][-1] + 1:
            parts[-1].append(place)
        else:
            parts.append([place])
    return ", ".join(str(part[0]) if part[0] == part[-1] else f"{part[0]}–{part[-1]}" for part in parts) or NONE


def _sentences(group: LeaderboardGroup) -> Iterator[str]:
    if group.apart:
        told = "; ".join(
            f"{_WORDS[one.key]} {visible(one.first)} there, {visible(one.here)} here" for one in group.apart
        )
        yield f"Cannot be ranked with the first table: {told}."
    if group.comparison is None:
        return
    if len(group.ranked) > 1:
        yield (
            "Tied with: places of the runs that a paired test on the same items does not tell apart at p (Holm) < "
            "0.05. Overlapping intervals are no test."
        )
        yield "Rank interval: the places that these tests leave a run, all runs' at once at 95 %."
    yield f"{group.comparison.family}."
    yield from (f"{visible(note[0].upper() + note[1:])}." for note in group.comparison.notes)
    for run in group.comparison.runs:
        if run.reference_wide:
            yield f"The reference of {visible(run.name)} has a wide interval: read the points beside Δ."


def _published(block: PublishedBlock) -> Section:
    tables = []
    for kind, head in (("slm", "published model"), ("reference", "published text LLM")):
        rows = [row for row in block.rows if row.kind == kind]
        header = [head, "by IFrate", *(f"{SHORT_TITLES[name]}, %" for name in CATEGORIES)]
        header += ["IFrate, %", "printed"]
        if kind == "slm":
            header += ["Δ, %", "printed", "reference"]
        tables.append((header, [_row(row) for row in rows]))
    sentences = [
        f"From {block.source.title} (arXiv {block.source.arxiv}); IFrate and Δ are computed from the columns. "
        f"{DIFFERS}: printed otherwise."
    ]
    sentences += [f"{visible(note[0].upper() + note[1:])}." for note in block.notes]
    return Section("Published results", tables, sentences, [])


def _row(row: PublishedRow) -> list[str]:
    cells = [visible(row.name), str(row.place), *(number(row.rates[name]) for name in CATEGORIES)]
    cells += _beside(row.ifrate)
    if row.kind == "slm":
        cells += [*_beside(row.forgetting, signed=True), visible(row.reference or NONE)]
    return cells


def _beside(figure: Recomputed, *, signed: bool = False) -> list[str]:
    printed = number(figure.printed, signed) + f" {DIFFERS}" * figure.differs
    return [number(figure.value, signed), printed]


def leaderboard_view(board: Leaderboard) -> list[RenderableType]:
    """Return what `speech-ifeval leaderboard` prints."""
    parts: list[RenderableType] = []
    for section in sections(board):
        parts += [Text(section.title, style="bold"), ""]
        for header, rows in section.tables:
            parts += [figures_table(header, rows), ""]
        parts += [Text(f"• {sentence}") for sentence in section.sentences]
        parts += ["", *(Text(line, style="dim", overflow="fold") for line in section.lines)]
        parts += [""] if section.lines else []
    return parts[:-1]


def leaderboard_markdown(board: Leaderboard) -> str:
    """Return the leaderboard as Markdown tables."""
    parts: list[str] = []
    for section in sections(board):
        parts.append(f"### {escape(section.title)}")
        parts += [_markdown(header, rows) for header, rows in section.tables]
        parts.append("\n".join(f"- {escape(sentence)}" for sentence in section.sentences))
        parts += map(code, section.lines)
    return "\n\n".join(parts) + "\n"


def _markdown(header: Sequence[str], rows: Rows) -> str:
    return table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
