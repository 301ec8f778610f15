"""A bar on standard error once the work has taken a second, and nothing before; seen through a real terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ITEMS = 60_000


def seen_on_standard_error(arguments: list[str], folder: Path) -> str:
    master, slave = pty.openpty()
    command = [sys.executable, "-c", "from speech_ifeval.cli import main; main()", *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=slave) as process:
        os.close(slave)
        seen = b""
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            seen += chunk
    os.close(master)
    assert process.returncode == 0
    return seen.decode(errors="replace")


def test_quick_work_shows_no_bar(tmp_path: Path) -> None:
    assert seen_on_standard_error(["score", "example:tuned"], tmp_path) == ""


@pytest.mark.slow
def test_work_of_more_than_a_second_shows_a_bar(tmp_path: Path) -> None:
    benchmark = tmp_path / "many"
    benchmark.mkdir()
    (benchmark / "benchmark.json").write_text(
        json.dumps({"name": "many", "schema_version": 1, "description": "many items that are all alike"})
    )
    shared = {"category": "closed-ended", "dataset": "d", "constraints": [{"id": "startend:quotation"}]}
    with (benchmark / "items.jsonl").open("w") as items, (tmp_path / "replies.jsonl").open("w") as replies:
        for number in range(ITEMS):
            id = f"closed-ended/{number}"
            items.write(
                json.dumps({"id": id, "instruction": f"{number}", "clip": f"{number}.wav", **shared}) + "\n"
            )
            replies.write(json.dumps({"id": id, "response": "bare"}) + "\n")
    seen = seen_on_standard_error(["score", "replies.jsonl", "--benchmark", "many"], tmp_path)
    assert "scoring" in seen
    assert f"/{ITEMS}" in seen
