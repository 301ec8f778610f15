"""A constraint from outside the project, in a benchmark of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.constraints import constraint
from speech_ifeval.errors import ConstraintError
from speech_ifeval.pipeline.scoring import Scoring, score
from tests.pipeline.conftest import write_rows


@constraint("acme:ends_with_mark", rules=("official",))
def ends_with_mark(text: str, *, mark: str) -> bool:
    "The reply ends with `mark`."
    return text.endswith(mark)


@pytest.fixture
def benchmark_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    write_rows(folder / "benchmark.json", ['{"name": "own", "schema_version": 1, "description": "One item."}'])
    asked = [{"id": "acme:ends_with_mark", "kwargs": {"mark": "!"}}, {"id": "punctuation:no_comma"}]
    item = {
        "id": "creative-writing/0000", "category": "creative-writing", "instruction": "Shout.", "clip": "a.wav",
        "dataset": "own", "constraints": asked,
    }  # fmt: skip
    write_rows(folder / "items.jsonl", [item])
    return folder


def test_a_constraint_with_one_meaning_is_scored(benchmark_folder: Path, tmp_path: Path) -> None:
    responses = write_rows(tmp_path / "m.jsonl", [{"id": "creative-writing/0000", "response": "Hey, you!"}])
    benchmark = load_benchmark(benchmark_folder)
    summary, _ = score([responses], benchmark, output_dir=tmp_path / "run")
    assert (summary.ids["acme:ends_with_mark"].followed, summary.ids["punctuation:no_comma"].followed) == (1, 0)
    assert (summary.pairs.n, summary.items.followed) == (2, 0)
    with pytest.raises(ConstraintError, match="acme:ends_with_mark has no meaning in the rule set careful"):
        score([responses], benchmark, output_dir=tmp_path / "run", scoring=Scoring(rules="careful"))


def test_ifrate_needs_every_category(benchmark_folder: Path, tmp_path: Path) -> None:
    responses = write_rows(tmp_path / "m.jsonl", [{"id": "creative-writing/0000", "response": "Hey!"}])
    summary, _ = score([responses], load_benchmark(benchmark_folder), output_dir=tmp_path / "run")
    assert summary.ifrate.value is None
    assert summary.ifrate.why == "no scored item in closed-ended, chain-of-thought"
    assert "the benchmark holds no closed-ended items" in summary.notes
