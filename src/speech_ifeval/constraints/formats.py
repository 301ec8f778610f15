"""Formats that can be detected: fixed answers, highlighted text, numbered sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from speech_ifeval.constraints.kwargs import Count, Phrase
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.errors import ConstraintError

_SECTIONS = "detectable_format:multiple_sections"

_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_BARE_ANSWER = re.compile(r"my answer is\W*(?:yes|no|maybe)\b", re.IGNORECASE)

# A pair of asterisks, or of double ones, with what is between them on one line. Pairs around nothing are taken
# by the run, up to the next asterisk: a text of nothing but asterisks is then one step, not one per pair.
_SINGLE = re.compile(r"(?:\*[^\S\n]*\*[^*]*)++|\*([^*\n]*)\*")
_DOUBLE = re.compile(r"(?:\*\*[^\S\n]*\*\*[^*]*)++|\*\*([^*\n]*)\*\*")
_OTHER_HIGHLIGHT = re.compile(
    r"(?<!\w)_{1,2}\w[^_\n]*_{1,2}(?!\w)|^[^\S\n]*#{1,6}[^\S\n]+\S|`[^`\n]+`", re.MULTILINE
)

_METACHARACTERS = frozenset("\\^$*+?{}[]|()")


@constraint("detectable_format:constrained_response")
def constrained_response() -> Verifier:
    """One of "My answer is yes.", "My answer is no." and "My answer is maybe." occurs, exactly so written.

    Source: arXiv 2311.07911, section 2.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("detectable_format:constrained_response")
    >>> check.check("My answer is no."), check.explain("my answer is no.").near_miss
    (True, 'wrong-case')
    """

    def check(text: str) -> bool:
        return any(answer in text for answer in _ANSWERS)

    def why(text: str) -> Miss:
        lowered = text.lower()
        for answer in _ANSWERS:
            if answer.lower() in lowered:
                return Miss(f"{answer!r} in another case", "wrong-case")
        bare = _BARE_ANSWER.search(text)
        if bare:
            return Miss(f"{bare[0][:40]!r} instead of one of {', '.join(_ANSWERS)}", "other-punctuation")
        return Miss(f"none of {', '.join(_ANSWERS)}")

    return Verifier(check, why)


def _highlights(text: str) -> Iterator[str]:
    for pattern in (_SINGLE, _DOUBLE):
        for match in pattern.finditer(text):
            if match[1]:
                yield match[1]


@constraint("detectable_format:number_highlighted_sections")
def number_highlighted_sections(*, num_highlights: Count) -> Verifier:
    """At least `num_highlights` stretches ``*like this*`` or ``**like this**``, each on one line and not blank.

    Single and double asterisks are looked for separately, from the left, so text between two highlights can
    count as well: the published benchmark's way, the same in every rule set.

    Source: arXiv 2311.07911, section 2.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("detectable_format:number_highlighted_sections", num_highlights=2)
    >>> check.check("*one* and *two*"), check.explain("*one* and two").reason
    (True, '1 highlighted section instead of at least 2')
    """

    def check(text: str) -> bool:
        # Each highlight takes two asterisks, and four may count once as single and once as double ones.
        if text.count("*") < num_highlights:
            return False
        return sum(1 for _ in islice(_highlights(text), num_highlights)) >= num_highlights

    def why(text: str) -> Miss:
        found = sum(1 for _ in _highlights(text))
        ending = "" if found == 1 else "s"
        reason = f"{found} highlighted section{ending} instead of at least {num_highlights}"
        if found + len(_OTHER_HIGHLIGHT.findall(text)) >= num_highlights:
            return Miss(f"{reason}; others are marked in another way", "other-markup")
        return Miss(reason, "off-by-one" if found == num_highlights - 1 else None)

    return Verifier(check, why)


def _section_pattern(splitter: str) -> str:
    found = next((character for character in splitter if character in _METACHARACTERS), None)
    if found is not None:
        raise ConstraintError(
            f"{_SECTIONS}: the section_spliter {splitter!r} holds {found!r}, which the original would read as "
            "part of a regular expression; only literals and . can be honoured"
        )
    if "." in splitter:
        # Where any character can begin a section, the white space around the last one decides what is left.
        return rf"\s?{splitter}\s?\d+\s?"
    return rf"{splitter}\s?\d+"


@constraint(_SECTIONS)
def multiple_sections(*, section_spliter: Phrase, num_sections: Count) -> Verifier:
    """At least `num_sections` times `section_spliter` [sic] and a number, with at most one space between.

    Case matters, and ``.`` in the splitter stands for any character.

    Source: arXiv 2311.07911, section 2.

    Raises:
        ConstraintError: the splitter holds a metacharacter of regular expressions other than ``.``.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile("detectable_format:multiple_sections", section_spliter="Day", num_sections=2)
    >>> check.check("Day 1: rest\\nDay 2: rest"), check.explain("DAY 1\\nDAY 2").near_miss
    (True, 'wrong-case')
    """
    splitter = section_spliter.strip()
    pattern = _section_pattern(splitter)
    sections = re.compile(pattern).finditer
    in_any_case = re.compile(pattern, re.IGNORECASE).finditer
    needle = "" if "." in splitter else splitter

    def check(text: str) -> bool:
        if needle and text.count(needle) < num_sections:
            return False
        return sum(1 for _ in islice(sections(text), num_sections)) >= num_sections

    def why(text: str) -> Miss:
        found = sum(1 for _ in sections(text))
        ending = "" if found == 1 else "s"
        reason = f"{found} section{ending} marked {splitter} and a number instead of at least {num_sections}"
        if sum(1 for _ in in_any_case(text)) >= num_sections:
            return Miss(f"{reason}; the others are written in another case", "wrong-case")
        if needle and text.count(needle) >= num_sections:
            return Miss(f"{reason}; the others have no number", "unnumbered-sections")
        return Miss(reason, "off-by-one" if found == num_sections - 1 else None)

    return Verifier(check, why)
