"""Amounts in English text: "at least 3 sentences", "in two words", "5 or more bullet points"."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

# fmt: off
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
# fmt: on
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

NUMBERS: dict[str, int] = {word: value for value, word in enumerate(_ONES)}
NUMBERS |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
NUMBERS |= {f"{ten}-{one}": NUMBERS[ten] + NUMBERS[one] for ten in _TENS for one in _ONES[1:10]}
NUMBERS |= {"single": 1, "hundred": 100}

_LONGEST_FIRST = sorted(NUMBERS, key=len, reverse=True)
_NUMBER = rf"(?:\d{{1,6}}|{'|'.join(_LONGEST_FIRST)})"
_AT_LEAST = r"at least|not? (?:less|fewer|shorter) than|(?:a )?minimum (?:length )?of|minimum"
_ABOVE = r"more than|longer than|over|above"
_AT_MOST = r"at most|not? (?:more|longer|greater) than|up to|(?:a )?maximum (?:length )?of|maximum|within"
_BELOW = r"less than|fewer than|shorter than|under|below"
_ANY_NUMBER = re.compile(rf"(?<![\w-]){_NUMBER}(?![\w-]|\.\d)", re.IGNORECASE)

# Each part of a reply for itself: "each speaker has at least 2 sentences".
_EACH = re.compile(r"\b(?:each|every|per)\b(?:\W+[\w'’]+){0,4}\W*$", re.IGNORECASE)
_EACH_AFTER = re.compile(r"\W*(?:for|in|by|from)?\W*\b(?:each|every|per|apiece)\b", re.IGNORECASE)
# Characters looked at on either side of an amount, so that a text full of amounts stays linear.
_CONTEXT = 80
# More digits are no count of anything, and Python refuses to read more than some thousands.
_MOST_DIGITS = 18
_FOLLOWED_BY = re.compile(r"\b(?:followed|preceded) by\W*$", re.IGNORECASE)


class Amount(NamedTuple):
    """How many of something a text asks for: from `low` to `high`, None for no upper bound."""

    low: int
    high: int | None
    words: str
    per_part: bool = False
    additional: bool = False


def value_of(number: str) -> int | None:
    """Return the value of a number in digits (18 at most) or English words, None where it is neither.

    >>> value_of("Twenty-one"), value_of("12"), value_of("many")
    (21, 12, None)
    """
    lowered = number.strip().lower()
    if lowered.isascii() and lowered.isdigit():
        return int(lowered) if len(lowered) <= _MOST_DIGITS else None
    return NUMBERS.get(lowered)


def numbers_in(text: str) -> list[int]:
    """Return the numbers that stand alone in a text, in order; "7-year-old" is none.

    >>> numbers_in("Tell a 7-year-old 3 jokes in two lines.")
    [3, 2]
    """
    return [value for found in _ANY_NUMBER.findall(text) if (value := value_of(found)) is not None]


@cache
def _pattern(unit: str) -> re.Pattern[str]:
    bound = rf"(?:(?P<at_least>{_AT_LEAST})|(?P<above>{_ABOVE})|(?P<at_most>{_AT_MOST})|(?P<below>{_BELOW}))"
    between = rf"(?:between )?(?P<low>{_NUMBER})(?: and | to | or |\s*[-–]\s*)(?P<high>{_NUMBER})"
    after = r"(?: or (?:(?P<or_more>more)|(?P<or_fewer>fewer|less)))?"
    behind = r"(?: or (?:(?P<more_behind>more)|(?P<fewer_behind>fewer|less))\b)?"
    return re.compile(
        rf"(?<![\w-])(?:{bound} )?(?:{between}|(?P<number>{_NUMBER})){after}"
        rf"(?: [\w'’-]+){{0,2}}? (?:{unit})\b{behind}",
        re.IGNORECASE,
    )


def amounts_of(unit: str, text: str) -> list[Amount]:
    """Return every amount of a unit (a regular expression) that a text states.

    >>> [(a.low, a.high) for a in amounts_of("sentences?", "Say it in less than four short sentences.")]
    [(1, 3)]
    >>> [(a.low, a.high) for a in amounts_of("words", "Use 40 or more words.")]
    [(40, None)]
    """
    amounts = []
    spaced = " ".join(text.split())
    for match in _pattern(unit).finditer(spaced):
        number = value_of(match["number"] or match["high"])
        if number is None:
            continue
        low, high = _bounds(match, number)
        before = spaced[max(0, match.start() - _CONTEXT) : match.start()]
        behind = spaced[match.end() : match.end() + _CONTEXT]
        per_part = bool(_EACH.search(before) or _EACH_AFTER.match(behind))
        amounts.append(Amount(low, high, match[0], per_part, bool(_FOLLOWED_BY.search(before))))
    return amounts


def _bounds(match: re.Match[str], number: int) -> tuple[int, int | None]:
    if match["low"] is not None:
        return value_of(match["low"]) or 0, number
    if match["at_least"] or match["or_more"] or match["more_behind"]:
        return number, None
    if match["above"]:
        return number + 1, None
    # An empty reply follows nothing, so every upper bound has one below it.
    if match["at_most"] or match["or_fewer"] or match["fewer_behind"]:
        return min(1, number), number
    if match["below"]:
        return min(1, number), number - 1
    return number, number
