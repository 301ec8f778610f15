"""The application: its commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec

import typer

from speech_ifeval.cli import check_benchmark_command, compare_command, constraints_command, score_command
from speech_ifeval.cli.output import INTERRUPTED, say_interrupted
from speech_ifeval.errors import SpeechIFEvalError

P = ParamSpec("P")

app = typer.Typer(
    name="speech-ifeval",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Does a speech-aware language model still follow instructions, and what did speech training cost it?",
    epilog="Exit codes: 0 done; 1 check-benchmark found defects; 2 wrong call; 3 broken file; 4 inputs that do "
    "not belong together; 5 results cannot be written; 6 an optional package is missing; 130 interrupted.",
)


def _guarded(command: Callable[P, None]) -> Callable[P, None]:
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except SpeechIFEvalError as error:
            _say(f"error: {error}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            say_interrupted()
            raise typer.Exit(INTERRUPTED) from None

    return run


def _say(message: str) -> None:
    from speech_ifeval.report.figures import visible

    sys.stderr.write(visible(message) + "\n")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"speech-ifeval {version('speech-ifeval')}\n")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


app.command("score")(_guarded(score_command.score_command))
app.command("compare")(_guarded(compare_command.compare_command))
app.command("check-benchmark")(_guarded(check_benchmark_command.check_benchmark_command))
app.command("constraints")(_guarded(constraints_command.constraints_command))
