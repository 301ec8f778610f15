"""Tables for papers, in LaTeX and in Markdown: rates with their intervals below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from speech_ifeval.records import CODES
from speech_ifeval.report.figures import NONE, lora_cell, number, p_value, visible
from speech_ifeval.report.latex import as_printed, breakable, escape_latex, latex_table
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.plots.codes import columns_of, title_of
from speech_ifeval.report.wording_tables import told
from speech_ifeval.results import Estimate, Rate, Summary, Sweep, WordedRun

_Figure = tuple[str, str]  # as it is printed, and its interval


class PaperTable(Struct, frozen=True):
    """A table of a paper: a name for its files, a caption, cells of text, and the signatures of its figures."""

    name: str
    caption: str
    header: list[str]
    rows: list[list[str | _Figure]]
    signatures: list[str]


def rates_table(runs: Sequence[tuple[str, Summary]]) -> PaperTable:
    """Return following rates by category, IFrate, Δ and points, a row a run; their references stand last."""
    summaries = [one for _, one in runs]
    categories = [name for name in columns_of(summaries) if name in summaries[0].categories]
    with_reference = any(one.reference is not None for one in summaries)
    header = ["", *map(title_of, categories), "IFrate", *(["Δ", "points"] if with_reference else [])]
    rows: list[list[str | _Figure]] = []
    for name, one in runs:
        row: list[str | _Figure] = [visible(name), *(_of(one.categories[each]) for each in categories)]
        row.append(_of(one.ifrate))
        if with_reference:
            row += [_of(one.forgetting, signed=True), _of(one.points, signed=True)]
        rows.append(row)
    references = {
        (one.reference.name, one.reference.signature): one.reference for one in summaries if one.reference
    }
    for theirs in references.values():
        row = [f"reference {visible(theirs.name)}", *(_of(theirs.categories[each]) for each in categories)]
        rows.append([*row, _of(theirs.ifrate), NONE, NONE])
    caption = "Following rates by category and IFrate in percent"
    caption += ", forgetting rate Δ in percent, and difference in points" if with_reference else ""
    return PaperTable("rates", f"{caption}, with 95 % intervals.", header, rows, _signatures(runs))


def codes_table(runs: Sequence[tuple[str, Summary]]) -> PaperTable:
    """Return following rates by code, a row a run; those by category are in `rates_table`."""
    columns = [code for code in CODES if any(one.codes[code].n for _, one in runs)]
    rows = [[visible(name), *(_of(one.codes[code]) for code in columns)] for name, one in runs]
    caption = "Following rates by code of constraint in percent, with 95 % intervals."
    return PaperTable("codes", caption, ["", *columns], rows, _signatures(runs))


def sweep_table(name: str, found: Sweep) -> PaperTable:
    """Return a model at several scales: IFrate, Δ, points and the task, the reference first."""
    header = ["part", "scale", "factor · α / r", "IFrate", "Δ", "points", "task", "best"]
    rows: list[list[str | _Figure]] = []
    if found.reference is not None:
        theirs = found.reference
        rows.append([visible(theirs.name), NONE, NONE, _of(theirs.ifrate), NONE, NONE, _of(theirs.task), ""])
    for point in found.points:
        figures = [_of(point.ifrate), _of(point.forgetting, signed=True), _of(point.points, signed=True)]
        best = "●" if point.best else ""
        rows.append(
            [visible(point.part), f"{point.scale:g}", lora_cell(point.lora), *figures, _of(point.task), best]
        )
    caption = (
        f"{visible(found.model)} as what training changed is scaled: IFrate, Δ and task in percent, difference in "
        "points, with 95 % intervals. ●: no other point is at least as good in IFrate and in the task."
    )
    return PaperTable(name, caption, header, rows, list(dict.fromkeys(one.signature for one in found.points)))


def wording_table(name: str, run: WordedRun) -> PaperTable:
    """Return how far the wordings of each constraint lie apart: the sd of their own rates, with its interval."""
    header = ["constraint", "items", "rate", "wordings", "sd, points", "p (Holm)", "power", "finding"]
    rows: list[list[str | _Figure]] = []
    for constraint in run.constraints:
        for test in constraint.tests:
            sd: str | _Figure = number(test.sd)
            if test.low is not None and test.high is not None:
                sd = number(test.sd), f"[{test.low:.1f}, {test.high:.1f}]"
            rows.append(
                [
                    told(constraint, test),
                    str(test.n),
                    number(constraint.rate.rate),
                    str(test.levels),
                    sd,
                    NONE if test.p_holm is None else p_value(test.p_holm),
                    NONE if test.power is None else number(test.power),
                    test.finding,
                ]
            )
    caption = (
        f"{visible(run.name)}: how far the wordings of each constraint lie apart, as the standard deviation of "
        "their own following rates, with 95 % intervals."
    )
    return PaperTable(name, caption, header, rows, [run.signature])


def _of(figure: Rate | Estimate | None, *, signed: bool = False) -> str | _Figure:
    """A figure with its interval at one decimal less: a tenth of a point is more than any interval knows."""
    if figure is None:
        return NONE
    value = figure.rate if isinstance(figure, Rate) else figure.value
    if value is None:
        return NONE
    if figure.low is None or figure.high is None:
        return number(value, signed)
    low, high = (f"{end:{'+' if signed else ''}.1f}".replace("-", "−") for end in (figure.low, figure.high))
    return number(value, signed), f"[{low}, {high}]"


def _signatures(runs: Sequence[tuple[str, Summary]]) -> list[str]:
    names: dict[str, list[str]] = {}
    for name, one in runs:
        names.setdefault(one.signature, []).append(name)
    for name, one in runs:
        if one.reference is not None:
            names.setdefault(one.reference.signature, []).append(f"reference of {name}")
    return [f"{', '.join(whose)}: {signature}" for signature, whose in names.items()]


# Widths in points, set in small type at 10 points: a character of a name, of a figure, of an interval, and what
# stands between columns. The text of ACL's papers is 16 cm wide, IEEE's and ISCA's wider.
_NAME, _FIGURE, _INTERVAL, _BETWEEN = 5.0, 4.7, 3.4, 8.0
_TEXT = 450.0
_SURE = 0.85  # of a reckoned width is true of every font


def paper_latex(found: PaperTable) -> str:
    """Return the table for LaTeX: each interval in small type below its figure, a long name in its own line."""
    rows: list[list[str]] = []
    apart = any(not isinstance(cell, str) for row in found.rows for cell in row)
    room, line = _room(found)
    for at, row in enumerate(found.rows):
        name, *cells = row
        rows += [[]] if at and apart else []
        if isinstance(name, str) and len(as_printed(name)) > room:
            rows.append([breakable(name)])
            name = ""
        row = [name, *cells]
        rows.append([escape_latex(cell if isinstance(cell, str) else cell[0]) for cell in row])
        if any(not isinstance(cell, str) for cell in row):
            below = ["" if isinstance(cell, str) else escape_latex(cell[1]) for cell in row]
            rows.append([f"\\scriptsize {cell}" if cell else "" for cell in below])
    header = [escape_latex(cell) for cell in found.header]
    return latex_table(header, rows, caption=found.caption, label=found.name, notes=found.signatures, line=line)


def _room(found: PaperTable) -> tuple[int, float]:
    """Return how many characters of the first column there is room for beside all others, and the table's width.

    That is the width of a longer name's own line: below the true one, since the table stands in the middle.
    """
    taken = 0.0
    for cells in zip(found.header[1:], *(row[1:] for row in found.rows), strict=True):
        parts = [(cell, "") if isinstance(cell, str) else cell for cell in cells]
        taken += _BETWEEN + max(max(_FIGURE * len(cell), _INTERVAL * len(below)) for cell, below in parts)
    room = int((_TEXT - taken) / _NAME)
    kept = [len(as_printed(name)) for name, *_ in found.rows if isinstance(name, str)]
    names = _NAME * max((length for length in kept if length <= room), default=0)
    return room, max(200.0, _SURE * min(_TEXT, taken + names))


def paper_markdown(found: PaperTable) -> str:
    """Return the table in Markdown."""
    rows = [
        [escape(cell) if isinstance(cell, str) else f"{escape(cell[0])} {escape(cell[1])}" for cell in row]
        for row in found.rows
    ]
    parts = [escape(found.caption), table([escape(cell) for cell in found.header], rows)]
    return "\n\n".join([*parts, *map(code, found.signatures)]) + "\n"


WRITERS: dict[str, Callable[[PaperTable], str]] = {".tex": paper_latex, ".md": paper_markdown}
