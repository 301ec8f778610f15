"""A submission for people: what was packed, and what holds of one that was verified, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from speech_ifeval.report.figures import visible
from speech_ifeval.report.terminal import figures_table
from speech_ifeval.results import Claim, Submitted, Verification

_MARKS = {True: "✓", False: "✗", None: "–"}
_STYLES = {True: "green", False: "bold red", None: "yellow"}


def submitted_view(packed: Submitted) -> list[RenderableType]:
    """Return what `speech-ifeval submit` prints."""
    return [*(Text(sentence, overflow="fold") for sentence in _packed(packed)), Text(""), _dim(packed.signature)]


def _packed(packed: Submitted) -> Iterator[str]:
    beside = " and its reference" if packed.with_reference else ""
    yield f"Packed {visible(packed.name)}{beside} into {visible(packed.file)}: {packed.bytes:,} bytes."
    yield f"SHA-256 {packed.sha256}"
    if packed.withheld:
        yield f"{packed.withheld:,} texts of {packed.items:,} items are withheld; their hashes are in it."
    else:
        yield f"All texts of {packed.items:,} items are in it: their licences allow that."
    if packed.changed:
        yield f"{packed.changed} texts told of a machine, and now do not."
    yield "The responses and the judge's replies are in it as they are: look at them before you pass them on."


def verification_view(found: Verification) -> list[RenderableType]:
    """Return what `speech-ifeval verify` prints: each claim, what contradicts it, and what it all proves."""
    parts: list[RenderableType] = [Text(f"{visible(found.file)}: {visible(found.name)}", style="bold")]
    parts += [_claim(claim) for claim in found.claims]
    for claim in found.claims:
        if claim.contradictions:
            parts += ["", *_contradictions(claim)]
    parts += ["", Text(verdict_sentence(found), style="bold" if found.holds else "bold red")]
    parts += [Text(f"• {visible(sentence)}") for sentence in found.proves]
    return [*parts, "", _dim(found.signature), _dim(f"SHA-256 {found.sha256}")]


def verdict_sentence(found: Verification) -> str:
    """Return the whole in a sentence.

    >>> verdict_sentence(Verification("a.zip", "", "mine", "", "", "", True, (Claim("files", True, ""),), ()))
    'It holds: 1 of 1 claims.'
    """
    held = sum(claim.holds is True for claim in found.claims)
    unchecked = [visible(claim.name) for claim in found.claims if claim.holds is None]
    refuted = [visible(claim.name) for claim in found.claims if claim.holds is False]
    if refuted:
        return f"It does not hold: {', '.join(refuted)}."
    beside = f"; not checked: {', '.join(unchecked)}" if unchecked else ""
    return f"It holds: {held} of {len(found.claims)} claims{beside}."


def _claim(claim: Claim) -> Text:
    text = Text(f"{_MARKS[claim.holds]} ", style=_STYLES[claim.holds])
    wrong = f"; {claim.count:,} wrong" if claim.count else ""
    return text.append(f"{visible(claim.name)}: {visible(claim.detail)}{wrong}", style="default")


def _contradictions(claim: Claim) -> Iterator[RenderableType]:
    rows = [[visible(one.item), visible(one.expected), visible(one.found)] for one in claim.contradictions]
    yield figures_table([f"{visible(claim.name)}: {claim.count} wrong", "expected", "found"], rows)
    if claim.count > len(rows):
        yield Text(f"and {claim.count - len(rows)} more")


def _dim(line: str) -> Text:
    return Text(visible(line), style="dim", overflow="fold")
