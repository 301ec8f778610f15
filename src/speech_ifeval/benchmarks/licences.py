"""What may be passed on of a benchmark: only what a licence covers that is known to allow it."""

from __future__ import annotations

import re

from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.sources import CORPORA, Corpus
from speech_ifeval.records import Item

UNKNOWN_SOURCE = "unknown"
# Without non-commercial and no-derivatives licences: nobody knows who reads what is passed on, and for what.
_FREE = re.compile(
    r"cc0(10)?|publicdomain|pddl(10)?|ccby(sa)?([2-4]0|25)?(deed|international)?|apache(license|licence)?(20|2)?|mit"
    r"|bsd([23]clause)?|odcby(10)?|odbl(10)?|cdlapermissive([12]0)?|unlicense"
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
    """Whether an item's transcript and label may be passed on as a benchmark's.

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


class Permission(Struct, frozen=True):
    """Whether a clip and its transcript may be passed on, by whose word.

    Attributes:
        source: the corpus; ``unknown`` where none is stated.
        licence: as it is stated; None where none is.
        note: what else is known of it.
        given: whether the licence is known to allow it; not where there is none.
    """

    source: str
    licence: str | None
    note: str
    given: bool


def permission_of(item: Item, benchmark: Benchmark) -> Permission:
    """Return whether an item's clip and transcript may be passed on.

    What the item itself states goes first, then what is known of its corpus, then what the benchmark states.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> bundled = load_benchmark("bundled")
    >>> permission_of(bundled.item("closed-ended/0000"), bundled).given
    True
    >>> heard = Item("closed-ended/0000", "closed-ended", "Who?", "a.wav", "mood", source="IEMOCAP")
    >>> permission_of(heard, bundled).licence, permission_of(heard, bundled).given
    ('own licence agreement', False)
    """
    corpus = CORPORA.get(item.source or "")
    licence, note = item.licence, ""
    if licence is None and corpus is not None:
        licence, note = corpus.licence, corpus.note
    elif licence is None:
        licence = benchmark.licence
    return Permission(item.source or UNKNOWN_SOURCE, licence, note, allows_passing_on(licence))
