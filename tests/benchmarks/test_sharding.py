"""Shards: disjoint, complete, balanced, nested in larger samples, the same for whoever asks; Slurm's variables."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.sharding import Shard, deal, parse_shard, stated_seconds
from speech_ifeval.errors import UsageError
from speech_ifeval.records import TWIN_CATEGORY, Item

EXAMPLE = load_benchmark("example")
BUNDLED = load_benchmark("bundled")


def parts_of(benchmark: Benchmark, selection: Selection, count: int) -> list[set[str]]:
    return [{item.id for item in Shard(i, count).part(selection, benchmark)} for i in range(1, count + 1)]


selections = st.one_of(
    st.builds(Selection, sample=st.integers(1, 80), twins=st.booleans()),
    st.builds(Selection, limit=st.integers(1, 20)),
    st.just(Selection()),
    st.builds(
        Selection, categories=st.sampled_from([("closed-ended",), ("creative-writing", "chain-of-thought")])
    ),
)


@given(selections, st.integers(1, 130))
def test_parts_are_disjoint_and_complete(selection: Selection, count: int) -> None:
    parts = parts_of(EXAMPLE, selection, count)
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert set().union(*parts) == {item.id for item in selection.with_twins(EXAMPLE)}


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 12))
def test_the_part_of_a_sample_is_contained_in_that_of_every_larger_one(few: int, more: int, count: int) -> None:
    small = parts_of(EXAMPLE, Selection(sample=few), count)
    large = parts_of(EXAMPLE, Selection(sample=few + more), count)
    whole = parts_of(EXAMPLE, Selection(), count)
    for one, other, all_ in zip(small, large, whole, strict=True):
        assert one <= other <= all_


@given(st.integers(1, 80), st.integers(1, 40), st.booleans())
def test_no_category_differs_by_more_than_one(size: int, count: int, first: bool) -> None:
    selection = Selection(limit=size) if first else Selection(sample=size)
    asked = {item.id: item for item in selection.with_twins(EXAMPLE)}
    parts = parts_of(EXAMPLE, selection, count)
    for category in {item.category for item in asked.values()}:
        counts = [sum(asked[id].category == category for id in part) for part in parts]
        assert max(counts) - min(counts) <= 1, category


@given(st.randoms(use_true_random=False), st.integers(2, 9))
def test_the_order_of_the_items_changes_nothing(draw: random.Random, count: int) -> None:
    items = list(EXAMPLE.items)
    draw.shuffle(items)
    shuffled = replace(EXAMPLE, items=tuple(items), fingerprint=fingerprint_of(items))
    assert deal(shuffled, count) == deal(EXAMPLE, count)


@pytest.mark.parametrize("count", [2, 7, 16])
def test_a_question_and_its_twin_stay_together(count: int) -> None:
    dealt = deal(BUNDLED, count)
    twins = [item for item in BUNDLED if item.category == TWIN_CATEGORY]
    assert twins
    assert all(dealt[twin.id] == dealt[twin.twin or ""] for twin in twins)


@pytest.mark.parametrize(("count", "items", "lengths"), [(2, 1.01, 1.01), (4, 1.01, 1.02), (8, 1.01, 1.03)])
def test_the_longest_part_is_hardly_longer_than_the_mean(count: int, items: float, lengths: float) -> None:
    dealt = deal(BUNDLED, count)
    by_items = Counter(dealt.values())
    by_length: Counter[int] = Counter()
    for item in BUNDLED:
        by_length[dealt[item.id]] += stated_seconds(item)
    assert max(by_items.values()) * count / sum(by_items.values()) <= items
    assert max(by_length.values()) * count / sum(by_length.values()) <= lengths


@pytest.mark.parametrize(
    ("transcript", "seconds"),
    [
        ("[00:00:00 - 00:00:05] Hello.(Gender: Female)", 5),
        ("[00:00:00 - 00:00:05] Hello. [00:00:05 - 00:01:04] And you?", 64),
        ("[01:00:00 - 01:00:01] Late.", 3601),
        ("[00:00:00 - 00:00:99] No time.", 2),
        ("twenty-nine characters of it.", 1),
        (None, 0),
    ],
)
def test_how_long_a_clip_is_by_its_transcript(transcript: str | None, seconds: int) -> None:
    assert stated_seconds(Item("a", "closed-ended", "?", "a.wav", "asr", transcript=transcript)) == seconds


def test_items_without_any_demand_are_dealt_as_well() -> None:
    bare = tuple(item for item in EXAMPLE if item.category == TWIN_CATEGORY)
    benchmark = replace(EXAMPLE, items=bare, fingerprint=fingerprint_of(bare))
    assert sorted(map(len, parts_of(benchmark, Selection(), 3))) == [13, 13, 14]


def array(id: Any, first: Any, last: Any, count: Any, **more: str) -> dict[str, str]:
    names = ("ID", "MIN", "MAX", "COUNT")
    values = (id, first, last, count)
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in zip(names, values, strict=True)} | more


TASK = {"SLURM_PROCID": "2", "SLURM_NTASKS": "4"}


@pytest.mark.parametrize(
    ("text", "environment", "label"),
    [
        ("1/1", {}, "1/1"),
        (" 3 / 8 ", {}, "3/8"),
        ("2/4", array(1, 1, 8, 8), "2/4"),  # what is said goes before what Slurm says
        ("auto", array(0, 0, 3, 4), "1/4"),
        ("auto", array(3, 0, 3, 4), "4/4"),
        ("auto", array(8, 1, 8, 8), "8/8"),
        ("auto", array(6, 0, 14, 8), "4/8"),  # --array=0-14:2
        ("auto", array(102, 101, 102, 2), "2/2"),
        ("auto", array(1, 1, 8, 8, **TASK), "1/8"),  # the array goes before the step
        ("auto", TASK, "3/4"),
        ("auto", {"SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, "1/1"),
    ],
)
def test_what_a_shard_is_called(text: str, environment: dict[str, str], label: str) -> None:
    assert parse_shard(text, environment).label == label


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        ("0/4", {}, "no shard 0/4: shards are counted from 1, from 1/4 to 4/4"),
        ("5/4", {}, "no shard 5/4"),
        ("1/0", {}, "expected 1 to 1,000,000 shards, found 0"),
        ("2", {}, "takes I/N, counted from 1, such as 2/8, or auto, found '2'"),
        ("-1/4", {}, "found '-1/4'"),
        ("1/4/2", {}, "found '1/4/2'"),
        ("١/٤", {}, "takes I/N"),
        ("", {}, "takes I/N"),
        ("auto", {}, "an array's (SLURM_ARRAY_TASK_ID) or a step's (SLURM_PROCID), found neither"),
        ("auto", array(3, 3, 3, 1), "an array of one task (SLURM_ARRAY_TASK_ID=3) does not say"),
        ("auto", array(5, 1, 7, 3), "an array without gaps, found the task 5 of 3 from 1 to 7"),
        ("auto", array(2, 1, 8, 3), "an array without gaps"),
        ("auto", array(9, 1, 8, 8), "an array without gaps"),
        ("auto", array(0, 1, 8, 8), "an array without gaps"),
        ("auto", array(1, 1, 1, 4), "an array without gaps"),
        ("auto", array(1, 1, 8, 0), "an array without gaps"),
        ("auto", array("x", 1, 8, 8), "a whole number in SLURM_ARRAY_TASK_ID, found 'x'"),
        ("auto", {"SLURM_ARRAY_TASK_ID": "1"}, "SLURM_ARRAY_TASK_ID is set, and SLURM_ARRAY_TASK_MIN is not"),
        ("auto", {"SLURM_PROCID": "4", "SLURM_NTASKS": "4"}, "SLURM_PROCID below SLURM_NTASKS, found 4 and 4"),
        ("auto", {"SLURM_PROCID": "0", "SLURM_NTASKS": "-2"}, "a whole number in SLURM_NTASKS, found '-2'"),
    ],
)
def test_nonsense_is_refused(text: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_shard(text, environment)
    assert message in str(error.value)
