"""A small benchmark in the release's own form, and responses to it in the forms that people have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark

CAPITALS = "Answer in capitals."


def _asked(id: int, clip: str, instruction: str, constraint: str, **kwargs: Any) -> dict[str, Any]:
    return {
        "id": id,
        "audio_filepath": f"corpus/{clip}.wav",
        "instruction": instruction,
        "dataset": "corpus",
        "metric": "accuracy",
        "label": "yes",
        "instruction_id_list": [constraint],
        "kwargs": [kwargs],
    }


CLOSED = [
    _asked(0, "a", f"Is it?\n{CAPITALS}", "change_case:english_capital"),
    _asked(1, "b", f"Is it?\n{CAPITALS}", "change_case:english_capital"),
    _asked(2, "b", "Is it?\nIn JSON.", "detectable_format:json_format"),
    _asked(3, "c", "Is it?\nQuoted.", "startend:quotation"),
]
CREATIVE = [
    _asked(4, "a", "Summarise in 2 bullets.", "detectable_format:number_bullet_lists", num_bullets=2),
    _asked(5, "a", "Summarise in 2 bullets.", "detectable_format:number_bullet_lists", num_bullets=2),
]
THINKING = [
    {"audio_filepath": "corpus/c.wav", "instruction": "Think.", "dataset": "corpus", "metric": "cot"},
    {"audio_filepath": "corpus/a.wav", "instruction": "Think hard.", "dataset": "corpus", "metric": "cot"},
]
ANSWERS = {
    "closed-ended/0000": "YES",
    "closed-ended/0001": "yes",
    "closed-ended/0002": '{"a": 1',
    "closed-ended/0003": '"yes"',
    "creative-writing/0004": "* a\n* b",
    "creative-writing/0005": "* a",
    "chain-of-thought/0000": "First this, then that.",
    "chain-of-thought/0001": "Yes.",
}


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Benchmark:
    folder = tmp_path / "small"
    write_rows(folder / "closed_ended_questions.jsonl", CLOSED)
    write_rows(folder / "creative_writing.jsonl", CREATIVE)
    write_rows(folder / "chain-of-thought.jsonl", THINKING)
    return load_benchmark(folder)


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of ``{"id", "response"}`` rows: the usual answers, some of them changed."""

    def write(changes: dict[str, Any] | None = None, name: str = "model.jsonl", **keys: Any) -> Path:
        texts = {**ANSWERS, **(changes or {})}
        rows = [{"id": id, "response": text, **keys} for id, text in texts.items() if text is not ...]
        return write_rows(tmp_path / name, rows)

    return write


def released(folder: Path, benchmark: Benchmark) -> Path:
    """Write the usual answers as the release's own scripts write them: by file, the item's fields beside."""
    files = {"closed_ended_questions": CLOSED, "creative_writing": CREATIVE, "chain-of-thought": THINKING}
    texts = iter(ANSWERS.values())
    for name, rows in files.items():
        write_rows(folder / f"{name}.jsonl", [{**row, "response": next(texts)} for row in rows])
    return folder


def judge_rows(replies: dict[str, str], responses: dict[str, str] | None = None) -> list[dict[str, Any]]:
    texts = {**ANSWERS, **(responses or {})}
    return [{"id": id, "response": texts[id], "eval_response": reply} for id, reply in replies.items()]
