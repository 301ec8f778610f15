"""The page on scale shows its record, and its script still takes every step."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")
RECORD: dict[str, Any] = json.loads((ROOT / "docs" / "figures" / "scale.json").read_text("utf-8"))


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "perf"))
    spec = importlib.util.spec_from_file_location("perf_scale", ROOT / "perf" / "scale.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_the_record(scale: ModuleType) -> None:
    for name, table in scale.tables(RECORD).items():
        assert table in PAGE, f"{name}: paste what perf/scale.py --show docs/figures/scale.json prints"


def test_every_step_can_be_taken(scale: ModuleType, tmp_path: Path) -> None:
    for step, *more in scale.STEPS.values():
        taken = getattr(scale.scale_steps, step)(
            120, tmp_path, *(int(one) if one.isdigit() else one for one in more)
        )
        assert taken["processor_seconds"] > 0, step


def test_made_up_items_have_their_twins_and_clips_of_their_own(scale: ModuleType) -> None:
    benchmark = scale.scale_steps.made_benchmark(1000)
    assert len(benchmark.by_id) == 1000
    lacking = [item for item in benchmark if item.twin is not None and item.twin not in benchmark.by_id]
    assert len(lacking) <= 1  # cut off behind the last item
    assert {item.clip.partition("/")[0] for item in benchmark} == {"0", "1", "2"}


def test_nothing_recorded_grows_much_faster_than_its_rows(scale: ModuleType) -> None:
    for step in scale.STEPS:
        rows = {row["size"]: row["processor_seconds"] for row in RECORD["steps"] if row["step"] == step}
        assert {10_000, 100_000} <= rows.keys(), step
        assert rows[100_000] < 20 * rows[10_000], step
