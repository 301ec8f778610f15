"""Wrapping the reply (code WR): quotation marks, double angular brackets."""

from __future__ import annotations

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
            return Miss("a single quotation mark and nothing else" if first == '"' else f"is only {first}")
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
