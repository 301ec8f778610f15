"""Balance: equal shares, and any beginning of the order as even as the rows allow."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.benchmarks.build import Row
from speech_ifeval.benchmarks.build.balance import Uses, in_balanced_order, shares

rows = st.lists(
    st.builds(
        Row,
        st.sampled_from(["a.wav", "b.wav", "c.wav", "d.wav"]),
        st.just("Hello."),
        task=st.sampled_from([None, "asr", "gender"]),
        speaker=st.sampled_from([None, "ann", "ben"]),
    ),
    min_size=1,
    max_size=30,
)


@given(rows, st.integers(0, 3))
def test_every_row_comes_once_before_any_comes_again(corpus: list[Row], seed: int) -> None:
    order = in_balanced_order(corpus, Random(seed))
    for _ in range(2):
        lap = list(islice(order, len(corpus)))
        assert Counter(map(id, lap)) == Counter(map(id, corpus))


@given(rows, st.integers(1, 30))
def test_of_any_beginning_the_tasks_differ_by_one_unless_a_task_has_no_more_rows(
    corpus: list[Row], count: int
) -> None:
    first = list(islice(in_balanced_order(corpus, Random(0)), min(count, len(corpus))))
    taken, there = Counter(row.task for row in first), Counter(row.task for row in corpus)
    unfinished = [taken[task] for task in there if taken[task] < there[task]]
    assert not unfinished or max(taken.values()) - min(unfinished) <= 1


def test_speakers_and_clips_take_turns() -> None:
    corpus = [Row(f"{n % 6}.wav", "", task=task, speaker=f"s{n % 3}") for n in range(12) for task in ("a", "b")]
    first = list(islice(in_balanced_order(corpus, Random(1)), 12))
    assert set(Counter(row.speaker for row in first).values()) == {4}
    assert set(Counter(row.task for row in first).values()) == {6}
    assert set(Counter(row.audio for row in first).values()) == {2}


def test_a_large_corpus_is_ordered_in_little_time() -> None:
    corpus = [Row(f"{n}.wav", "", task="asr", speaker=f"s{n % 2000}") for n in range(50_000)]
    first = list(islice(in_balanced_order(corpus, Random(0)), 4000))
    assert set(Counter(row.speaker for row in first).values()) == {2}


@given(st.integers(0, 100), st.integers(1, 5), st.integers(0, 5))
def test_shares_are_equal_but_for_one(count: int, codes: int, seed: int) -> None:
    given_out = shares(count, [str(n) for n in range(codes)], Random(seed))
    assert sum(given_out.values()) == count
    assert max(given_out.values()) - min(given_out.values()) <= 1


@pytest.mark.parametrize("seed", range(3))
def test_the_least_used_is_taken_and_ties_fall_by_lot(seed: int) -> None:
    uses = Uses(Random(seed))
    taken = [uses.take("abc", lambda letter: (letter,)) for _ in range(9)]
    assert Counter(taken) == {"a": 3, "b": 3, "c": 3}
    again = Uses(Random(seed))
    assert taken == [again.take("abc", lambda letter: (letter,)) for _ in range(9)]
