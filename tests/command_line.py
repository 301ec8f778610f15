"""The command line as people run it: in a process of its own, or quickly in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

START = "from speech_ifeval.cli import main; main()"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


def command(*args: str | Path, before: str = "") -> list[str]:
    """The argument vector of a process that runs `before`, a piece of Python, and then the command line."""
    return [sys.executable, "-W", "error", "-c", f"{before}\n{START}", *map(str, args)]


def run(*args: str | Path, cwd: Path | None = None, before: str = "", env: dict[str, str] | None = None) -> Done:
    done = subprocess.run(
        command(*args, before=before), cwd=cwd, capture_output=True, env={**os.environ, **(env or {})}, timeout=300
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def invoke(*args: str | Path) -> Done:
    from speech_ifeval.cli.application import app

    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)
