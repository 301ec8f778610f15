"""Starting or ending with a given phrase (code SE).

`combination:repeat_prompt` means *start with* `prompt_to_repeat` in Speech-IFEval; in the text benchmark the
phrase is the request itself, and the check is the same.
"""

from __future__ import annotations

from speech_ifeval.constraints.kwargs import Phrase
from speech_ifeval.constraints.registry import Check, Miss, Verifier, constraint

_TYPOGRAPHIC = {"'": "‘’‚‛′`´＇", '"': "“”„‟″«»＂"}
_QUOTES = "\"'"
_ANY_QUOTES = _QUOTES + "".join(_TYPOGRAPHIC.values())
_SHOWN = 40  # characters of a reply quoted in a reason


def plain_quotes(text: str) -> str:
    """Write every typographic quote and apostrophe as the straight one.

    >>> plain_quotes("“I’ll”")
    '"I\\'ll"'
    """
    for straight, curly in _TYPOGRAPHIC.items():
        for mark in curly:
            text = text.replace(mark, straight)
    return text


def starts(phrase: str, strip: str) -> Check:
    """Return the check: white space and the characters `strip` off both ends, then prefix, ignoring case.

    Lower-casing maps ASCII one to one, so an ASCII head decides alone; only other text is lowered whole
    (there a letter's lower form can depend on its neighbours and change the length).
    """
    wanted = phrase.strip().lower()
    length = len(wanted)

    def check(text: str) -> bool:
        core = text.strip()
        if strip:
            core = core.strip(strip)
        head = core[:length]
        return head.lower() == wanted if head.isascii() else core.lower().startswith(wanted)

    return check


def ends(phrase: str, strip: str) -> Check:
    """Return the check: white space and the characters `strip` off both ends, then suffix, ignoring case."""
    wanted = phrase.strip().lower()
    length = len(wanted)

    def check(text: str) -> bool:
        core = text.strip().strip(strip)
        tail = core[-length:]
        return tail.lower() == wanted if tail.isascii() else core.lower().endswith(wanted)

    return check


def _relaxed(phrase: str, end: bool) -> Verifier:
    """The reasons both directions share; `check` is the careful reading, which names the near misses."""
    relaxed = (ends if end else starts)(plain_quotes(phrase), _QUOTES)
    bare = plain_quotes(phrase).strip().rstrip(".!?,:; ").lower()
    verb = "ends" if end else "begins"

    def why(text: str) -> Miss:
        plain = plain_quotes(text)
        core = text.strip()
        shown = ("…" + core[-_SHOWN:] if len(core) > _SHOWN else core) if end else core[:_SHOWN]
        reason = f"{verb} with {shown!r} instead of {phrase.strip()!r}"
        if relaxed(plain):
            return Miss(reason, "other-quotes")
        lowered = plain.lower()
        trimmed = lowered.strip(" \t\r\n*_#>\"'.!?,:;")
        if bare and (trimmed.endswith(bare) if end else trimmed.startswith(bare)):
            return Miss(reason, "other-punctuation")
        if bare and bare in lowered:
            return Miss(f"{reason}; the phrase stands elsewhere", "phrase-elsewhere")
        return Miss(reason)

    return Verifier(relaxed, why)


@constraint("combination:repeat_prompt", code="SE", rules=("official",))
def starts_with(*, prompt_to_repeat: Phrase) -> Verifier:
    """Begins with `prompt_to_repeat`, ignoring case, once white space and then " and ' are off both ends."""
    return Verifier(starts(prompt_to_repeat, _QUOTES), _relaxed(prompt_to_repeat, False).why)


@constraint("combination:repeat_prompt", code="SE", rules=("ifeval",))
def starts_with_unquoted(*, prompt_to_repeat: Phrase) -> Verifier:
    """Begins with `prompt_to_repeat`, ignoring case and outer white space; quotes are not taken off."""
    return Verifier(starts(prompt_to_repeat, ""), _relaxed(prompt_to_repeat, False).why)


@constraint("combination:repeat_prompt", code="SE", rules=("careful",))
def starts_with_any_quotes(*, prompt_to_repeat: Phrase) -> Verifier:
    """Begins with `prompt_to_repeat`, ignoring case, quotes around it, and whether quotes are curly."""
    check, why = _relaxed(prompt_to_repeat, False)
    return Verifier(lambda text: check(plain_quotes(text)), why)


@constraint("startend:end_checker", code="SE", rules=("official", "ifeval"))
def ends_with(*, end_phrase: Phrase) -> Verifier:
    """Ends with `end_phrase`, code point by code point ignoring case, once white space and then " are off."""
    return Verifier(ends(end_phrase, '"'), _relaxed(end_phrase, True).why)


@constraint("startend:end_checker", code="SE", rules=("careful",))
def ends_with_any_quotes(*, end_phrase: Phrase) -> Verifier:
    """Ends with `end_phrase`, ignoring case, quotes around it, and whether quotes are curly."""
    check, why = _relaxed(end_phrase, True)
    return Verifier(lambda text: check(plain_quotes(text)), why)
