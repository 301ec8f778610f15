"""How often a keyword or a letter occurs.

The original counts a keyword as a regular expression, ignoring case. As for `keywords:existence`, only literals
and ``.`` are accepted for that; `careful` takes the keyword literally and counts it as a word. What "ignoring
case" means is asked of `re` itself (a \u212aelvin sign is a k, a long s is an s), then the text is folded
accordingly and counted with `str.count`, which no input can slow down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from itertools import islice

from speech_ifeval.constraints.keywords import bounded, refuse_metacharacters
from speech_ifeval.constraints.kwargs import Count, Letter, Phrase, Relation
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import SPACED

_FREQUENCY = "keywords:frequency"
_LETTER_FREQUENCY = "keywords:letter_frequency"

# Beyond ASCII, only these have an ASCII letter as their other case.
_MATCHING_ASCII = {"i": "İı", "k": "\u212a", "s": "ſ"}  # what re.IGNORECASE takes for the letter
_LOWERED_TO_ASCII = {"i": "İ", "k": "\u212a"}  # what holds the letter once str.lower is through with it

# Above it, Unicode pairs no letters by case.
_LAST_CASED = 0x1FFFF

Counter = Callable[[str], int]


def _verifier(
    count: Counter, enough: Callable[[str, int], bool], shown: str, frequency: int, relation: str
) -> Verifier:
    """`enough(text, n)` says whether there are at least n, and may stop counting there."""
    at_least = relation == "at least"

    def check(text: str) -> bool:
        return enough(text, frequency) is at_least

    def why(text: str) -> Miss:
        found = count(text)
        short = frequency - found if at_least else found - frequency + 1
        return Miss(
            f"{shown}: {found} time{'' if found == 1 else 's'} instead of {relation} {frequency}",
            "off-by-one" if short == 1 else None,
        )

    return Verifier(check, why)


def _first(matches: Iterable[object], most: int) -> int:
    return sum(1 for _ in islice(matches, most))


@cache
def _cased() -> str:
    """Every character that has another case: where the equals of one are looked for."""
    characters = map(chr, range(_LAST_CASED + 1))
    return "".join(c for c in characters if not (c.lower() == c == c.upper()))


@lru_cache(maxsize=4096)
def _equals(character: str) -> frozenset[str]:
    """The characters that `character` matches in a pattern under ``re.IGNORECASE``."""
    if character.isascii():
        lowered = character.lower()
        return frozenset((lowered, character.upper(), *_MATCHING_ASCII.get(lowered, "")))
    return frozenset((character, *re.findall(re.escape(character), _cased(), re.IGNORECASE)))


def _folding(keyword: str) -> dict[str, str]:
    """What to replace in keyword and text so that plain comparison ignores case as `re` does.

    `re` knows classes of characters that match one another (a test makes sure of it): one stands for all.
    """
    replace: dict[str, str] = {}
    for character in keyword.replace(".", ""):
        equals = _equals(character)
        first = min(equals)
        target = first.lower() if first.isascii() else first
        replace.update((equal, target) for equal in equals if equal != target)
    return replace


def _counter(keyword: str) -> tuple[Counter, Callable[[str, int], bool]]:
    """Count the keyword as `re.findall` does ignoring case, ``.`` being any character but a newline."""
    folding = _folding(keyword)
    # ASCII in the keyword and in the text: `str.lower` is all there is to folding, and the fastest.
    ascii_only = keyword.isascii()
    needle = "".join(folding.get(character, character) for character in keyword)
    replacements = tuple(folding.items())

    def folded(text: str) -> str:
        if ascii_only and text.isascii():
            return text.lower()
        for found, replacement in replacements:
            text = text.replace(found, replacement)
        return text

    if "." not in needle:
        return lambda text: folded(text).count(needle), lambda text, n: folded(text).count(needle) >= n
    pattern = re.compile(needle)
    return (
        lambda text: _first(pattern.finditer(folded(text)), len(text) + 1),
        lambda text, n: _first(pattern.finditer(folded(text)), n) >= n,
    )


@constraint(_FREQUENCY, rules=("official", "ifeval"))
def frequency(*, keyword: Phrase, frequency: Count, relation: Relation) -> Verifier:
    """The keyword occurs `relation` `frequency` times, ignoring case, also inside a word; `.` is any character.

    Occurrences do not overlap. White space around the keyword is dropped.

    Source: arXiv 2311.07911, section 2.

    Raises:
        ConstraintError: the keyword holds a metacharacter of regular expressions other than ``.``.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("keywords:frequency", keyword="war", frequency=2, relation="at least")
    >>> check.check("War and warmth"), check.explain("War and peace").reason
    (True, "'war': 1 time instead of at least 2")
    """
    keyword = keyword.strip()
    refuse_metacharacters(_FREQUENCY, keyword)
    count, enough = _counter(keyword)
    return _verifier(count, enough, repr(keyword), frequency, relation)


@constraint(_FREQUENCY, rules=("careful",), scripts=SPACED)
def frequency_literal(*, keyword: Phrase, frequency: Count, relation: Relation) -> Verifier:
    """The keyword occurs as it is written, ignoring case and outside longer words, `relation` `frequency` times.

    Source: arXiv 2311.07911, section 2: "the word {keyword} should appear".

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("keywords:frequency", rules="careful", keyword="war", frequency=2, relation="at least")
    >>> check.check("War, war"), check.explain("War and warmth").near_miss
    (True, 'inside-longer-words')
    """
    keyword = keyword.strip()
    pattern = re.compile(bounded(keyword), re.IGNORECASE)
    anywhere = re.compile(re.escape(keyword), re.IGNORECASE)
    is_ascii = keyword.isascii()
    needle = keyword.lower()

    def enough(text: str, n: int) -> bool:
        # There are no more whole words than there are occurrences, and those cost next to nothing to count.
        if is_ascii and text.isascii() and text.lower().count(needle) < n:
            return False
        return _first(pattern.finditer(text), n) >= n

    def count(text: str) -> int:
        return _first(pattern.finditer(text), len(text) + 1)

    plain = _verifier(count, enough, repr(keyword), frequency, relation)

    def why(text: str) -> Miss:
        miss = plain.why(text)
        if relation == "at least" and _first(anywhere.finditer(text), frequency) >= frequency:
            return Miss(f"{miss.reason}; the others are inside longer words", "inside-longer-words")
        return miss

    return Verifier(plain.check, why)


@constraint(_LETTER_FREQUENCY)
def letter_frequency(*, letter: Letter, let_frequency: Count, let_relation: Relation) -> Verifier:
    """The character occurs `let_relation` `let_frequency` times once the text is lower-cased.

    Any character is counted, also ``#`` and ``!``, for which a common implementation draws a random letter.

    Source: arXiv 2311.07911, section 2.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("keywords:letter_frequency", letter="!", let_frequency=2, let_relation="less than")
    >>> check.check("Stop!"), check.explain("Stop!!").reason
    (True, "'!': 2 times instead of less than 2")
    """
    lowered = letter.strip().lower()
    forms: tuple[str, ...] = (lowered,)
    if lowered.isascii() and lowered.isalpha():
        forms = (lowered, lowered.upper(), *_LOWERED_TO_ASCII.get(lowered, ""))

    def count(text: str) -> int:
        if not lowered.isascii():
            return text.lower().count(lowered)
        # The same number without a lower-cased copy of the text.
        return sum(map(text.count, forms))

    return _verifier(count, lambda text, n: count(text) >= n, repr(lowered), let_frequency, let_relation)
