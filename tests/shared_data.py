"""The public data that tests are measured against where they lie beside the project; they are never part of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"
RELEASE = SHARED / "official"
DESTA2 = SHARED / "recorded" / "desta2"

needs_release = pytest.mark.skipif(
    not (RELEASE.is_dir() and DESTA2.is_dir()),
    reason="the published items and responses are not beside the project (../shared/data)",
)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
