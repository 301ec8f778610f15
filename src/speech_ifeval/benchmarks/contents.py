"""A benchmark in memory: its items in order, where each was written, and the fingerprint of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from speech_ifeval.errors import UsageError
from speech_ifeval.records import CATEGORIES, Item

SIGNATURE_DIGITS = 12


@dataclass(frozen=True)
class Benchmark:
    """The items of a benchmark, unconstrained twins included.

    Two benchmarks are equal when their names and fingerprints are: the same items read from two places are
    the same benchmark.

    Attributes:
        name: what reports call it.
        items: in the order of the files; ids are unique.
        fingerprint: SHA-256 in hexadecimal over the content of the items (see `fingerprint_of`).
        root: the folder the benchmark was read from.
        missing_categories: the categories that `root` holds no items of; rates over them do not exist.
        licence: as the benchmark states it; None where it states none.
        description: what the benchmark says about itself.
        language: of the instructions, such as ``en``; None where the benchmark does not say.
        places: item id to ``file:line`` inside `root`, for messages about the item.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> example = load_benchmark("example")
    >>> item = example.item("closed-ended/0000")
    >>> example.item(item.twin).constraints
    ()
    """

    name: str
    items: tuple[Item, ...] = field(repr=False, compare=False)
    fingerprint: str
    root: Path = field(compare=False)
    missing_categories: tuple[str, ...] = field(default=(), compare=False)
    licence: str | None = field(default=None, repr=False, compare=False)
    description: str = field(default="", repr=False, compare=False)
    language: str | None = field(default=None, repr=False, compare=False)
    places: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        """Every item by its id."""
        return {item.id: item for item in self.items}

    @property
    def short_fingerprint(self) -> str:
        """The first 12 hexadecimal digits of the fingerprint, as signatures show it."""
        return self.fingerprint[:SIGNATURE_DIGITS]

    def item(self, id: str) -> Item:
        """Return the item with this id.

        Raises:
            UsageError: there is no such item.
        """
        try:
            return self.by_id[id]
        except KeyError:
            first = self.items[0].id if self.items else "none"
            raise UsageError(
                f"{self.name} has no item {id!r}; its {len(self.items)} ids look like {first!r}"
            ) from None

    def in_category(self, category: str) -> tuple[Item, ...]:
        """Return the items of one category (``closed-ended-plain`` for the twins), in order."""
        return tuple(item for item in self.items if item.category == category)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def fingerprint_of(items: Iterable[Item]) -> str:
    """Return the SHA-256, in hexadecimal, over what a score can depend on.

    That is every field but `source`, `licence`, `speaker` and `wording`, in the order of the items, with the
    kwargs' names sorted; neither file names nor line ends nor unknown fields count.

    >>> one = Item("closed-ended/0000", "closed-ended", "Transcribe.", "a.wav", "asr")
    >>> fingerprint_of([one])[:12]
    '98454de0423e'
    >>> import msgspec
    >>> fingerprint_of([msgspec.structs.replace(one, source="MELD", wording="en/x:y/01")]) == fingerprint_of([one])
    True
    """
    encoder = msgspec.json.Encoder(order="deterministic")
    content = [
        (
            item.id,
            item.category,
            item.instruction,
            item.clip,
            item.dataset,
            [(constraint.id, constraint.kwargs) for constraint in item.constraints],
            item.transcript,
            item.label,
            item.metric,
            item.twin,
        )
        for item in items
    ]
    return hashlib.sha256(encoder.encode(content)).hexdigest()


def missing_categories(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the categories, in their usual order, that none of the items belongs to.

    >>> missing_categories([Item("a", "closed-ended", "Transcribe.", "a.wav", "asr")])
    ('creative-writing', 'chain-of-thought')
    """
    present = {item.category for item in items}
    return tuple(category for category in CATEGORIES if category not in present)
