"""From verdicts to groups of outcomes, and from a group to its following rate."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.records import Verdict
from speech_ifeval.results import Rate


@dataclass(frozen=True)
class Group:
    """Outcomes of one category, code or id.

    Attributes:
        keys: what each scored outcome is of, such as ``("closed-ended/0000", 0)``.
        followed: whether it is followed, shape (n,).
        clip: the index of its clip, shape (n,); outcomes of one clip are not independent.
        unscored: how many outcomes there are without a verdict.
    """

    keys: tuple[Hashable, ...]
    followed: NDArray[np.bool_]
    clip: NDArray[np.int64]
    unscored: int


class ClipIndex(dict[str, int]):
    """Numbers clips in the order they are met; runs to be compared share one."""

    def __missing__(self, clip: str) -> int:
        self[clip] = len(self)
        return self[clip]


def by_pair(
    verdicts: Iterable[Verdict], key: Callable[[Verdict], str | None], clips: ClipIndex
) -> dict[str, Group]:
    """Group verdicts, one outcome a constraint of an item, by what `key` says; None is left out.

    >>> verdict = Verdict("a", "closed-ended", "asr", "a.wav", "startend:quotation", "WR", 0, "official", True)
    >>> by_pair([verdict], lambda verdict: verdict.code, ClipIndex())["WR"].followed.tolist()
    [True]
    """
    columns: dict[str, _Columns] = {}
    for verdict in verdicts:
        name = key(verdict)
        if name is not None:
            column = columns.setdefault(name, _Columns())
            column.add((verdict.item, verdict.index), verdict.followed, clips[verdict.clip])
    return {name: column.group() for name, column in columns.items()}


def by_item(
    verdicts: Iterable[Verdict], key: Callable[[Verdict], str | None], clips: ClipIndex
) -> dict[str, Group]:
    """Group verdicts, one outcome an item: followed if all its constraints are.

    An item with a constraint that is not followed does not follow, whatever is unscored beside it; an item
    with an unscored constraint and none that fails is unscored.
    """
    first: dict[str, Verdict] = {}
    outcome: dict[str, bool | None] = {}
    for verdict in verdicts:
        if verdict.item not in first:
            first[verdict.item] = verdict
            outcome[verdict.item] = verdict.followed
        elif outcome[verdict.item] is not False and verdict.followed is not True:
            outcome[verdict.item] = verdict.followed
    columns: dict[str, _Columns] = {}
    for item, verdict in first.items():
        name = key(verdict)
        if name is not None:
            columns.setdefault(name, _Columns()).add(item, outcome[item], clips[verdict.clip])
    return {name: column.group() for name, column in columns.items()}


class _Columns:
    def __init__(self) -> None:
        self.keys: list[Hashable] = []
        self.followed: list[bool] = []
        self.clip: list[int] = []
        self.unscored = 0

    def add(self, key: Hashable, followed: bool | None, clip: int) -> None:
        if followed is None:
            self.unscored += 1
        else:
            self.keys.append(key)
            self.followed.append(followed)
            self.clip.append(clip)

    def group(self) -> Group:
        return Group(
            tuple(self.keys),
            np.array(self.followed, dtype=np.bool_),
            np.array(self.clip, dtype=np.int64),
            self.unscored,
        )


EMPTY = Group((), np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64), 0)


def following_rate(group: Group) -> Rate:
    """Return the group's following rate in percent, with its 95 % interval; None where nothing is scored.

    >>> following_rate(EMPTY).rate is None
    True
    """
    n = len(group.followed)
    followed = int(group.followed.sum())
    if n == 0:
        return Rate(0, 0, group.unscored, None, None, None)
    interval = rate_interval(group.followed, group.clip)
    return Rate(followed, n, group.unscored, 100 * followed / n, 100 * interval.low, 100 * interval.high)


def rates(groups: Mapping[str, Group], order: Iterable[str] | None = None) -> dict[str, Rate]:
    """Return each group's rate; with `order`, those names in that order, empty groups included."""
    names = sorted(groups) if order is None else order
    return {name: following_rate(groups.get(name, EMPTY)) for name in names}
