"""The page's figures of a run of GRPO, and of how fast rewards are, are those of the records beside it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "rewards.md").read_text("utf-8")


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "perf"))
    spec = importlib.util.spec_from_file_location(f"perf_{name}", ROOT / "perf" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "figures" / f"{name}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", ["grpo", "rewards"])
def test_the_tables_are_the_record(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    printed = script(name, monkeypatch).markdown(record(name))
    assert printed.strip() in PAGE, f"paste what perf/{name}.py --show docs/figures/{name}.json prints"


def test_training_raised_what_it_rewards() -> None:
    """In words that neither the model nor this training has seen."""
    found = record("grpo")
    (row,) = (row for row in found["benchmarks"]["grpo-test"]["rows"] if row["part"] == "other words for it")
    assert row["items"] >= 100
    assert row["change"][1] > 0
    assert row["p"] < 0.01
    for part in (row for each in found["benchmarks"].values() for row in each["rows"]):
        gained = part["after"]["followed"] - part["before"]["followed"]
        assert gained == part["gained"] - part["lost"]
