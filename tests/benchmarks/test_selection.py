"""Parts of a benchmark: limits, categories, and samples that nest."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.derived import with_items
from speech_ifeval.benchmarks.selection import Selection, code_of
from speech_ifeval.errors import UsageError
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY
from tests.shared_data import RELEASE, needs_release

EXAMPLE = load_benchmark("example")
SCORED = [item for item in EXAMPLE if item.constraints]


def ids(selection: Selection, benchmark: Benchmark = EXAMPLE) -> list[str]:
    return [item.id for item in selection.choose(benchmark)]


def test_the_default_is_everything_and_the_twins() -> None:
    assert ids(Selection()) == [item.id for item in SCORED]
    assert len(Selection().with_twins(EXAMPLE)) == len(EXAMPLE)


@pytest.mark.parametrize("limit", [1, 3, 12, 1000])
def test_a_limit_takes_the_first_of_each_category(limit: int) -> None:
    for category in CATEGORIES:
        expected = [item.id for item in SCORED if item.category == category][:limit]
        assert [id for id in ids(Selection(limit=limit)) if id.startswith(f"{category}/")] == expected


@given(st.integers(1, 80), st.integers(1, 80))
def test_smaller_samples_are_part_of_larger_ones(one: int, other: int) -> None:
    few, more = sorted((one, other))
    assert set(ids(Selection(sample=few))) <= set(ids(Selection(sample=more)))
    assert len(ids(Selection(sample=few))) == min(few, len(SCORED))


@given(st.integers(3, 66))
def test_a_sample_takes_the_categories_in_turn(size: int) -> None:
    sizes = Counter(item.category for item in Selection(sample=size).choose(EXAMPLE))
    whole = Counter(item.category for item in SCORED)
    most = max(sizes.values())
    assert all(sizes[category] in (most, most - 1, whole[category]) for category in CATEGORIES)


@needs_release
@pytest.mark.parametrize("size", [60, 200, 600])
def test_a_sample_spreads_over_the_codes_of_each_category(size: int) -> None:
    release = load_benchmark(RELEASE)
    whole = Counter((item.category, code_of(item)) for item in release if item.constraints)
    chosen = Counter((item.category, code_of(item)) for item in Selection(sample=size).choose(release))
    for category in CATEGORIES:
        total = sum(count for (one, _), count in whole.items() if one == category)
        taken = sum(count for (one, _), count in chosen.items() if one == category)
        for (one, code), count in whole.items():
            if one == category:
                assert abs(chosen[one, code] - taken * count / total) < 1.5, (category, code)


def test_twins_go_with_their_items() -> None:
    asked = Selection(sample=20).with_twins(EXAMPLE)
    closed = [item for item in asked if item.category == CATEGORIES[0]]
    assert [item.twin for item in closed] == [item.id for item in asked if item.category == TWIN_CATEGORY]
    without = Selection(sample=20, twins=False).with_twins(EXAMPLE)
    assert [item.id for item in without] == ids(Selection(sample=20))


@pytest.mark.parametrize(
    ("selection", "label"),
    [
        (Selection(), "all"),
        (Selection(twins=False), "all"),
        (Selection(limit=10), "limit-10"),
        (Selection(sample=200), "sample-200"),
        (Selection(categories=("chain-of-thought", "closed-ended")), "closed-ended+chain-of-thought"),
        (Selection(limit=2, categories=("creative-writing",)), "limit-2+creative-writing"),
    ],
)
def test_the_label_says_what_decides_the_figures(selection: Selection, label: str) -> None:
    assert selection.label == label


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "--limit takes a whole number from 1, found 0"),
        ({"sample": -1}, "--sample takes a whole number from 1, found -1"),
        ({"limit": 1, "sample": 1}, "exclude each other"),
        ({"categories": ("closed",)}, "no category 'closed'"),
        ({"categories": (TWIN_CATEGORY,)}, "no category"),
    ],
)
def test_what_makes_no_selection_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Selection(**arguments)  # type: ignore[arg-type]


def test_a_benchmark_that_demands_nothing_is_asked_as_it_is() -> None:
    plain = with_items(
        load_benchmark("example"), lambda item: msgspec.structs.replace(item, constraints=(), twin=None), "plain"
    )
    assert Selection().with_twins(plain) == plain.items
    assert not Selection().choose(plain)
