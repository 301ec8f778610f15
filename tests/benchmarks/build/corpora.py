"""Corpora to build from: rows in memory, and manifests with a tone for every clip."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks.build import Built, Plan, Row, compose, find_pool, load_pool
from tests.spoken import write_tone

SENTENCES = (
    "Seven boats sailed to the northern harbour.",
    "Please open the window before dinner.",
    "My brother bought a green bicycle.",
    "The museum closes early on Sunday.",
    "Nobody believed the old captain.",
    "Fresh bread smells wonderful in winter.",
)


def rows_of(clips: int, speakers: int = 3, tasks: Sequence[str] = ("transcription", "gender")) -> list[Row]:
    """Rows about so many clips, one for each task, spoken by so many people in turn."""
    rows = []
    for number in range(clips):
        for task in tasks:
            closed = task not in ("transcription", "")
            rows.append(
                Row(
                    f"{number}.wav",
                    f"{SENTENCES[number % len(SENTENCES)]} Item {number}.",
                    task=task or None,
                    label=("male", "female")[number % speakers % 2] if closed else None,
                    options=("male", "female") if closed else (),
                    speaker=f"speaker {number % speakers}",
                    place=f"made.jsonl:{len(rows) + 1}",
                )
            )
    return rows


def composed(rows: Sequence[Row], said: list[str] | None = None, pool: Path | None = None, **plan: Any) -> Built:
    names = {row.audio: row.audio for row in rows}
    chosen = Plan("made", "", **plan)
    wordings = load_pool(pool or find_pool("en"))
    say = (said if said is not None else []).append
    return compose(rows, dict.fromkeys(names, 2.0), names, wordings, chosen, say)


FIELDS = [
    {"audio": "a.wav", "transcript": SENTENCES[0], "task": "transcription", "speaker": "ann",
     "metadata": {"Mood": "calm"}},
    {"audio": "a.wav", "transcript": SENTENCES[0], "task": "counting", "label": "seven", "speaker": "ann",
     "question": "How many boats sail?", "options": ["five", "six", "seven"]},
    {"audio": "b.wav", "transcript": SENTENCES[1], "task": "transcription", "speaker": "ann",
     "licence": "CC0-1.0"},
    {"audio": "b.wav", "transcript": SENTENCES[1], "task": "gender", "label": "female", "speaker": "ann",
     "licence": "CC0-1.0", "options": ["male", "female"]},
    {"audio": "c.wav", "transcript": SENTENCES[2], "task": "transcription", "speaker": "ben"},
    {"audio": "d.wav", "transcript": SENTENCES[3], "speaker": "ben", "source": "radio"},
]  # fmt: skip


def write_clips(folder: Path, names: Sequence[str] = ("a.wav", "b.wav", "c.wav", "d.wav")) -> None:
    for number, name in enumerate(names):
        write_tone(folder / name, 200 + 100 * number, 0.6 + number)


def as_jsonl(rows: Sequence[dict[str, Any]] = FIELDS) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: Sequence[dict[str, Any]] = FIELDS, delimiter: str = ",") -> str:
    """The same rows as a table: options in one cell, metadata in columns of their own."""
    told = dict.fromkeys(f"meta.{name}" for row in rows for name in row.get("metadata", {}))
    columns = [*dict.fromkeys(name for row in rows for name in row if name != "metadata"), *told]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter, restval="")
    writer.writeheader()
    for row in rows:
        cells = {name: "|".join(value) if name == "options" else value for name, value in row.items()}
        metadata = cells.pop("metadata", {})
        writer.writerow(cells | {f"meta.{name}": value for name, value in metadata.items()})
    return text.getvalue()
