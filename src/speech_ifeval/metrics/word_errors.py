"""Words of a transcript against its reference: the normaliser, and the edits that lead from one to the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from speech_ifeval.metrics.answers import WordEdits

if TYPE_CHECKING:
    from collections.abc import Callable

    from jiwer.process import AlignmentChunk

NORMALISER = "whisper-basic"
_TITLE_MARKS = str.maketrans("", "", "<>")
_SQUARE = re.compile(r"\[[^\]]*\]")
_BRACKETS = str.maketrans(dict.fromkeys("()[]", " "))


def normalise(text: str) -> str:
    """Return the text as it is compared: without ``<`` and ``>``, then through Whisper's basic normaliser.

    The normaliser lowers the case, drops what stands in square or round brackets, turns every mark, symbol and
    punctuation character into a space, and joins what is between. It would drop ``<<a title>>`` with its words,
    which is why those two characters go first.

    Source: Radford et al. (2023), Robust Speech Recognition via Large-Scale Weak Supervision, appendix C, for
    languages other than English; arXiv 2505.19037 for the two characters.

    >>> normalise('<<Well, "it\\'s"  DONE>> [laughs]')
    'well it s done'
    """
    # The normaliser searches from every opening bracket to the end of a text that never closes it, which a model's
    # reply can make quadratic. What is done first changes nothing but that: such brackets become spaces anyway.
    plain = _SQUARE.sub("", _without_open_ends(text.translate(_TITLE_MARKS), "[", "]"))
    return _normaliser()(_without_open_ends(plain, "(", ")")).strip()


def _without_open_ends(text: str, opening: str, closing: str) -> str:
    """Replace the opening brackets after the last closing one by spaces."""
    end = text.rfind(closing) + 1
    return text[:end] + text[end:].replace(opening, " ")


@cache
def _normaliser() -> Callable[[str], str]:
    from whisper_normalizer.basic import BasicTextNormalizer

    normaliser: Callable[[str], str] = BasicTextNormalizer()
    return normaliser


def count_words(text: str) -> int:
    """Count the words of a text as they are compared, those in brackets too.

    >>> count_words('["one", "two"]'), count_words("")
    (2, 0)
    """
    return len(normalise(text.translate(_BRACKETS)).split())


def count_edits(references: Sequence[str], transcripts: Sequence[str]) -> list[WordEdits]:
    """Count each transcript's edits against its reference, both normalised here.

    An empty transcript is all deletions. An empty reference has no words: every word of the transcript is an
    insertion, so the item adds to the errors of a corpus and nothing to its words, and has no rate of its own.

    Args:
        references: what was said, shape (n,).
        transcripts: what was understood, shape (n,).

    Raises:
        ValueError: the two are not equally long.

    >>> count_edits(["He sat down, weak."], ["he sat weak weak"])
    [WordEdits(hits=3, substitutions=1, deletions=0, insertions=0)]
    >>> [(edits.words, edits.errors) for edits in count_edits(["", "a b"], ["x y z", ""])]
    [(0, 3), (2, 2)]
    """
    if len(references) != len(transcripts):
        raise ValueError(f"expected a transcript a reference, got {len(references)} and {len(transcripts)}")
    if not references:
        return []
    from jiwer import process_words

    said, understood = [normalise(text) for text in references], [normalise(text) for text in transcripts]
    return [_sum(chunks) for chunks in process_words(said, understood).alignments]


def _sum(chunks: Sequence[AlignmentChunk]) -> WordEdits:
    hits = substitutions = deletions = insertions = 0
    for chunk in chunks:
        said = chunk.ref_end_idx - chunk.ref_start_idx
        if chunk.type == "equal":
            hits += said
        elif chunk.type == "delete":
            deletions += said
        elif chunk.type == "insert":
            insertions += chunk.hyp_end_idx - chunk.hyp_start_idx
        else:
            substitutions += said
    return WordEdits(hits, substitutions, deletions, insertions)
