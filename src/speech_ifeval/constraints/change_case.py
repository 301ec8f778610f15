"""Letter case of the whole reply (code CC)."""

from __future__ import annotations

from speech_ifeval.constraints.language import detect, require_detector
from speech_ifeval.constraints.registry import Check, Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import BICAMERAL

_FEW_WORDS = 2  # words in the other case up to which a miss is called near


def _case(check: Check, other: Check, name: str) -> Verifier:
    def why(text: str) -> Miss:
        words = [word for word in text.split() if any(map(other, word))]
        if not words:
            return Miss("has no letter that has a case")
        shown = ", ".join(word[:30] for word in words[:3])
        more = f" and {len(words) - 3} more" if len(words) > 3 else ""
        near = "few-words-in-other-case" if len(words) <= _FEW_WORDS < len(text.split()) else None
        return Miss(f"not {name}: {shown}{more}", near)

    return Verifier(check, why)


def _not_upper(character: str) -> bool:
    # A single capital is in title case too: only a letter such as ǅ is that alone.
    return character.islower() or (character.istitle() and not character.isupper())


def _not_lower(character: str) -> bool:
    return character.isupper() or character.istitle()


@constraint("change_case:english_capital", code="CC", rules=("official", "careful"), scripts=BICAMERAL)
def all_capitals() -> Verifier:
    """Every letter that has a case is a capital, and there is at least one; the language does not matter."""
    return _case(str.isupper, _not_upper, "all capitals")


@constraint("change_case:english_lowercase", code="CC", rules=("official", "careful"), scripts=BICAMERAL)
def all_lowercase() -> Verifier:
    """Every letter that has a case is lower-case, and there is at least one; the language does not matter."""
    return _case(str.islower, _not_lower, "all lower case")


def _english(verifier: Verifier) -> Verifier:
    def check(text: str) -> bool:
        return verifier.check(text) and detect(text) == "en"

    def why(text: str) -> Miss:
        if not verifier.check(text):
            return verifier.why(text)
        return Miss(f"the language detector says {detect(text) or 'undetectable'} instead of en")

    return Verifier(check, why)


@constraint("change_case:english_capital", code="CC", rules=("ifeval",), scripts=("Latin",))
def english_capitals() -> Verifier:
    """All capitals, and English by the language detector."""
    require_detector("change_case:english_capital in the rule set ifeval")
    return _english(all_capitals())


@constraint("change_case:english_lowercase", code="CC", rules=("ifeval",), scripts=("Latin",))
def english_lowercase() -> Verifier:
    """All lower case, and English by the language detector."""
    require_detector("change_case:english_lowercase in the rule set ifeval")
    return _english(all_lowercase())
