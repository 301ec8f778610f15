"""How far a run is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from speech_ifeval.pipeline.generating import Course

_LOG_SECONDS = 30.0  # between two lines where there is no terminal


class RunProgress:
    """Shows one turn after the other on standard error; made by `run_progress`."""

    def __init__(self) -> None:
        self._turn = ""
        self._bar: Any = None
        self._task: Any = None
        self._started = 0.0
        self._spoken = 0.0

    def show(self, turn: str, course: Course) -> None:
        """Show how far this turn is."""
        self._turned_to(turn)
        rate = course.new / max(time.monotonic() - self._started, 1e-9)
        facts = [f"{rate:.1f}/s"]
        facts += [f"{course.failed} failed"] * (course.failed > 0)
        facts += [f"{course.cut_off} cut off"] * (course.cut_off > 0)
        self._advance(course.done + course.failed, course.total, ", ".join(facts), rate)

    def show_steps(self, stage: str, done: int, total: int, new: int, facts: str) -> None:
        """Show how far training is; `new` of the steps were done since this command began."""
        self._turned_to(stage)
        self._advance(done, total, facts, new / max(time.monotonic() - self._started, 1e-9))

    def _turned_to(self, turn: str) -> None:
        if turn != self._turn:
            self.stop()
            now = time.monotonic()
            self._turn, self._started, self._spoken = turn, now, now

    def _advance(self, done: int, total: int, facts: str, rate: float) -> None:
        if sys.stderr is None:
            return
        now = time.monotonic()
        if sys.stderr.isatty():
            self._draw(done, total, facts)
        elif now - self._spoken >= _LOG_SECONDS:
            self._spoken = now
            left = f", {(total - done) / rate / 60:.0f} min left" if rate else ""
            sys.stderr.write(f"{self._turn}: {done} of {total}, {facts}{left}\n")
            sys.stderr.flush()

    def say(self, message: str) -> None:
        """Write a sentence above the bar."""
        from speech_ifeval.report.figures import visible

        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text(visible(message)))
        elif sys.stderr is not None:
            sys.stderr.write(visible(message) + "\n")
            sys.stderr.flush()

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _draw(self, done: int, total: int, facts: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[facts]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self._turn, facts="", completed=done, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=total, facts=facts)


@contextmanager
def run_progress() -> Iterator[RunProgress]:
    """Yield what shows a run's progress, and take it away at the end."""
    shown = RunProgress()
    try:
        yield shown
    finally:
        shown.stop()
