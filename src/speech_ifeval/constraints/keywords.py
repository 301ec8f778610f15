"""Keywords that must, or must not, occur (code KW).

The published checks read a keyword as a regular expression. Its data hold only literals and ``.``, so that is
what `official` and `ifeval` accept; a keyword with any other metacharacter raises and names `careful`, which
takes keywords literally, on word bounds.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from speech_ifeval.constraints.kwargs import Phrases
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import SPACED
from speech_ifeval.errors import ConstraintError

_METACHARACTERS = frozenset("\\^$*+?{}[]|()")


def refuse_metacharacters(id: str, keyword: str) -> None:
    """Raise for a keyword that would be more than literals and ``.`` as a regular expression.

    Raises:
        ConstraintError: names the character and the rule set that takes it literally.
    """
    found = next((character for character in keyword if character in _METACHARACTERS), None)
    if found is not None:
        raise ConstraintError(
            f"{id}: the keyword {keyword!r} holds {found!r}, which the published check would read as part of a "
            "regular expression; use rules='careful', where keywords are literal"
        )


def matcher(pattern: str, keyword: str) -> Callable[[str, str], bool]:
    """Return `found(text, folded(text))`: whether the pattern occurs in the text, ignoring case.

    Most texts are decided without the slower pattern: an ASCII keyword without `.` can only match where it
    stands in the folded text.
    """
    search = re.compile(pattern, re.IGNORECASE).search
    if not keyword.isascii() or "." in keyword:
        return lambda text, _: search(text) is not None
    needle = keyword.lower()
    if pattern == keyword:
        return lambda text, fold: needle in fold and (text.isascii() or search(text) is not None)
    return lambda text, fold: needle in fold and search(text) is not None


def folded(text: str) -> str:
    """Lower-case a text so that every character that `re.IGNORECASE` matches to an ASCII letter is that letter.

    >>> folded("YES"), folded("İſı")
    ('yes', 'isi')
    """
    if text.isascii():
        return text.lower()
    return text.replace("İ", "i").lower().replace("ſ", "s").replace("ı", "i")


def bounded(keyword: str) -> str:
    r"""A pattern for the keyword taken literally, not inside a longer word.

    >>> bool(re.search(bounded("C++"), "in C++ or")), bool(re.search(bounded("art"), "party"))
    (True, False)
    """
    return rf"(?<!\w){re.escape(keyword)}(?!\w)"


def _existence(keywords: tuple[str, ...], patterns: list[tuple[str, str]]) -> Verifier:
    found = [matcher(pattern, literal) for pattern, literal in patterns]

    def check(text: str) -> bool:
        fold = folded(text)
        return all(one(text, fold) for one in found)

    def why(text: str) -> Miss:
        fold = folded(text)
        missing = [keyword for keyword, one in zip(keywords, found, strict=True) if not one(text, fold)]
        near = "one-missing" if len(missing) == 1 < len(keywords) else None
        return Miss(f"missing: {', '.join(missing)}", near)

    return Verifier(check, why)


def _forbidden(keywords: tuple[str, ...], patterns: list[tuple[str, str]]) -> Verifier:
    found = [matcher(pattern, literal) for pattern, literal in patterns]

    def check(text: str) -> bool:
        fold = folded(text)
        return not any(one(text, fold) for one in found)

    def why(text: str) -> Miss:
        fold = folded(text)
        used = [keyword for keyword, one in zip(keywords, found, strict=True) if one(text, fold)]
        return Miss(f"uses: {', '.join(used)}")

    return Verifier(check, why)


@constraint("keywords:existence", code="KW", rules=("official", "ifeval"))
def existence(*, keywords: Phrases) -> Verifier:
    """Every keyword occurs somewhere, ignoring case, also inside a word; `.` stands for any character."""
    for keyword in keywords:
        refuse_metacharacters("keywords:existence", keyword)
    return _existence(keywords, [(keyword, keyword) for keyword in keywords])


@constraint("keywords:existence", code="KW", rules=("careful",), scripts=SPACED)
def existence_literal(*, keywords: Phrases) -> Verifier:
    """Every keyword occurs as it is written, ignoring case, and not inside a longer word."""
    return _existence(keywords, [(bounded(keyword), keyword) for keyword in keywords])


@constraint("keywords:forbidden_words", code="KW", rules=("official", "ifeval"), scripts=SPACED)
def forbidden(*, forbidden_words: Phrases) -> Verifier:
    """No forbidden word occurs between word bounds, ignoring case; `.` stands for any character."""
    for keyword in forbidden_words:
        refuse_metacharacters("keywords:forbidden_words", keyword)
    return _forbidden(forbidden_words, [(rf"\b{keyword}\b", keyword) for keyword in forbidden_words])


@constraint("keywords:forbidden_words", code="KW", rules=("careful",), scripts=SPACED)
def forbidden_literal(*, forbidden_words: Phrases) -> Verifier:
    """No forbidden word occurs as it is written, ignoring case, outside of longer words."""
    return _forbidden(forbidden_words, [(bounded(keyword), keyword) for keyword in forbidden_words])
