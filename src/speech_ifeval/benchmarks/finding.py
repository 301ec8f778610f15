"""What a check of a benchmark reports, and the question two twins share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.records import TWIN_CATEGORY, Item

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


class Defect(Struct, frozen=True, forbid_unknown_fields=True):
    """Something wrong with the data themselves; nothing is ever repaired silently.

    Attributes:
        kind: a short, stable label such as ``pasted-options``.
        severity: ``error`` where no model can be right or the verdict contradicts the instruction,
            ``warning`` where a figure is distorted, ``note`` where a reader should know.
        items: the ids concerned, an unconstrained twin after its item.
        place: ``file:line`` of the first item, empty where the defect is the whole benchmark's.
        found: what the data say.
        expected: what they should say.
        note: what follows from it.

    >>> Defect("label-space", "warning", ("closed-ended/0001",), "a.jsonl:2", "' yes'", "'yes'", "").kind
    'label-space'
    """

    kind: str
    severity: Severity
    items: tuple[str, ...]
    place: str
    found: str
    expected: str
    note: str = ""


class Question(Struct, frozen=True):
    """An item with its twin; `stem` is the question that both ask, without the constraint."""

    item: Item
    twin: Item | None
    stem: str
    place: str

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.item.id,) if self.twin is None else (self.item.id, self.twin.id)

    @property
    def shares_stem(self) -> bool:
        return self.twin is None or self.item.instruction.startswith(self.twin.instruction)

    def defect(
        self,
        kind: str,
        severity: Severity,
        found: str,
        expected: str,
        note: str = "",
        *,
        with_twin: bool = True,
    ) -> Defect:
        """Return a defect of this question, or of the constrained item alone."""
        ids = self.ids if with_twin else (self.item.id,)
        return Defect(kind, severity, ids, self.place, found, expected, note)


def questions_of(benchmark: Benchmark) -> Iterator[Question]:
    """Yield every item but the twins, each with its twin where it has one, in order."""
    for item in benchmark.items:
        if item.category == TWIN_CATEGORY:
            continue
        twin = benchmark.by_id.get(item.twin) if item.twin is not None else None
        stem = item.instruction if twin is None else twin.instruction
        yield Question(item, twin, stem, benchmark.places.get(item.id, ""))


def shortened(text: str, limit: int = 100) -> str:
    """Quote a text on one line, cut in the middle where it is long.

    >>> shortened("a" * 30, limit=11)
    "'aaaa…aaaa'"
    """
    if len(text) > limit:
        half = (limit - 3) // 2
        text = f"{text[:half]}…{text[-half:]}"
    return repr(text)
