"""Signals: the first asks the work to stop at the next good place; who sent it decides how the process ends.

Ctrl-C (SIGINT) is a person. SIGTERM and SIGUSR1 are a scheduler that wants the machine back: it can start the same
command again, and is told so by another exit code.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from speech_ifeval.errors import RunInterruptedError, RunPreemptedError

_SCHEDULERS = (signal.SIGTERM, signal.SIGUSR1)
_SIGNALS = (signal.SIGINT, *_SCHEDULERS)


class Preempted(KeyboardInterrupt):
    """SIGTERM or SIGUSR1 where nothing is in flight: the process ends at once, and can be started again."""


class Stop:
    """Whether somebody has asked for the work to stop.

    >>> stop = Stop()
    >>> stop.requested
    False
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._preempted = False
        self.idle = False

    @property
    def requested(self) -> bool:
        """True from the first signal on."""
        return self._event.is_set()

    def request(self, *, preempted: bool = False) -> None:
        """Ask for the work to stop.

        Args:
            preempted: a scheduler asks, who will start the same command again. The first who asks decides.
        """
        if not self.requested:
            self._preempted = preempted
        self._event.set()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Nothing is in flight inside the block: who asks is obeyed at once.

        Raises:
            KeyboardInterrupt, Preempted: somebody asked.
        """
        self.idle = True
        try:
            yield
        finally:
            self.idle = False

    def error(self, message: str) -> RunInterruptedError:
        """Return what is to be raised once the work has stopped.

        >>> stop = Stop()
        >>> stop.request(preempted=True)
        >>> stop.error("stopped").exit_code
        75
        """
        return (RunPreemptedError if self._preempted else RunInterruptedError)(message)


@contextmanager
def stop_on_signals(say: Callable[[str], None]) -> Iterator[Stop]:
    """Turn the first Ctrl-C, SIGTERM or SIGUSR1 into a request to stop; a further Ctrl-C raises KeyboardInterrupt.

    Schedulers send several signals: a further SIGTERM or SIGUSR1 changes nothing. Outside the main thread, where
    signals cannot be handled, nothing ever asks.

    >>> with stop_on_signals(print) as stop:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stop.requested
    stopping: what is being answered is finished first; Ctrl-C stops at once
    True
    """
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        scheduler = number in _SCHEDULERS
        if stop.idle:
            raise Preempted if scheduler else KeyboardInterrupt
        if stop.requested:
            if not scheduler:
                raise KeyboardInterrupt
            return
        stop.request(preempted=scheduler)
        again = "" if scheduler else " again"
        say(f"stopping: what is being answered is finished first; Ctrl-C{again} stops at once")

    with _handled(_SIGNALS, handle):
        yield stop


@contextmanager
def ended_by_schedulers() -> Iterator[None]:
    """End at once on SIGTERM and SIGUSR1, as on Ctrl-C: for what can be cut short, such as loading a model.

    Raises:
        Preempted: one of them came.

    >>> try:
    ...     with ended_by_schedulers():
    ...         signal.raise_signal(signal.SIGUSR1)
    ... except Preempted:
    ...     print("ended")
    ended
    """

    def handle(number: int, frame: FrameType | None) -> None:
        raise Preempted

    with _handled(_SCHEDULERS, handle):
        yield


@contextmanager
def _handled(
    numbers: tuple[signal.Signals, ...], handle: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
