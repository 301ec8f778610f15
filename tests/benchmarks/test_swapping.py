"""Which clip stands in for which."""

from __future__ import annotations

from collections import Counter

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.swapping import swapped_clips
from speech_ifeval.records import Item


def items(labels: dict[str, str | None], dataset: str = "voice") -> list[Item]:
    return [
        Item(f"closed-ended/{clip}", "closed-ended", "Who speaks?", clip, dataset, label=label)
        for clip, label in labels.items()
    ]


@pytest.mark.parametrize(
    ("counts", "same"),
    [
        ({"man": 3, "woman": 3}, 0),
        ({"man": 2, "woman": 1, "child": 1}, 0),
        ({"man": 7, "woman": 3}, 4),  # four of the seven have nobody else to swap with
        ({"man": 5}, 5),
        ({"man": 1, "woman": 1}, 0),
    ],
)
@pytest.mark.parametrize("seed", range(20))
def test_the_answer_differs_wherever_it_can(counts: dict[str, int], same: int, seed: int) -> None:
    labels = {f"{label}-{n}": label for label, count in counts.items() for n in range(count)}
    swap = swapped_clips(items(dict(labels)), seed)
    assert sorted(swap.values()) == sorted(clip for _, clip in swap) == sorted(labels)
    assert all(clip != other for (_, clip), other in swap.items())
    assert sum(labels[clip] == labels[other] for (_, clip), other in swap.items()) == same


def test_a_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    some = items({f"{n:02d}": None for n in range(20)})
    assert swapped_clips(some, 1) == swapped_clips(reversed(some), 1) != swapped_clips(some, 2)


def test_a_clip_that_is_alone_is_left_out_and_data_sets_do_not_mix() -> None:
    some = [*items({"a": "x"}, "one"), *items({"a": "x", "b": "y"}, "two")]
    assert swapped_clips(some, 0) == {("two", "a"): "b", ("two", "b"): "a"}


def test_every_clip_gets_every_other_one_alike_often() -> None:
    some = items({"a": None, "b": None, "c": None, "d": None})
    drawn = Counter(swapped_clips(some, seed)["voice", "a"] for seed in range(600))
    assert set(drawn) == {"b", "c", "d"}
    assert min(drawn.values()) > 150


def test_the_bundled_benchmark_swaps_all_its_clips() -> None:
    bundled = load_benchmark("bundled")
    swap = swapped_clips(bundled.items, 0)
    assert set(swap) == {(item.dataset, item.clip) for item in bundled}
