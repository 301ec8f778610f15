"""Several calls at a time, read from a stream and answered as they come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


def concurrently(function: Callable[[A], B], items: Iterable[A], slots: int) -> Iterator[B]:
    """Yield ``function(item)`` of every item in the order in which they are done, at most `slots` at a time.

    An item is read only when a slot is free for it. When `items` ends, what is under way is still yielded; so it
    is when `function` or `items` raises, before the first such error is raised again.

    >>> sorted(concurrently(abs, [-1, 2, -3], slots=2))
    [1, 2, 3]
    """
    if slots == 1:
        yield from map(function, items)
        return
    work = _Work(function)
    source = iter(items)
    error: Exception | None = None
    more = True
    try:
        while more or work.under_way:
            if more and work.under_way < slots:
                try:
                    work.begin(next(source), slots)
                except StopIteration:
                    more = False
                except Exception as found:  # noqa: BLE001 - raised again below, once what is under way is done
                    more, error = False, found
            # With a slot free, only what is done already is taken: the next item may be slow to come.
            done = work.take(wait=not more or work.under_way >= slots)
            if isinstance(done, _Raised):
                more, error = False, error or done.error
            elif done is not None:
                yield done.result
    finally:
        work.end()
    if error is not None:
        raise error


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error


class _Done(Generic[B]):
    def __init__(self, result: B) -> None:
        self.result = result


class _Work(Generic[A, B]):
    """Daemon threads, as many as are needed: a second Ctrl-C does not wait for a server."""

    def __init__(self, function: Callable[[A], B]) -> None:
        self._function = function
        self._to_do: SimpleQueue[tuple[A] | None] = SimpleQueue()
        self._done: SimpleQueue[_Done[B] | _Raised] = SimpleQueue()
        self._threads = 0
        self.under_way = 0

    def begin(self, item: A, most: int) -> None:
        self.under_way += 1
        if self._threads < min(most, self.under_way):
            self._threads += 1
            threading.Thread(target=self._run, daemon=True, name=f"call-{self._threads}").start()
        self._to_do.put((item,))

    def take(self, *, wait: bool) -> _Done[B] | _Raised | None:
        if not self.under_way:
            return None
        try:
            done = self._done.get(block=wait)
        except Empty:
            return None
        self.under_way -= 1
        return done

    def end(self) -> None:
        for _ in range(self._threads):
            self._to_do.put(None)

    def _run(self) -> None:
        while (item := self._to_do.get()) is not None:
            try:
                self._done.put(_Done(self._function(item[0])))
            except Exception as error:  # noqa: BLE001 - raised again where the results are read
                self._done.put(_Raised(error))
