"""Which texts of a benchmark may be passed on: those whose licence is known and allows it."""

from __future__ import annotations

import re

from speech_ifeval.benchmarks.sources import CORPORA, Corpus
from speech_ifeval.records import Item

# Without non-commercial and no-derivatives licences: nobody knows who reads what is passed on, and for what.
_FREE = re.compile(
    r"cc0(10)?|publicdomain|pddl(10)?|ccby(sa)?([2-4]0|25)?|apache(20|license20|licence20|2)?|mit|bsd([23]clause)?|"
    r"odcby(10)?|odbl(10)?|cdlapermissive([12]0)?"
)


def allows_passing_on(licence: str | None) -> bool:
    """Whether a licence is known to allow redistribution; one that is not known forbids it.

    >>> [allows_passing_on(one) for one in ("Apache-2.0", "CC BY 4.0", "CC BY-NC 4.0", "own agreement", None)]
    [True, True, False, False, False]
    """
    return licence is not None and _FREE.fullmatch(re.sub(r"[\W_]+", "", licence.lower())) is not None


def may_pass_on_instruction(licence: str | None) -> bool:
    """Whether instructions may be passed on: the benchmark states a licence for its items that allows it."""
    return allows_passing_on(licence)


def may_pass_on_speech(item: Item, licence: str | None) -> bool:
    """Whether an item's transcript and label may be passed on.

    What the item itself states decides. Where it states nothing, they are the work of the corpus that the clip
    comes from and of the benchmark, and the licences of both must allow it.

    Args:
        item: the item.
        licence: of the benchmark's items as a whole.

    >>> may_pass_on_speech(Item("a", "closed-ended", "?", "a.wav", "asr", source="LibriSpeech"), None)
    False
    """
    if item.licence is not None:
        return allows_passing_on(item.licence)
    corpus = licence if item.source is None else CORPORA.get(item.source, Corpus(None)).licence
    return allows_passing_on(corpus) and allows_passing_on(licence)
