"""Part of a benchmark: the first items, some categories, or a sample that larger samples contain."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.constraints import find_definition
from speech_ifeval.errors import UsageError
from speech_ifeval.records import CATEGORIES, JUDGED_CODE, JUDGED_ID, TWIN_CATEGORY, Item


class Selection(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which items of a benchmark are asked and scored; the default is all of them.

    Attributes:
        limit: the first so many items of each category, None for all.
        categories: only these, empty for all.
        twins: whether the unconstrained twins of the chosen items are asked as well.
        sample: so many items with a constraint, None for all.

    Raises:
        UsageError: a number below 1, an unknown category, or both a limit and a sample.

    >>> Selection(sample=200, categories=("closed-ended",)).label
    'sample-200+closed-ended'
    """

    limit: int | None = None
    categories: tuple[str, ...] = ()
    twins: bool = True
    sample: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("--limit", self.limit), ("--sample", self.sample)):
            if value is not None and value < 1:
                raise UsageError(f"{name} takes a whole number from 1, found {value}")
        if self.limit is not None and self.sample is not None:
            raise UsageError("--limit and --sample exclude each other; give one of them")
        for category in self.categories:
            if category not in CATEGORIES:
                raise UsageError(
                    f"no category {category!r}: expected {', '.join(CATEGORIES[:-1])} or {CATEGORIES[-1]}"
                )

    @property
    def label(self) -> str:
        """What signatures call it: everything that decides which verdicts there are; ``all`` for all."""
        parts = [f"limit-{self.limit}"] * (self.limit is not None)
        parts += [f"sample-{self.sample}"] * (self.sample is not None)
        parts += [category for category in CATEGORIES if category in self.categories]
        return "+".join(parts) or "all"

    def choose(self, benchmark: Benchmark) -> tuple[Item, ...]:
        """Return the chosen items that carry a constraint, in the benchmark's order.

        A sample is the same every time, and a smaller one is part of every larger one. It takes the
        categories in turn, since IFrate weighs them alike, and within a category spreads over the codes.

        >>> from speech_ifeval.benchmarks import load_benchmark
        >>> example = load_benchmark("example")
        >>> few, more = ({item.id for item in Selection(sample=n).choose(example)} for n in (12, 30))
        >>> len(few), few <= more
        (12, True)
        """
        wanted = self.categories or CATEGORIES
        items = [item for item in benchmark if item.constraints and item.category in wanted]
        if self.limit is not None:
            return tuple(_first(items, self.limit))
        if self.sample is not None:
            chosen = {item.id for item in growing_order(items)[: self.sample]}
            return tuple(item for item in items if item.id in chosen)
        return tuple(items)

    def with_twins(self, benchmark: Benchmark) -> tuple[Item, ...]:
        """Return the chosen items and, unless they are left out, their twins, in the benchmark's order.

        A benchmark that demands nothing of any reply is asked as it is.
        """
        if not any(item.constraints for item in benchmark):
            return benchmark.items
        chosen = {item.id for item in self.choose(benchmark)}
        if self.twins:
            chosen |= {item.id for item in benchmark if item.category == TWIN_CATEGORY and item.twin in chosen}
        return tuple(item for item in benchmark if item.id in chosen)


def code_of(item: Item) -> str | None:
    """Return the code of an item's first constraint, None where it has none.

    >>> from speech_ifeval.records import Constraint
    >>> code_of(Item("a", "closed-ended", "?", "a.wav", "asr", (Constraint("startend:quotation"),)))
    'WR'
    """
    if not item.constraints:
        return None
    first = item.constraints[0].id
    return JUDGED_CODE if first == JUDGED_ID else find_definition(first, "official").code


def _first(items: Iterable[Item], limit: int) -> Iterable[Item]:
    seen: dict[str, int] = defaultdict(int)
    for item in items:
        seen[item.category] += 1
        if seen[item.category] <= limit:
            yield item


def limit_order(items: Iterable[Item]) -> list[Item]:
    """Return items in the order in which limits grow: by turns over the categories, each in its own order.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> [item.id for item in limit_order(load_benchmark("example").items[:2])]
    ['closed-ended/0000', 'closed-ended/0001']
    """
    ranks: dict[str, int] = defaultdict(int)
    turns: list[tuple[int, str, Item]] = []
    for item in items:
        turns.append((ranks[item.category], item.category, item))
        ranks[item.category] += 1
    return [item for _, _, item in sorted(turns, key=lambda turn: turn[:2])]


def growing_order(items: Sequence[Item]) -> list[Item]:
    """Return items in the order in which samples grow: by turns over the categories, evenly over their codes.

    The first n of them are the sample of n.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> example = load_benchmark("example")
    >>> first = {item.id for item in growing_order([item for item in example if item.constraints])[:12]}
    >>> first == {item.id for item in Selection(sample=12).choose(example)}
    True
    """
    strata: dict[tuple[str, str | None], list[Item]] = defaultdict(list)
    for item in items:
        strata[item.category, code_of(item)].append(item)
    by_category: dict[str, list[tuple[float, str, Item]]] = defaultdict(list)
    for (category, _), stratum in strata.items():
        ranked = sorted(stratum, key=_lot)
        by_category[category] += [
            ((rank + 0.5) / len(ranked), _lot(item), item) for rank, item in enumerate(ranked)
        ]
    turns: list[tuple[int, str, Item]] = []
    for category, places in by_category.items():
        places.sort(key=lambda place: place[:2])
        turns += [(turn, category, item) for turn, (_, _, item) in enumerate(places)]
    turns.sort(key=lambda turn: turn[:2])
    return [item for _, _, item in turns]


def _lot(item: Item) -> str:
    return hashlib.sha256(item.id.encode()).hexdigest()
