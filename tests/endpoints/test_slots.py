"""Several calls at a time: bounded, read as slots come free, nothing under way lost."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from speech_ifeval.endpoints import concurrently


class Busy:
    """Counts how many calls are made at a time, and how many items have been read and not yet begun or done."""

    def __init__(self, seconds: float = 0.01) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self.now = self.most = self.done = 0

    def __call__(self, item: int) -> int:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self._seconds)
        with self._lock:
            self.now -= 1
            self.done += 1
        return item


@pytest.mark.parametrize("slots", [1, 2, 7, 64])
@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_every_item_is_done_once_and_never_more_than_the_slots_at_a_time(slots: int, count: int) -> None:
    busy = Busy(0.002)
    assert sorted(concurrently(busy, range(count), slots)) == list(range(count))
    assert busy.most <= slots


def test_calls_do_overlap() -> None:
    busy = Busy(0.05)
    list(concurrently(busy, range(8), 4))
    assert busy.most == 4


@pytest.mark.parametrize("slots", [1, 3])
def test_an_item_is_read_only_when_a_slot_is_free(slots: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        for item in range(20):
            assert item - taken < slots
            yield item

    for _ in concurrently(Busy(0.001), items(), slots):
        taken += 1
    assert taken == 20


def test_what_is_done_is_yielded_while_the_next_item_is_slow_to_come() -> None:
    def items() -> Iterator[int]:
        yield 0
        time.sleep(0.1)
        yield 1
        time.sleep(1)

    start = time.monotonic()
    assert next(concurrently(Busy(0), items(), 4)) == 0
    assert time.monotonic() - start < 0.9


def test_when_the_items_end_what_is_under_way_is_still_yielded() -> None:
    stop = threading.Event()

    def items() -> Iterator[int]:
        for item in range(1000):
            if stop.is_set():
                return
            yield item

    busy, results = Busy(0.02), []
    for result in concurrently(busy, items(), 4):
        results.append(result)
        stop.set()
    assert len(results) == busy.done
    assert 1 <= len(results) <= 9


def test_a_call_that_raises_ends_the_rest_but_not_what_is_under_way() -> None:
    busy = Busy(0.05)

    def call(item: int) -> int:
        if item == 2:
            raise ValueError("two")
        return busy(item)

    results: list[int] = []
    with pytest.raises(ValueError, match="two"):
        results.extend(concurrently(call, range(100), 4))
    assert {0, 1, 3} <= set(results)
    assert len(results) == busy.done < 10


def test_items_that_raise_end_the_rest_but_not_what_is_under_way() -> None:
    def items() -> Iterator[int]:
        yield from (0, 1)
        raise ValueError("no more")

    results: list[int] = []
    with pytest.raises(ValueError, match="no more"):
        results.extend(concurrently(Busy(0.05), items(), 4))
    assert sorted(results) == [0, 1]


def test_an_interrupt_while_an_item_is_read_is_not_kept_waiting() -> None:
    def items() -> Iterator[int]:
        yield 0
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(concurrently(Busy(2), items(), 2))
    assert time.monotonic() - start < 1


def test_an_interrupt_while_calls_are_under_way_is_not_kept_waiting_either() -> None:
    code = (
        "import os, signal, threading, time\n"
        "from speech_ifeval.endpoints import concurrently\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "list(concurrently(time.sleep, [60] * 5, 3))\n"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert time.monotonic() - start < 30
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")


def test_threads_end_with_the_work() -> None:
    before = threading.active_count()
    list(concurrently(Busy(0.001), range(20), 8))
    half_read = concurrently(Busy(0.001), range(20), 8)
    next(half_read)
    half_read.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
