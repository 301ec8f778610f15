"""The command line: one file a command; it parses, calls and prints, and holds no logic.

Everything heavy is imported inside the commands, so that ``speech-ifeval --help`` answers at once.
"""

from __future__ import annotations

from speech_ifeval.cli.application import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; the entry point of ``speech-ifeval``."""
    app()
