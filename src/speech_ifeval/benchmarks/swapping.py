"""Which clip stands in for which: another one of the same data set, with another right answer if it can be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from random import Random

from speech_ifeval.records import Item

Place = tuple[str, str]  # a data set, and a clip of it


def swapped_clips(items: Iterable[Item], seed: int) -> dict[Place, str]:
    """Draw, for every clip of every data set, the clip that takes its place.

    Within a data set each clip takes the place of exactly one other. Clips with the same right answers are put
    side by side in random order, and all are moved on by more places than the largest such group has, so that the
    answer stays the same only where one answer is that of more than half of the clips. A clip that is alone in its
    data set has none to swap with and is left out.

    Args:
        items: the same items, in any order, give the same draw.
        seed: of the draw.

    >>> def item(clip: str, label: str) -> Item:
    ...     return Item(f"closed-ended/{clip}", "closed-ended", "Who speaks?", clip, "voice", label=label)
    >>> swap = swapped_clips([item("a", "man"), item("b", "man"), item("c", "woman"), item("d", "woman")], seed=0)
    >>> {swap["voice", "a"], swap["voice", "b"]} == {"c", "d"}
    True
    """
    answers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for item in items:
        found = answers[item.dataset][item.clip]
        if item.label is not None:
            found.add(item.label)
    swap: dict[Place, str] = {}
    for dataset in sorted(answers):
        rng = Random(f"{seed}/{dataset}")
        swap |= {(dataset, clip): other for clip, other in _moved_on(answers[dataset], rng)}
    return swap


def _moved_on(answers: Mapping[str, set[str]], rng: Random) -> Iterable[tuple[str, str]]:
    count = len(answers)
    if count < 2:
        return ()
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for clip in sorted(answers):
        # A clip that nothing is known of is like no other.
        alike[tuple(sorted(answers[clip])) or ("", clip)].append(clip)
    groups = list(alike.values())
    rng.shuffle(groups)
    row = [clip for group in groups for clip in rng.sample(group, len(group))]
    largest = max(map(len, groups))
    fewest, most = min(largest, count - largest), max(largest, count - largest)
    steps = rng.randint(max(fewest, 1), min(most, count - 1))
    return zip(row, row[steps:] + row[:steps], strict=True)
