"""The isolation check for people: two verdicts, whether the audio is used, and what stands behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import CODE_TITLES, NONE, TITLES, number, of, p_value, span, visible
from speech_ifeval.report.markdown import code, escape, table
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Contrast, Difference, Isolation, PairedChange

QUESTIONS = {"audio to following": "Audio → following", "constraint to perception": "Constraint → perception"}
_SECONDS = {
    "swapped": "another clip",
    "rephrased": "other words",
    "placebo": "a neutral sentence",
    "repeated": "asked again",
    "silent": "silence",
    "constrained": "with the constraint",
}
_GROUPS = {**TITLES, "wer": "transcripts", "accuracy": "closed questions"}
_KINDS = {"form": "on form", "content": "on content"}
DESCRIBED = "silent"  # no verdict: what silence does says nothing of either question
_PLACEBO = "placebo"

Rows = list[list[str]]


def _contrasts(found: Isolation, title: str, rows: Sequence[Contrast]) -> tuple[list[str], Rows]:
    header = [title, "items", "before, %", "after, %", "worse", "better", "points", "95 % interval", "p", "p same"]
    header += ["power, %", "verdict"]
    against = any(row.against_reference is not None for row in rows)
    header += ["less reference", "95 % interval", "power, %", "verdict"] * against
    return header, [_contrast(row, against) for row in rows]


def _contrast(row: Contrast, against: bool) -> list[str]:
    cells = [
        place_of(row),
        str(row.n),
        number(row.before),
        number(row.after),
        str(len(row.worse)),
        str(len(row.better)),
    ]
    held = _held(row.change)
    if row.second == DESCRIBED:
        held = [*held[:2], *[NONE] * 4]
    cells += held
    if against:
        less = row.against_reference
        cells += [NONE] * 4 if less is None else [*_value(less), f"{less.power:.0f}", less.verdict]
    return cells


def _held(change: PairedChange) -> list[str]:
    power = f"{change.power:.0f}"
    return [*_value(change), p_value(change.p_holm), p_value(change.p_equivalent), power, change.verdict]


def _value(change: PairedChange | Difference) -> list[str]:
    return [number(change.value, signed=True), span(change.low, change.high, signed=True)]


def place_of(row: Contrast) -> str:
    """Return what a row is called: the second condition, or the group of items."""
    if row.by != "all":
        name = f"{row.group} ({CODE_TITLES[row.group]})" if row.group in CODE_TITLES else row.group
        return f"· {visible(_GROUPS.get(row.group, _KINDS.get(row.group, name)))}"
    than = ", against a neutral sentence" if row.first == _PLACEBO else ""
    return _SECONDS[row.second] + than


def _flips(found: Isolation) -> tuple[list[str], Rows]:
    header = ["verdicts that flip", "items", "another clip, %", "95 % interval", "clip kept, %", "95 % interval"]
    header += ["points", "95 % interval", "p", "p same", "power, %", "verdict"]
    rows = []
    for row in found.flips:
        cells = [f"than with {_SECONDS[row.floor]}" if row.floor == "rephrased" else "than when asked again"]
        rows.append([*cells, str(row.excess.n), *of(row.swapped), *of(row.kept), *_held(row.excess)])
    return header, rows


def _word_errors(found: Isolation) -> tuple[list[str], Rows]:
    header = ["word error rate", "items", "words", "before, %", "after, %", "points", "95 % interval", "p"]
    rows = []
    for row in found.word_errors:
        p = NONE if row.change.p is None else p_value(row.change.p)
        cells = [_SECONDS[row.second], str(row.n), str(row.words), number(row.before), number(row.after)]
        rows.append([*cells, *_value(row.change), p])
    return header, rows


def _kinds(found: Isolation) -> tuple[list[str], Rows]:
    header = ["content less form", "content", "form", "points", "95 % interval", "p"]
    rows = []
    for row in found.kinds:
        p = NONE if row.change.p is None else p_value(row.change.p)
        what = "followed" if row.outcome == "following" else "answers"
        cells = [f"{what}: {_SECONDS[row.second]}", str(row.content), str(row.form)]
        rows.append([*cells, *_value(row.change), p])
    return header, rows


def _items(found: Isolation) -> tuple[list[str], Rows]:
    rows = []
    for title, contrasts in (("followed", found.following), ("answers", found.perception)):
        for row in contrasts:
            if row.by == "all":
                for what, items in (("worse", row.worse), ("better", row.better)):
                    rows += [[f"{title}: {place_of(row)}", what, visible(item)] for item in items]
    return ["items", "", ""], rows


def _tables(found: Isolation, items: bool) -> Iterator[tuple[Sequence[str], Rows]]:
    parts = [
        _contrasts(found, "is the audio used? answers", found.control),
        _contrasts(found, "constraints followed", found.following),
        _flips(found),
        _contrasts(found, "answers to questions without a constraint", found.perception),
        _word_errors(found),
        _kinds(found),
    ]
    for header, rows in (*parts, *([_items(found)] if items else [])):
        if rows:
            yield header, rows


def _verdicts(found: Isolation) -> Iterator[str]:
    for finding in found.findings:
        yield f"{QUESTIONS[finding.question]}: {finding.verdict}: {visible(finding.why)}."


def _sentences(found: Isolation) -> Iterator[str]:
    yield (
        f"same: a change of {found.margin:g} points is ruled out (p same < 0.05, two one-sided tests). differs: "
        "that is not so, and p < 0.05. undecided: neither; power says how often so many items would show it."
    )
    moved = found.carried
    if moved is not None and moved.correlation is not None:
        yield (
            f"Following moves with the clip: correlation {number(moved.correlation)} over {moved.n} items; by "
            f"chance {span(moved.chance_low, moved.chance_high)} (95 % of {moved.draws} draws of clips), p "
            f"{p_value(moved.p)}."
        )
    if found.reference is not None:
        yield f"Less reference: what remains when the change of {visible(found.reference)} is taken off."
    for note in found.notes:
        yield f"{visible(note[0].upper() + note[1:])}."


def isolation_view(found: Isolation, *, items: bool = False) -> list[RenderableType]:
    """Return what `speech-ifeval isolation` prints."""
    parts: list[RenderableType] = [Text(f"{visible(found.name)}: margin {found.margin:g} points", style="bold")]
    parts += [*(Text(sentence) for sentence in _verdicts(found)), ""]
    for header, rows in _tables(found, items):
        parts += [figures_table(header, rows), ""]
    parts += [Text(f"• {sentence}") for sentence in _sentences(found)]
    return [*parts, "", Text(visible(found.signature), style="dim", overflow="fold")]


def isolation_markdown(found: Isolation, *, items: bool = False) -> str:
    """Return the isolation check as Markdown tables."""
    parts = ["\n".join(f"- {escape(sentence)}" for sentence in _verdicts(found))]
    parts += [
        table([escape(cell) for cell in header], [[escape(cell) for cell in row] for row in rows])
        for header, rows in _tables(found, items)
    ]
    parts.append("\n".join(f"- {escape(sentence)}" for sentence in _sentences(found)))
    return "\n\n".join([*parts, code(found.signature)]) + "\n"
