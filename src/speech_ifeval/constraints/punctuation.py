"""Punctuation that is forbidden."""

from __future__ import annotations

import re

from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import COMMA

_COMMA_OUTSIDE_NUMBERS = re.compile(r"(?<!\d),|,(?!\d)")


@constraint("punctuation:no_comma", scripts=COMMA)
def no_comma() -> Verifier:
    """The reply holds no comma (U+002C); the commas of other scripts are not counted.

    Source: arXiv 2311.07911, section 2.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("punctuation:no_comma")
    >>> check.check("one and two"), check.explain("one, two, three").reason
    (True, '2 commas instead of none')
    """

    def check(text: str) -> bool:
        return "," not in text

    def why(text: str) -> Miss:
        count = text.count(",")
        found = f"{count} comma{'s' if count > 1 else ''} instead of none"
        if not _COMMA_OUTSIDE_NUMBERS.search(text):
            return Miss(f"{found}, inside numbers only", "commas-in-numbers")
        return Miss(found, "off-by-one" if count == 1 else None)

    return Verifier(check, why)
