"""May a clip, and what is said in it, be passed on? Only where a licence that is known to allow it is stated."""

from __future__ import annotations

import re

from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.sources import CORPORA
from speech_ifeval.records import Item

UNKNOWN_SOURCE = "unknown"
# Licences that let anybody pass copies on, in the spellings that data sets use; what else a licence says, such as
# "no commercial use", is for who passes on to heed, and is shown.
_ALLOWING = re.compile(
    r"CC0([ -]1\.0)?|CC[ -]BY([ -](SA|NC|ND))*([ -]\d\.\d)?( DEED| International)?|public domain"
    r"|Apache([ -]License)?[ -]2\.0|MIT|BSD-[23]-Clause|ODC-By([ -]1\.0)?|CDLA-Permissive-[12]\.0|Unlicense",
    re.IGNORECASE,
)


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
    given = licence is not None and _ALLOWING.fullmatch(licence.strip()) is not None
    return Permission(item.source or UNKNOWN_SOURCE, licence, note, given)
