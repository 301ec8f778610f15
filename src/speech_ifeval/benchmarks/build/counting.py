"""What a benchmark holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from speech_ifeval import constraints
from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.records import CATEGORIES, CODES, JUDGED_CODE, JUDGED_ID, Item


class Holdings(Struct, frozen=True):
    """How much of what a benchmark holds.

    Attributes:
        name, fingerprint: the benchmark's.
        items: of each category, the twins apart.
        codes, tasks: items with a constraint under each code, and of each data set.
        clips, speakers: how many different ones; speakers that are not named are none.
        fewest_of_speaker, most_of_speaker: items with a constraint of one speaker; None where no speaker is named.
        wordings: how many different ones are used.
        fewest_of_wording, most_of_wording: items of one wording, of those that are used; None where there is none.
    """

    name: str
    fingerprint: str
    items: dict[str, int]
    codes: dict[str, int]
    tasks: dict[str, int]
    clips: int
    speakers: int
    fewest_of_speaker: int | None
    most_of_speaker: int | None
    wordings: int
    fewest_of_wording: int | None
    most_of_wording: int | None


def count_holdings(benchmark: Benchmark) -> Holdings:
    """Count what a benchmark holds.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> count_holdings(load_benchmark("example")).codes["JS"]
    6
    """
    constrained = [item for item in benchmark if item.category in CATEGORIES]
    codes = Counter(code for item in constrained for code in _codes(item))
    speakers = Counter(item.speaker for item in constrained if item.speaker is not None)
    wordings = Counter(item.wording for item in constrained if item.wording is not None)
    return Holdings(
        name=benchmark.name,
        fingerprint=benchmark.fingerprint,
        items=dict(Counter(item.category for item in benchmark)),
        codes={code: codes[code] for code in CODES if codes[code]},
        tasks=dict(sorted(Counter(item.dataset for item in constrained).items())),
        clips=len({item.clip for item in benchmark}),
        speakers=len(speakers),
        fewest_of_speaker=min(speakers.values(), default=None),
        most_of_speaker=max(speakers.values(), default=None),
        wordings=len(wordings),
        fewest_of_wording=min(wordings.values(), default=None),
        most_of_wording=max(wordings.values(), default=None),
    )


def _codes(item: Item) -> Iterable[str | None]:
    for constraint in item.constraints:
        judged = constraint.id == JUDGED_ID
        yield JUDGED_CODE if judged else constraints.find_definition(constraint.id, "official").code
