"""The command line: one file a command; it parses, calls and prints, and holds no logic.

Everything heavy is imported inside the commands, so that ``speech-ifeval --help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from speech_ifeval.cli.output import INTERRUPTED, say_interrupted

if TYPE_CHECKING:
    from speech_ifeval.cli.application import app

__all__ = ["app", "main"]


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from speech_ifeval.cli.application import app

    return app


def main() -> None:
    """Run the command line; the entry point of ``speech-ifeval``."""
    try:
        # Here, so that Ctrl-C while it is loading is no traceback either.
        from speech_ifeval.cli.application import app

        app()
    except KeyboardInterrupt:
        say_interrupted()
        sys.exit(INTERRUPTED)
