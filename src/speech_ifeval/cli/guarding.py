"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer

from speech_ifeval.cli.output import INTERRUPTED, PREEMPTED, say_interrupted
from speech_ifeval.errors import SpeechIFEvalError
from speech_ifeval.pipeline.interrupts import Preempted

P = ParamSpec("P")
R = TypeVar("R")


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Return the command with its errors said on standard error, and the exit code each maps to."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SpeechIFEvalError as error:
            _say(f"error: {error}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            say_interrupted()
            raise typer.Exit(PREEMPTED if isinstance(interrupt, Preempted) else INTERRUPTED) from None

    return run


def _say(message: str) -> None:
    from speech_ifeval.report.figures import visible

    sys.stderr.write(visible(message) + "\n")
