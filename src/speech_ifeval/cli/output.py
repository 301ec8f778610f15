"""What commands print with: tables on standard output, progress on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

INTERRUPTED = 130  # the exit code after Ctrl-C
PREEMPTED = 75  # and after SIGTERM or SIGUSR1 of a scheduler

_QUIET_SECONDS = 1.0


_PIPE_WIDTH = 200  # columns: signatures and tables stay on one line for grep


def print_view(*parts: Any) -> None:
    """Print rich renderables; tables of figures are never cut, whatever the terminal's width."""
    from rich.console import Console
    from rich.table import Table

    if sys.stdout is None:  # closed by the caller, who wants the files only
        return
    if isinstance(sys.stdout, TextIOWrapper):  # what the terminal cannot encode is written as escapes
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    usual, height = console.size
    for part in parts:
        width = usual
        if isinstance(part, Table) and all(column.no_wrap for column in part.columns):
            roomy = console.options.update(max_width=10_000)
            width = max(usual, console.measure(part, options=roomy).maximum)
        console.size = (width, height)  # a width given to `print` would be cut down to the console's
        console.print(part, crop=False)


def print_text(text: str) -> None:
    """Print plain text; characters the terminal cannot encode are written as escapes."""
    if sys.stdout is None:
        return
    sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
    sys.stdout.flush()


def print_json(document: Any) -> None:
    """Print a document as JSON, in UTF-8 whatever the terminal."""
    import msgspec

    if sys.stdout is None:
        return
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    if not text.replace("\n", "").isprintable():  # JSON escapes some control characters, a terminal obeys more
        text = "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.flush()


def say_interrupted() -> None:
    """Say, on standard error, what Ctrl-C left behind."""
    sys.stderr.write("interrupted: what was written is kept; the same command goes on from there\n")


def say_waiting(seconds: float, why: str) -> None:
    """Say, on standard error, why nothing happens for so many seconds, and let them pass."""
    if sys.stderr is not None and sys.stderr.isatty():
        why = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in why)
        sys.stderr.write(f"{why}; trying again in {seconds:.0f} s\n")
    time.sleep(seconds)


def say_plainly(message: str) -> None:
    """Say something, on standard error, that a user should read."""
    if sys.stderr is not None:
        sys.stderr.write("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message) + "\n")
        sys.stderr.flush()


def ask_line(prompt: str, text: str = "") -> str:
    """Return a line that is typed; where the terminal can, `text` stands there to be edited.

    Raises:
        EOFError: there is no more input.
    """
    if not text or not sys.stdin.isatty():
        return input(prompt)
    try:
        import readline
    except ImportError:  # not everywhere
        return input(prompt)
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return input(prompt)
    finally:
        readline.set_startup_hook(None)


@contextmanager
def progress_bar(title: str, *, of_bytes: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback `(done, all)` that shows a bar on standard error once the work has taken a second."""
    started = time.monotonic()
    bar: Any = None
    task: Any = None

    def advance(done: int, total: int) -> None:
        nonlocal bar, task
        if bar is None:
            if time.monotonic() - started < _QUIET_SECONDS or not sys.stderr.isatty():
                return
            from rich.console import Console
            from rich.progress import BarColumn as Bar
            from rich.progress import DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            count = DownloadColumn() if of_bytes else MofNCompleteColumn()
            columns = (TextColumn("{task.description}"), Bar(), count, TimeRemainingColumn())
            bar = Progress(*columns, console=Console(stderr=True), transient=True)
            task = bar.add_task(title)
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()
