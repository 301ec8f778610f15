"""Wrapping the reply (code WR): quotation marks, double angular brackets."""

from __future__ import annotations

import re

from speech_ifeval.constraints.registry import Miss, Verifier, constraint

_OTHER_QUOTES = "“”„‟«»‘’'`″＂"


@constraint("startend:quotation", code="WR")
def quotation() -> Verifier:
    """The stripped reply is longer than one character and begins and ends with a straight double quote."""

    def check(text: str) -> bool:
        stripped = text.strip()
        return len(stripped) > 1 and stripped[0] == '"' and stripped[-1] == '"'

    def why(text: str) -> Miss:
        stripped = text.strip()
        first, last = stripped[0], stripped[-1]
        if len(stripped) == 1:
            return Miss(f"is only {first}")
        if first in _OTHER_QUOTES and last in _OTHER_QUOTES:
            return Miss(f'wrapped in {first}…{last} instead of "…"', "other-quotes")
        if first == '"' or last == '"':
            where = "after" if first == '"' else "before"
            if '"' in stripped[1:-1]:
                return Miss(f"text {where} the quotation", "text-outside-wrap")
            missing = "closing" if first == '"' else "opening"
            return Miss(f"the {missing} quotation mark is missing", "unclosed-wrap")
        if stripped.count('"') >= 2:
            return Miss("text before and after the quotation", "text-outside-wrap")
        return Miss(f'begins with {first} instead of "')

    return Verifier(check, why)


# One attempt a line, and nothing is read twice: the atomic groups take the first "<<" of the line, the whole
# run of "<", and the first character that counts as content (anything but white space and ">", or a ">" with
# white space between it and what follows). Any later ">>" on the line then completes the wrap.
_WRAPPED_ON_A_LINE = re.compile(
    r"^(?>[^\n]*?<<)<*+(?>[^\n]*?(?:[^\s>]|>[^\S\n]++(?=[^\n])))[^\n]*?>>", re.MULTILINE
)


# What a wrap must hold so that it is not empty: anything but brackets and white space.
_CONTENT = re.compile(r"[^\s<>]")


def _why_not_wrapped(text: str) -> Miss:
    stripped = text.strip()
    opens, closes = "<<" in stripped, ">>" in stripped
    if opens and closes and not (stripped.startswith("<<") and stripped.endswith(">>")):
        return Miss("text outside the <<…>>", "text-outside-wrap")
    if "<<" in stripped[2:-2] and ">>" in stripped[2:-2] and _CONTENT.search(stripped):
        return Miss("more than one <<…>>", "text-outside-wrap")
    if opens and closes:
        return Miss("nothing inside the <<…>>, or they stand on different lines")
    if opens or closes:
        return Miss(f"the {'closing >>' if opens else 'opening <<'} is missing", "unclosed-wrap")
    if stripped.startswith(("<", "«", "《", "‹", "⟨")) and stripped.endswith((">", "»", "》", "›", "⟩")):
        return Miss(f"wrapped in {stripped[0]}…{stripped[-1]} instead of <<…>>", "other-brackets")
    return Miss("no <<…>> in the reply")


@constraint("detectable_format:title", code="WR", rules=("official", "ifeval"))
def brackets_on_a_line() -> Verifier:
    """Some line holds `<<`, at least one character, `>>`, not empty once brackets and white space are off."""
    search = _WRAPPED_ON_A_LINE.search

    def check(text: str) -> bool:
        return ">>" in text and search(text) is not None

    return Verifier(check, _why_not_wrapped)


@constraint("detectable_format:title", code="WR", rules=("careful",))
def wholly_in_brackets() -> Verifier:
    """The whole reply, and nothing else, is wrapped in one pair `<<…>>` that is not empty."""

    def check(text: str) -> bool:
        stripped = text.strip()
        if len(stripped) < 5 or not (stripped.startswith("<<") and stripped.endswith(">>")):
            return False
        inner = stripped[2:-2]
        return _CONTENT.search(inner) is not None and not (">>" in inner and "<<" in inner)

    return Verifier(check, _why_not_wrapped)
