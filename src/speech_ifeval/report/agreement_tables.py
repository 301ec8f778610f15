"""The agreement of two judges for people: by use, as a table of who said what, and what they disagree on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from speech_ifeval.report.figures import NONE, SIGNIFICANT, number, of, p_value, span, visible
from speech_ifeval.report.markdown import escape
from speech_ifeval.report.markdown import table as markdown_table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Difference, Disagreement, JudgeAgreement, JudgedChange, UseAgreement

SHOWN = 20  # disagreements; --items and --json have all
_MARKS = {True: "yes", False: "no"}
_LONGEST = 60  # characters of a transcript or reason on one row
_USES = {"reasoning": "chain of thought", "accuracy": "accuracy", "transcript": "transcript"}

Rows = list[list[str]]


def _agreement(found: JudgeAgreement) -> tuple[list[str], Rows]:
    header = ["use", "both scored", "equal", "%", "95 % interval", "Cohen's κ", "95 % interval", "WER, %", "95 %"]
    rows = []
    for use in found.uses:
        kappa = [NONE, NONE] if use.kappa is None else of(use.kappa)
        words = [NONE, NONE] if use.word_errors is None else of(use.word_errors)
        rows.append([_USES[use.use], str(use.n), str(use.equal), *of(use.agreement), *kappa, *words])
    return header, rows


def _confusions(found: JudgeAgreement) -> tuple[list[str], Rows]:
    first, second = found.judges
    header = [f"{visible(first)} / {visible(second)}", "yes / yes", "yes / no", "no / yes", "no / no"]
    rows = [
        [_USES[use.use], *(str(use.confusion[cell]) for cell in ("yes_yes", "yes_no", "no_yes", "no_no"))]
        for use in found.uses
        if use.confusion is not None
    ]
    return header, rows


def _by_side(found: JudgeAgreement) -> tuple[list[str], Rows]:
    header = ["accuracy: equal verdicts", "without", "%", "95 % interval", "with", "%", "95 % interval"]
    return header, [
        [_group(row), str(row.plain.n), *of(row.plain), str(row.constrained.n), *of(row.constrained)]
        for row in found.changes
    ]


def _changes(found: JudgeAgreement) -> tuple[list[str], Rows]:
    header = [
        "accuracy with the constraint",
        "judge",
        "twins",
        "without, %",
        "with, %",
        "points",
        "95 % interval",
        "p",
    ]
    rows = []
    for row in found.changes:
        if row.twins:
            for judge, right, change in zip(found.judges, row.right, row.changes, strict=True):
                rates = (number(100 * count / row.twins) for count in right)
                rows.append([_group(row), visible(judge), str(row.twins), *rates, *_difference(change)])
            rows.append([_group(row), "second less first", str(row.twins), NONE, NONE, *_difference(row.apart)])
    return header, rows


def _group(row: JudgedChange) -> str:
    return "all closed questions" if row.by == "all" else f"· {visible(row.group)}"


def _difference(change: Difference) -> list[str]:
    p = NONE if change.p_holm is None else p_value(change.p_holm)
    return [number(change.value, signed=True), span(change.low, change.high, signed=True), p]


def _left_out(found: JudgeAgreement) -> tuple[list[str], Rows]:
    first, second = (visible(name) for name in found.judges)
    header = ["not compared", f"only {first}", f"only {second}", "other reply"]
    header += [f"unscored by {first}", f"unscored by {second}"]
    rows = [
        [_USES[use.use], *map(str, use.alone), str(use.other_reply), *map(str, use.unscored)]
        for use in found.uses
        if _incomplete(use)
    ]
    return header, rows


def _incomplete(use: UseAgreement) -> bool:
    return bool(any(use.alone) or use.other_reply or any(use.unscored))


def _apart(found: JudgeAgreement, most: int | None) -> tuple[list[str], Rows]:
    first, second = (visible(name) for name in found.judges)
    header = ["they disagree on", "use", first, second, f"{first}: why", f"{second}: why"]
    return header, [
        [visible(row.item), _USES[row.use], *(_said(row, side) for side in (0, 1)), *map(_short, row.reasons)]
        for row in found.disagreements[:most]
    ]


def _said(row: Disagreement, side: int) -> str:
    said = row.verdicts[side]
    return _short(said) if isinstance(said, str) else _MARKS[said]


def _short(text: str | None) -> str:
    if not text:
        return NONE
    shown = visible(" ".join(text.split()))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def _sentences(found: JudgeAgreement, most: int | None) -> Iterator[str]:
    for use in found.uses:
        for estimate in (use.kappa, use.word_errors):
            if estimate is not None and estimate.why:
                yield f"{_USES[use.use].capitalize()}: {estimate.why}."
    apart = [row for row in found.changes if row.apart.p_holm is not None and row.apart.p_holm < SIGNIFICANT]
    for row in apart:
        where = "of all closed questions" if row.by == "all" else f"of {visible(row.group)}"
        first, second = (number(change.value, signed=True) for change in row.changes)
        yield (
            f"The two see different changes {where}, {first} points and {second}: "
            "a change by one of them is not to be set beside one by the other."
        )
    hidden = 0 if most is None else len(found.disagreements) - most
    if hidden > 0:
        yield f"{len(found.disagreements)} disagreements; {hidden} more than shown are in --items and --json."
    for note in found.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def _figures(found: JudgeAgreement) -> Iterator[tuple[Sequence[str], Rows]]:
    yield _agreement(found)
    for header, rows in (_confusions(found), _by_side(found), _changes(found), _left_out(found)):
        if rows:
            yield header, rows


def agreement_view(found: JudgeAgreement, *, all_items: bool = False) -> list[RenderableType]:
    """Return what `speech-ifeval judge-agreement` prints."""
    most = None if all_items else SHOWN
    parts: list[RenderableType] = []
    for header, rows in _figures(found):
        parts += [figures_table(header, rows), ""]
    if found.disagreements:
        parts += [_texts(*_apart(found, most)), ""]
    return parts + [Text(f"• {sentence}") for sentence in _sentences(found, most)]


def _texts(header: Sequence[str], rows: Rows) -> Table:
    """A table of words: the item stands whole, the rest is folded into the terminal's width."""
    shown = Table(box=None, pad_edge=False)
    for index, column in enumerate(header):
        shown.add_column(Text(column), overflow="fold", no_wrap=index < 2)
    for row in rows:
        shown.add_row(*map(Text, row))
    return shown


def agreement_markdown(found: JudgeAgreement, *, all_items: bool = False) -> str:
    """Return the agreement as Markdown tables."""
    most = None if all_items else SHOWN
    parts = [
        markdown_table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in [*_figures(found), *([_apart(found, most)] if found.disagreements else [])]
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found, most)))
    return "\n\n".join(part for part in parts if part) + "\n"
