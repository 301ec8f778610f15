"""Length of the reply (code LN): words, sentences, paragraphs."""

from __future__ import annotations

import re
from collections.abc import Callable

from speech_ifeval.constraints.kwargs import Count, Relation
from speech_ifeval.constraints.registry import Check, Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import SPACED, STOPPED
from speech_ifeval.constraints.sentences import careful_sentences, count_sentences

_WORD = re.compile(r"\w+")
_DIVIDER = "***"
_BLANK_LINES = re.compile(r"\n[^\S\n]*+\n\s*+")
_DASHES = "—–―"
# From the first letter or digit to white space or a dash: one match for each word that holds one.
_SPOKEN = re.compile(rf"\w[^\s{_DASHES}]*+")
# A token that is a time stamp and nothing else: brackets and punctuation may stand around it.
_TIMESTAMP = re.compile(r"(?<!\S)[^\w\s]{0,3}\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,6})?[^\w\s]{0,3}(?!\S)")
_VERSE = 80  # characters: a poem's lines are shorter, a prose paragraph's one line is not


def compared(count: Callable[[str], int], relation: str, threshold: int) -> Check:
    """Return the check that the count of a text stands in the relation to the threshold."""
    if relation == "less than":
        return lambda text: count(text) < threshold
    return lambda text: count(text) >= threshold


def _why(count: Callable[[str], int], relation: str, threshold: int, unit: str) -> Callable[[str], Miss]:
    def why(text: str) -> Miss:
        found = count(text)
        off = found - threshold + 1 if relation == "less than" else threshold - found
        plural = "" if found == 1 else "s"
        near = "off-by-one" if off == 1 else "within-five-percent" if off * 20 <= threshold else None
        return Miss(f"{found} {unit}{plural}, asked for {relation} {threshold}", near)

    return why


def count_words(text: str) -> int:
    r"""Count runs of ``\w``: "don't" is two.

    >>> count_words("I don't know.")
    4
    """
    return len(_WORD.findall(text))


def careful_words(text: str) -> int:
    """Count what stands between white space or dashes and holds a letter or digit; time stamps do not count.

    >>> careful_words("[00:00:00 - 00:00:07] I don't know — a well-known fact.")
    6
    """
    words = len(_SPOKEN.findall(text))
    if ":" not in text:
        return words
    for dash in _DASHES:
        text = text.replace(dash, " ")
    return words - len(_TIMESTAMP.findall(text))


@constraint("length_constraints:number_words", code="LN", rules=("official", "ifeval"), scripts=SPACED)
def number_of_words(*, relation: Relation, num_words: Count) -> Verifier:
    r"""The number of `\w+` runs is less than, or at least, `num_words`."""
    # Stops at the threshold; possessive throughout, so that a text too short is given up at once.
    enough = re.compile(rf"(?>(?:\W*+\w++){{{num_words}}})").match
    why = _why(count_words, relation, num_words, "word")
    if relation == "less than":
        return Verifier(lambda text: enough(text) is None, why)
    return Verifier(lambda text: enough(text) is not None, why)


@constraint("length_constraints:number_words", code="LN", rules=("careful",), scripts=SPACED)
def number_of_spoken_words(*, relation: Relation, num_words: Count) -> Verifier:
    """The number of words is less than, or at least, `num_words`; "don't" is one, time stamps are none."""
    return Verifier(compared(careful_words, relation, num_words), _why(careful_words, relation, num_words, "word"))


def _sentences(count: Callable[[str, int | None], int], relation: str, threshold: int) -> Verifier:
    def exactly(text: str) -> int:
        return count(text, None)

    if relation == "less than":
        return Verifier(
            lambda text: count(text, threshold) < threshold, _why(exactly, relation, threshold, "sentence")
        )
    return Verifier(
        lambda text: count(text, threshold) >= threshold, _why(exactly, relation, threshold, "sentence")
    )


@constraint("length_constraints:number_sentences", code="LN", rules=("official", "ifeval"), scripts=STOPPED)
def number_of_sentences(*, relation: Relation, num_sentences: Count) -> Verifier:
    """The number of sentences by Punkt, untrained, is less than, or at least, `num_sentences`."""
    return _sentences(count_sentences, relation, num_sentences)


@constraint("length_constraints:number_sentences", code="LN", rules=("careful",), scripts=STOPPED)
def number_of_whole_sentences(*, relation: Relation, num_sentences: Count) -> Verifier:
    """As Punkt counts, but an ellipsis or a quotation inside a sentence that goes on does not end it."""
    return _sentences(careful_sentences, relation, num_sentences)


def count_paragraphs(text: str) -> int | None:
    """Count pieces between ``***`` or runs of newlines; None where a piece other than the outermost is blank.

    >>> count_paragraphs("one\\ntwo\\n\\nthree"), count_paragraphs("one\\n \\ntwo"), count_paragraphs("***one***")
    (3, None, 1)
    """
    stripped = text.strip()
    if _DIVIDER not in stripped:
        return _lines(stripped)
    parts = stripped.split(_DIVIDER)
    last = len(parts) - 1
    total = 0
    for index, part in enumerate(parts):
        piece = part.strip()
        if piece:
            lines = _lines(piece) if "\n" in piece else 1
            if lines is None:
                return None
            total += lines
        elif 0 < index < last:
            return None
    return total


def _lines(stripped: str) -> int | None:
    lines = stripped.split("\n")
    # A line of white space alone is a blank piece between two runs of newlines; an empty line is inside a run.
    if any(map(str.isspace, lines)):
        return None
    return len(lines) - lines.count("")


def count_divided(text: str) -> int | None:
    """Count pieces between ``***`` alone; None where a piece other than the outermost is blank.

    >>> count_divided("one\\n\\nstill one\\n***\\ntwo"), count_divided("one****** two")
    (2, None)
    """
    parts = text.split(_DIVIDER)
    blank = [index for index, part in enumerate(parts) if not part or part.isspace()]
    if any(0 < index < len(parts) - 1 for index in blank):
        return None
    return len(parts) - len(blank)


def careful_paragraphs(text: str, verse: bool = False) -> int:
    """Count blocks between blank lines or ``***``; where there is neither, each line.

    With `verse`, lines that are all short are one block then: a poem's lines, not paragraphs.

    >>> careful_paragraphs("A rose,\\na vine.", verse=True), careful_paragraphs("One.\\n \\nTwo.")
    (1, 2)
    """
    stripped = text.strip()
    if _DIVIDER not in stripped and _BLANK_LINES.search(stripped) is None:
        lines = [line for line in stripped.split("\n") if line]
        return 1 if verse and max(map(len, lines), default=0) < _VERSE else len(lines)
    total = 0
    for part in stripped.split(_DIVIDER):
        piece = part.strip()
        if piece:
            total += 1 + len(_BLANK_LINES.findall(piece))
    return total


def _paragraphs(count: Callable[[str], int | None], threshold: int) -> Verifier:
    def why(text: str) -> Miss:
        found = count(text)
        if found is None:
            return Miss("a blank paragraph between two others")
        near = "off-by-one" if abs(found - threshold) == 1 else None
        return Miss(f"{found} paragraph{'' if found == 1 else 's'} instead of {threshold}", near)

    return Verifier(lambda text: count(text) == threshold, why)


@constraint("length_constraints:number_paragraphs", code="LN", rules=("official",))
def number_of_paragraphs(*, num_paragraphs: Count) -> Verifier:
    """Exactly `num_paragraphs` pieces between `***` or newlines, none of them blank but at the ends."""
    return _paragraphs(count_paragraphs, num_paragraphs)


@constraint("length_constraints:number_paragraphs", code="LN", rules=("careful",))
def number_of_blocks(*, num_paragraphs: Count) -> Verifier:
    """Exactly `num_paragraphs` blocks between blank lines or `***`; where one is asked for, verse is one."""
    # Whether short lines are verse or short paragraphs cannot be told from them; asked for one, a poem is meant.
    verse = num_paragraphs == 1
    return _paragraphs(lambda text: careful_paragraphs(text, verse), num_paragraphs)


@constraint("length_constraints:number_paragraphs", code="LN", rules=("ifeval",))
def number_of_divided_paragraphs(*, num_paragraphs: Count) -> Verifier:
    """Exactly `num_paragraphs` pieces between `***`, none of them blank but at the ends."""
    return _paragraphs(count_divided, num_paragraphs)
