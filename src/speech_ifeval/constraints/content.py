"""Content that can be detected: placeholders, a postscript."""

from __future__ import annotations

import re
from itertools import islice

from speech_ifeval.constraints.kwargs import Count, Phrase
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.errors import ConstraintError

_POSTSCRIPT = "detectable_content:postscript"

# An opening bracket with all that follows on its line up to a closing one, which may be missing: whatever is
# looked at is consumed, so that a run of brackets is read once and not once per bracket.
_BRACKET = re.compile(r"\[[^]\n]*(\]?)")
_OTHER_PLACEHOLDER = re.compile(r"<[^<>\n]+>|\{[^{}\n]+\}|\([A-Z][^()\n]*\)")

_METACHARACTERS = frozenset("\\^$*+?{}[]|()")
_ANY_POSTSCRIPT = re.compile(r"(?<!\w)(?:(?:p\W?){1,2}s|postscript)(?!\w)")


@constraint("detectable_content:number_placeholders")
def number_placeholders(*, num_placeholders: Count) -> Verifier:
    """At least `num_placeholders` pairs of square brackets, each on one line; they may be empty.

    Source: arXiv 2311.07911, section 2.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("detectable_content:number_placeholders", num_placeholders=2)
    >>> check.check("Dear [name], of [address]"), check.explain("Dear [name]").reason
    (True, '1 placeholder in square brackets instead of at least 2')
    """

    def count(text: str, most: int) -> int:
        closed = (1 for bracket in _BRACKET.finditer(text) if bracket[1])
        return sum(islice(closed, most))

    def check(text: str) -> bool:
        # Fewer brackets than placeholders wanted: nothing to look for.
        if text.count("]") < num_placeholders:
            return False
        return count(text, num_placeholders) >= num_placeholders

    def why(text: str) -> Miss:
        found = count(text, len(text))
        ending = "" if found == 1 else "s"
        reason = f"{found} placeholder{ending} in square brackets instead of at least {num_placeholders}"
        if found + len(_OTHER_PLACEHOLDER.findall(text)) >= num_placeholders:
            return Miss(reason, "other-brackets")
        return Miss(reason, "off-by-one" if found == num_placeholders - 1 else None)

    return Verifier(check, why)


def _postscript_pattern(marker: str) -> str:
    # The two markers of the original have a reading of their own, which forgives a space and a last full stop.
    if marker == "P.S.":
        return r"p\.\s?s\."
    if marker == "P.P.S":
        return r"p\.\s?p\.\s?s"
    found = next((character for character in marker if character in _METACHARACTERS), None)
    if found is not None:
        raise ConstraintError(
            f"{_POSTSCRIPT}: the marker {marker!r} holds {found!r}, which the original would read as part of a "
            "regular expression; only literals and . can be honoured, such as P.S. and P.P.S"
        )
    return marker.lower()


@constraint(_POSTSCRIPT)
def postscript(*, postscript_marker: Phrase) -> Verifier:
    """The marker occurs anywhere in the lower-cased reply.

    ``P.S.`` and ``P.P.S`` may have one white-space character after a full stop. Any other marker is taken as
    it is, ``.`` standing for any character.

    Source: arXiv 2311.07911, section 2.

    Raises:
        ConstraintError: the marker holds a metacharacter of regular expressions other than ``.``.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("detectable_content:postscript", postscript_marker="P.S.")
    >>> check.check("Bye.\\nP. S. Call me"), check.explain("Bye.\\nPS: Call me").near_miss
    (True, 'other-marker')
    """
    marker = postscript_marker.strip()
    search = re.compile(_postscript_pattern(marker)).search

    def check(text: str) -> bool:
        return search(text.lower()) is not None

    def why(text: str) -> Miss:
        other = _ANY_POSTSCRIPT.search(text.lower())
        if other:
            return Miss(f"{other[0]} instead of {marker}", "other-marker")
        return Miss(f"no postscript with {marker}")

    return Verifier(check, why)
