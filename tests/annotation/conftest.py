"""A run of the shipped example to be labelled, with a reply that attacks whoever shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speech_ifeval.annotation.tasks import Task, tasks_of
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE
from tests.browsing import browser as browser
from tests.cli.conftest import TUNED

HOSTILE = (
    "</script><script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>\x1b[2J\u202e"
    "\"]}'; window.stolen = 1; //"
)


def write_run(folder: Path, *, model: str = "secret-model-7b", replies: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / RUN_FILE).write_text(json.dumps({"name": model, "stage": "import"}))
    rows = {row["id"]: row["response"] for row in TUNED} | (replies or {})
    lines = (json.dumps({"id": id, "text": text}) for id, text in rows.items())
    (folder / RESPONSES_FILE).write_text("".join(f"{line}\n" for line in lines))
    return folder


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


def sampled(run: Path, sample: int = 12, **options: object) -> list[Task]:
    return tasks_of(run, load_benchmark("example"), sample=sample, **options)  # type: ignore[arg-type]
