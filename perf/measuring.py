"""What the measuring scripts of this folder share: the clock, the tables, the place of data that is not ours."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
RECORDED = SHARED_DATA / "recorded" / "desta2"
OFFICIAL = SHARED_DATA / "official"

Row = Sequence[object]


def seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Return the least processor time that `run` takes: of this process, so that its neighbours count little."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def steady_seconds(run: Callable[[], object], budget: float = 0.4) -> float:
    """Return the least processor time of three runs, or of as many as fit into `budget` seconds."""
    best = seconds(run, 1)
    return min(best, seconds(run, max(2, min(200, int(budget / max(best, 1e-6))))))


def markdown_table(head: Row, rows: Iterable[Row], text_columns: int = 1) -> str:
    """Format a table; all but the first `text_columns` columns are flushed right."""
    rule = ["---"] * text_columns + ["---:"] * (len(head) - text_columns)
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, rule, *rows))


def figure(value: float) -> str:
    """Write a number with three digits that count, and thousands apart.

    >>> figure(171234.5), figure(12.345), figure(0.01234)
    ('171,000', '12.3', '0.0123')
    """
    if value >= 1000:
        digits = len(str(int(value)))
        return f"{round(value, 3 - digits):,.0f}"
    return f"{value:.3g}"


def quoted(text: str) -> str:
    """Write a text as Markdown code that stays inside its table cell.

    >>> quoted("\\n|"), quoted("```")
    ("`'\\\\n\\\\|'`", "`` '```' ``")
    """
    shown = ascii(text).replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


def machine() -> dict[str, Any]:
    """Describe what the figures were made on, without naming it."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "version": importlib.metadata.version("speech-ifeval"),
    }


def machine_line() -> str:
    """The same as one line."""
    found = machine()
    return (
        f"speech-ifeval {found['version']}, Python {found['python']}, {found['cores']} {found['processor']} cores"
    )


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the parser with the option that all scripts have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the figures as JSON")
    return made


def write_json(path: Path | None, figures: dict[str, Any]) -> None:
    """Write the figures beside the description of the machine, if a path was given."""
    if path is not None:
        path.write_text(json.dumps({"machine": machine(), **figures}, indent=2) + "\n", encoding="utf-8")


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
