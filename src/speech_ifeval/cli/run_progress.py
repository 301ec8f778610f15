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
        now = time.monotonic()
        if turn != self._turn:
            self.stop()
            self._turn, self._started, self._spoken = turn, now, now
        if sys.stderr is None:
            return
        if sys.stderr.isatty():
            self._draw(course)
        elif now - self._spoken >= _LOG_SECONDS:
            self._spoken = now
            sys.stderr.write(f"{self._line(course, now)}\n")
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

    def _draw(self, course: Course) -> None:
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
            self._task = self._bar.add_task(self._turn, facts="", completed=course.done, total=course.total)
            self._bar.start()
        done = course.done + course.failed
        facts = self._facts(course, time.monotonic())
        self._bar.update(self._task, completed=done, total=course.total, facts=facts)

    def _line(self, course: Course, now: float) -> str:
        done = course.done + course.failed
        rate = course.new / max(now - self._started, 1e-9)
        left = f", {(course.total - done) / rate / 60:.0f} min left" if rate else ""
        return f"{self._turn}: {done} of {course.total}, {self._facts(course, now)}{left}"

    def _facts(self, course: Course, now: float) -> str:
        facts = [f"{course.new / max(now - self._started, 1e-9):.1f}/s"]
        facts += [f"{course.failed} failed"] * (course.failed > 0)
        facts += [f"{course.cut_off} cut off"] * (course.cut_off > 0)
        return ", ".join(facts)


@contextmanager
def run_progress() -> Iterator[RunProgress]:
    """Yield what shows a run's progress, and take it away at the end."""
    shown = RunProgress()
    try:
        yield shown
    finally:
        shown.stop()
