"""A benchmark of tones: low or high, short or long, each of its own frequency; and what is asked of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from tests.spoken import write_tone

PITCH = 'How high is the tone? Choose the answer from "low" or "high".'
NAME = "Write down what it is."
CLOSED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("change_case:english_capital", "Write your entire reply in capital letters.", {}),
    ("startend:quotation", "Wrap your entire response in double quotation marks.", {}),
    ("detectable_format:json_format", "Give your answer in JSON format.", {}),
    ("startend:end_checker", 'End your response with "That is all."', {"end_phrase": "That is all."}),
)
OPEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("detectable_format:number_bullet_lists", "Use exactly 2 bullet points.", {"num_bullets": 2}),
    ("keywords:existence", 'Include the word "lantern".', {"keywords": ["lantern"]}),
)


def tone_rows(clips: int, names: int, thinking: int) -> list[dict[str, Any]]:
    """Two questions on pitch and one of creative writing for every clip, a name and reasoning for some."""
    rows: list[dict[str, Any]] = []
    counts = {"closed-ended": 0, "creative-writing": 0, "chain-of-thought": 0}

    def add(
        category: str, number: int, question: str, demand: tuple[str, str, dict[str, Any]], **more: Any
    ) -> None:
        hertz, pitch, long = tone(number)
        index = counts[category]
        counts[category] += 1
        shared = {
            "clip": f"{number:03d}.wav",
            "transcript": f"tone {hertz}. (Pitch: {pitch}, Length: {'long' if long else 'short'})",
            **more,
        }
        id, text, kwargs = demand
        row = {
            "id": f"{category}/{index:04d}",
            "category": category,
            "instruction": f"{question}\n{text}",
            "constraints": [{"id": id, "kwargs": kwargs}],
            **shared,
        }
        if category == "closed-ended":
            plain = f"closed-ended-plain/{index:04d}"
            twin = {
                "id": plain,
                "category": "closed-ended-plain",
                "instruction": question,
                "twin": row["id"],
                **shared,
            }
            rows.extend([{**row, "twin": plain}, twin])
        else:
            rows.append(row)

    for number in range(clips):
        hertz, pitch, _ = tone(number)
        for turn in (0, 2):
            demand = CLOSED[(number + turn) % 4]
            add("closed-ended", number, PITCH, demand, dataset="pitch", label=pitch, metric="accuracy")
        if number < names:
            label = f"this is tone {hertz}"
            add("closed-ended", number, NAME, CLOSED[number % 3], dataset="name", label=label, metric="wer")
        add("creative-writing", number, "Describe the tone.", OPEN[number % 2], dataset="pitch", metric="open")
        if number < thinking:
            demand = ("reasoning:chain_of_thought", "Think step by step.", {})
            add("chain-of-thought", number, PITCH, demand, dataset="pitch", metric="cot")
    return rows


def tone(number: int) -> tuple[int, str, bool]:
    """Frequency, pitch and whether it is long: long as often among low tones as among high ones."""
    high, long = bool(number % 2), bool(number // 2 % 2)
    return (700 if high else 300) + number, "high" if high else "low", long


def write_tones(
    folder: Path, clips: int = 60, names: int = 30, thinking: int = 20, language: str | None = None
) -> Benchmark:
    """Write the benchmark and its clips, and load it."""
    folder.mkdir(parents=True)
    header = {"name": "tones", "schema_version": 1, "description": "Tones.", "language": language}
    (folder / "benchmark.json").write_text(json.dumps({key: value for key, value in header.items() if value}))
    (folder / "items.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in tone_rows(clips, names, thinking))
    )
    for number in range(clips):
        hertz, _, long = tone(number)
        write_tone(folder / "audio" / f"{number:03d}.wav", hertz, 0.3 if long else 0.1)
    return load_benchmark(folder)
