"""Small benchmark folders to break, and the published release where it lies beside the project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark

OFFICIAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "official"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write files of rows (or of bytes) into a folder and return it."""

    def write(files: dict[str, Any]) -> Path:
        for name, rows in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not isinstance(rows, bytes):
                lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
                rows = "".join(f"{line}\n" for line in lines).encode()
            path.write_bytes(rows)
        return tmp_path

    return write


@pytest.fixture(scope="session")
def official() -> Benchmark:
    if not OFFICIAL.is_dir():
        pytest.skip("the published release is not beside the project (../shared/data/official)")
    return load_benchmark(OFFICIAL)
