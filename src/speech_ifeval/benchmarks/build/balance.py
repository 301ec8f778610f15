"""Balance: who was used least is drawn next; ties are drawn at random, from a seed."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from random import Random
from typing import Generic, TypeVar

from speech_ifeval.benchmarks.build.rows import Row

T = TypeVar("T")
Cells = tuple[Hashable, ...]


class Uses:
    """Counts how often each cell was used, and ranks candidates by the cells they would use.

    >>> uses = Uses(Random(0))
    >>> [uses.take("ab", lambda letter: (letter,)) for _ in range(4)].count("a")
    2
    """

    def __init__(self, random: Random) -> None:
        self._counts: Counter[Hashable] = Counter()
        self._random = random

    def __getitem__(self, cell: Hashable) -> int:
        return self._counts[cell]

    def ranked(self, candidates: Iterable[T], cells: Callable[[T], Cells]) -> list[T]:
        """Return the candidates, the least used first: by their first cell, then the second, …, then by lot."""
        keyed = [
            (tuple(self._counts[cell] for cell in cells(candidate)), self._random.random(), at, candidate)
            for at, candidate in enumerate(candidates)
        ]
        return [candidate for *_, candidate in sorted(keyed, key=lambda entry: entry[:3])]

    def record(self, cells: Iterable[Hashable]) -> None:
        """Count each of the cells once more."""
        self._counts.update(cells)

    def take(self, candidates: Iterable[T], cells: Callable[[T], Cells]) -> T:
        """Return the least used candidate, and count it."""
        chosen = self.ranked(candidates, cells)[0]
        self.record(cells(chosen))
        return chosen


class _LeastUsed(Generic[T]):
    """Members, the least used first. Uses only grow, so an outdated place is mended when it comes up."""

    def __init__(self, members: Iterable[T], uses: Callable[[T], int], random: Random) -> None:
        self._uses = uses
        self._heap = [(uses(member), random.random(), at, member) for at, member in enumerate(members)]
        heapq.heapify(self._heap)

    def __bool__(self) -> bool:
        return bool(self._heap)

    def first(self) -> T:
        while True:
            known, lot, at, member = self._heap[0]
            now = self._uses(member)
            if now == known:
                return member
            heapq.heapreplace(self._heap, (now, lot, at, member))

    def drop_first(self) -> None:
        heapq.heappop(self._heap)


def in_balanced_order(rows: Sequence[Row], random: Random) -> Iterator[Row]:
    """Yield every row once, lap after lap, so that any beginning is as balanced as the rows allow.

    The least used task is next; of its speakers, the one heard least; of that speaker's rows, the one whose clip
    was used least.

    >>> rows = [Row(f"{n}.wav", "", task="ab"[n % 2], speaker="xy"[n % 2]) for n in range(10)]
    >>> first = [row.task for row, _ in zip(in_balanced_order(rows, Random(0)), range(4))]
    >>> sorted(first)
    ['a', 'a', 'b', 'b']
    """
    tasks: Counter[Hashable] = Counter()
    speakers: Counter[Hashable] = Counter()
    clips: Counter[Hashable] = Counter()
    while rows:
        grouped: dict[Hashable, dict[Hashable, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            grouped[row.task][row.speaker].append(row)
        within = {
            (task, speaker): _LeastUsed(members, lambda row: clips[row.audio], random)
            for task, voices in grouped.items()
            for speaker, members in voices.items()
        }
        voices = {task: _LeastUsed(grouped[task], speakers.__getitem__, random) for task in grouped}
        order = _LeastUsed(grouped, tasks.__getitem__, random)
        while order:
            task = order.first()
            speaker = voices[task].first()
            row = within[task, speaker].first()
            within[task, speaker].drop_first()
            if not within[task, speaker]:
                voices[task].drop_first()
            if not voices[task]:
                order.drop_first()
            tasks[task] += 1
            speakers[speaker] += 1
            clips[row.audio] += 1
            yield row


def shares(count: int, codes: Sequence[str], random: Random) -> dict[str, int]:
    """Divide a number into equal shares; who gets one more where it does not divide is drawn.

    >>> sorted(shares(10, ["BP", "KW", "LN"], Random(0)).values())
    [3, 3, 4]
    """
    least, more = divmod(count, len(codes))
    larger = random.sample(list(codes), more)
    return {code: least + (code in larger) for code in codes}
