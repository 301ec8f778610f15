"""Constraint sensitivity for people: what appeared, which answers changed, what it cost in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import CODE_TITLES, NONE, number, of, p_value, span, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Behaviour, ChangedAnswers, Difference, Sensitivity, WordErrorChange

_TITLES = {
    "wrong": "wrong answers to closed questions",
    "contradicted": "judged wrong, though the answer is said to be the label",
    "empty": "empty replies",
    "echo": "replies that say the instruction over",
    "made-up": "made-up answers",
}
_METRICS = {"wer": "transcripts", "accuracy": "closed questions"}
_ANSWERS = {"wer": "another transcript", "accuracy": "another answer to a closed question"}

Rows = list[list[str]]


def _behaviours(found: Sensitivity) -> tuple[list[str], Rows]:
    header = ["replies to twins", "twins", "without", "with", "appeared", "gone", "points", "95 % interval", "p"]
    header += _against_header(found)
    rows = []
    for row in found.behaviours:
        counts = (row.n, row.plain, row.constrained, len(row.appeared), len(row.disappeared))
        cells = [_place(_TITLES[row.name], row), *map(str, counts), *_change(row.change)]
        rows.append(cells + _against(found, row))
    return header, rows


def _answers(found: Sensitivity) -> tuple[list[str], Rows]:
    header = ["answers to twins", "told", "changed", "%", "95 % interval", "untold", "% if none, if all of these"]
    return header, [
        [
            _place(_ANSWERS[row.metric], row),
            *(str(row.n), str(row.changed)),
            *of(row.rate),
            str(row.untold),
            NONE if row.if_untold is None else span(*row.if_untold),
        ]
        for row in found.answers
    ]


def _word_errors(found: Sensitivity) -> tuple[list[str], Rows]:
    header = ["word error rate", "twins", "words", "without, %", "with, %", "more", "fewer"]
    header += ["points", "95 % interval", "p", *_against_header(found)]
    rows = []
    for row in found.word_errors:
        cells = [_place("all transcripts", row), str(row.n), str(row.words)]
        cells += [number(row.plain), number(row.constrained), str(len(row.items)), str(len(row.fewer))]
        rows.append(cells + _change(row.change) + _against(found, row))
    return header, rows


def _place(title: str, row: Behaviour | ChangedAnswers | WordErrorChange) -> str:
    if row.by == "all":
        return title
    if row.by == "metric":
        return f"{title}: {_METRICS[row.group]}"
    named = row.group
    if row.by == "code" and row.group in CODE_TITLES:
        named = f"{row.group} ({CODE_TITLES[row.group]})"
    return f"· {visible(named)}"


def _change(change: Difference) -> list[str]:
    p = NONE if change.p_holm is None else p_value(change.p_holm)
    return [number(change.value, signed=True), span(change.low, change.high, signed=True), p]


def _against_header(found: Sensitivity) -> list[str]:
    return [] if found.reference is None else ["less reference", "95 % interval", "p"]


def _against(found: Sensitivity, row: Behaviour | WordErrorChange) -> list[str]:
    if found.reference is None:
        return []
    return [NONE] * 3 if row.against_reference is None else _change(row.against_reference)


def _sentences(found: Sensitivity) -> Iterator[str]:
    yield (
        "Of twins, the same question without and with its constraint. p: McNemar's test of counts, a permutation "
        "test of word errors; Holm over the data sets, the codes and the constraints."
    )
    if found.reference is not None:
        yield f"Less reference: what remains when the change of {visible(found.reference)} is taken off."
    for row in found.word_errors:
        if row.change.why and row.n:
            yield f"No interval for {visible(row.group)}: {row.change.why}."
    for note in found.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def _items(found: Sensitivity) -> tuple[list[str], Rows]:
    """The items behind each count; by data set or code they are the same ones again."""
    rows = []
    for row in found.behaviours:
        if row.by in ("all", "metric"):
            for what, items in (("appeared", row.appeared), ("gone", row.disappeared)):
                rows += [[_place(_TITLES[row.name], row), what, visible(item)] for item in items]
    for answer in found.answers:
        if answer.by == "all":
            rows += [[_ANSWERS[answer.metric], "changed", visible(item)] for item in answer.items]
    for errors in found.word_errors:
        if errors.by == "all":
            for what, items in (("more", errors.items), ("fewer", errors.fewer)):
                rows += [["word errors", what, visible(item)] for item in items]
    rows += [[_TITLES["contradicted"], "judge", visible(item)] for item in found.contradicted]
    return ["items", "", ""], rows


def _tables(found: Sensitivity, items: bool) -> Iterator[tuple[Sequence[str], Rows]]:
    for header, rows in (_behaviours(found), _answers(found), _word_errors(found)):
        if rows:
            yield header, rows
    if items:
        yield _items(found)


def sensitivity_view(found: Sensitivity, *, items: bool = False) -> list[RenderableType]:
    """Return what `speech-ifeval sensitivity` prints."""
    parts: list[RenderableType] = [Text(f"{visible(found.name)}: {found.twins} twins", style="bold"), ""]
    for header, rows in _tables(found, items):
        parts += [figures_table(header, rows), ""]
    parts += [Text(f"• {sentence}") for sentence in _sentences(found)]
    return [*parts, "", Text(visible(found.signature), style="dim", overflow="fold")]


def sensitivity_markdown(found: Sensitivity, *, items: bool = False) -> str:
    """Return the sensitivity as Markdown tables."""
    parts = [
        table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in _tables(found, items)
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found)))
    return "\n\n".join([*parts, code(found.signature)]) + "\n"
