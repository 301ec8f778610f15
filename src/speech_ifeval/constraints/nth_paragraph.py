"""The first word of one paragraph, and the number of paragraphs."""

from __future__ import annotations

import re

from speech_ifeval.constraints.kwargs import Phrase, Position
from speech_ifeval.constraints.registry import Miss, Verifier, constraint
from speech_ifeval.constraints.scripts import SPACED
from speech_ifeval.errors import ConstraintError

_ID = "length_constraints:nth_paragraph_first_word"
_BREAK = "\n\n"
_WORD_ENDS_AT = ".,?!'\""
_WORD = re.compile(rf"[^{_WORD_ENDS_AT}]*")
_MARKUP = re.compile(r"^\W+|\W+$")


def _first_word(paragraph: str, longest: int) -> str:
    """The paragraph's first word without quotation marks before it, in lower case, cut after `longest` + 1.

    Letter by letter, as the original does it: `str.lower` on a whole word knows the Greek final sigma.
    """
    words = paragraph.split(None, 1)
    if not words:
        return ""
    # A word that never ends must not cost a lower-casing per letter: one letter too many already differs.
    word = words[0].lstrip("'").lstrip('"')
    end = _WORD.match(word, 0, longest + 1)
    return "".join(map(str.lower, end[0])) if end else ""


@constraint(_ID, scripts=SPACED)
def nth_paragraph_first_word(*, num_paragraphs: Position, nth_paragraph: Position, first_word: Phrase) -> Verifier:
    """There are exactly `num_paragraphs` paragraphs, and the `nth_paragraph`-th starts with `first_word`.

    Paragraphs are divided by two newlines; an empty one is not counted, yet keeps its place in the order.
    Quotation marks before the word are skipped and the word ends at white space or one of ``. , ? ! ' "``;
    case is ignored.

    Source: arXiv 2311.07911, section 2.

    Raises:
        ConstraintError: there is no such paragraph, or no text could begin with such a word.

    >>> from speech_ifeval.constraints import compile
    >>> check = compile(
    ...     "length_constraints:nth_paragraph_first_word", num_paragraphs=2, nth_paragraph=2, first_word="send"
    ... )
    >>> check.check("Hello.\\n\\nSend it."), check.explain("Hello.\\n\\nPost it.").reason
    (True, "paragraph 2 starts with 'post' instead of 'send'")
    """
    if nth_paragraph > num_paragraphs:
        raise ConstraintError(
            f"{_ID}: nth_paragraph must be at most num_paragraphs, found {nth_paragraph} of {num_paragraphs}"
        )
    for character in first_word:
        if character.isspace() or character in _WORD_ENDS_AT:
            raise ConstraintError(
                f"{_ID}: first_word must be one word without white space and {_WORD_ENDS_AT}: "
                f"no text could follow {first_word!r}"
            )
    wanted = first_word.lower()

    def count(paragraphs: list[str]) -> int:
        return sum(1 for paragraph in filter(None, paragraphs) if not paragraph.isspace())

    def starts(paragraph: str) -> bool:
        return _first_word(paragraph, len(wanted)) == wanted

    def check(text: str) -> bool:
        paragraphs = text.split(_BREAK)
        # Not counted unless the word is there: most texts that fail, fail here.
        return (
            len(paragraphs) >= num_paragraphs
            and starts(paragraphs[nth_paragraph - 1])
            and count(paragraphs) == num_paragraphs
        )

    def why(text: str) -> Miss:
        paragraphs = text.split(_BREAK)
        found = count(paragraphs)
        counted = f"{found} paragraph{'s' if found > 1 else ''} instead of {num_paragraphs}"
        if len(paragraphs) < nth_paragraph:
            return Miss(counted)
        paragraph = paragraphs[nth_paragraph - 1]
        if starts(paragraph):
            return Miss(counted, "off-by-one" if abs(found - num_paragraphs) == 1 else None)
        if not paragraph.strip():
            return Miss(f"paragraph {nth_paragraph} is empty", "empty-paragraph")
        found_word = _first_word(paragraph, 40)
        reason = f"paragraph {nth_paragraph} starts with {found_word!r} instead of {wanted!r}"
        if found != num_paragraphs:
            return Miss(f"{counted}, and {reason}")
        if any(map(starts, paragraphs)):
            return Miss(reason, "word-starts-another-paragraph")
        bare = _MARKUP.sub("", paragraph.split(None, 1)[0][: len(wanted) + 40]).lower()
        return Miss(reason, "markup-around-word" if bare == wanted else None)

    return Verifier(check, why)
