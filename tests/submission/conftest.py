"""Runs that are packed once: the shipped example with its reference, on a path that nobody is to learn."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.submission.packing import submit

MARKER = "secretplace7"


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(MARKER) / "run"
    score(
        [locate("example:tuned")],
        load_benchmark("example"),
        reference=[locate("example:reference")],
        output_dir=folder,
    )
    return folder


@pytest.fixture(scope="session")
def packed(run: Path) -> Path:
    return Path(submit(run).file)
