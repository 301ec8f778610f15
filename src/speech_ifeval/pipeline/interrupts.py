"""Ctrl-C and SIGTERM: the first asks the work to stop at the next good place, the second stops it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody has asked for the work to stop.

    >>> stop = Stop()
    >>> stop.requested
    False
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def requested(self) -> bool:
        """True from the first signal on."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask for the work to stop."""
        self._event.set()


@contextmanager
def stop_on_signals(say: Callable[[str], None]) -> Iterator[Stop]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop; a second one raises KeyboardInterrupt.

    Outside the main thread, where signals cannot be handled, nothing ever asks.

    >>> with stop_on_signals(print) as stop:
    ...     signal.raise_signal(signal.SIGTERM)
    ...     stop.requested
    stopping: what is being answered is finished first; Ctrl-C again stops at once
    True
    """
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.request()
        say("stopping: what is being answered is finished first; Ctrl-C again stops at once")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
