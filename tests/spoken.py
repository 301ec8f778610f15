"""A small benchmark with real audio files, and models of one's own that hear them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from speech_ifeval.benchmarks import Benchmark, load_benchmark

RATE = 16000
# Replies are made from what is in the file: the loudest frequency, in hertz, and the length.
HEARING = """
import numpy, soundfile

def hears(requests):
    replies = []
    for request in requests:
        samples, rate = soundfile.read(request.audio, always_2d=True)
        spectrum = numpy.abs(numpy.fft.rfft(samples[:, 0]))
        hertz = int(spectrum.argmax() * rate / len(samples))
        replies.append(f"{hertz} HZ: {request.instruction.upper()}")
    return replies

def reads(requests):
    return [f"* {request.text}" for request in requests]

def deaf(requests):
    return [request.instruction for request in requests]

def poisoned(requests):
    if any(request.id == "closed-ended/0003" for request in requests):
        raise RuntimeError("this one is poison")
    return hears(requests)

def always_fails(requests):
    raise RuntimeError("no GPU today")
"""


def write_tone(path: Path, hertz: float, seconds: float = 0.5, *, rate: int = RATE, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.repeat(wave[:, None], channels, axis=1), rate)
    return path


def item(category: str, number: int, clip: str, constraint: str | None, **kwargs: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": f"{category}/{number:04d}",
        "category": category,
        "instruction": f"Question {number}?" + ("" if constraint is None else " Mind the form."),
        "clip": clip,
        "dataset": "tones",
        "constraints": [] if constraint is None else [{"id": constraint, "kwargs": kwargs}],
        "transcript": f"the words of {clip}",
    }
    if category.startswith("closed-ended"):
        other = "closed-ended" if category == "closed-ended-plain" else "closed-ended-plain"
        row |= {"label": "yes", "metric": "accuracy", "twin": f"{other}/{number:04d}"}
    return row


def spoken_rows(closed: int = 6, creative: int = 4, thinking: int = 3, clips: int = 5) -> list[dict[str, Any]]:
    names = [f"clips/{number}.wav" for number in range(clips)]
    forms = ["change_case:english_capital", "startend:quotation", "detectable_format:json_format"]
    rows = []
    for number in range(closed):
        clip = names[number % clips]
        rows.append(item("closed-ended", number, clip, forms[number % len(forms)]))
        rows.append(item("closed-ended-plain", number, clip, None))
    for number in range(creative):
        id = "detectable_format:number_bullet_lists"
        rows.append(item("creative-writing", number, names[number % clips], id, num_bullets=1))
    judged = "reasoning:chain_of_thought"
    return rows + [item("chain-of-thought", n, names[n % clips], judged) for n in range(thinking)]


def write_spoken(folder: Path, rows: list[dict[str, Any]] | None = None, seconds: float = 0.5) -> Benchmark:
    """Write the benchmark and its clips, a tone each: 200 Hz and 100 more for every next one, and load it."""
    rows = spoken_rows() if rows is None else rows
    folder.mkdir(parents=True, exist_ok=True)
    header = {"name": "tones", "schema_version": 1, "description": "Tones."}
    (folder / "benchmark.json").write_text(json.dumps(header))
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for number, clip in enumerate(dict.fromkeys(row["clip"] for row in rows)):
        write_tone(folder / "audio" / clip, 200 + 100 * number, seconds + 0.1 * number)
    return load_benchmark(folder)


def write_models(folder: Path) -> Path:
    path = folder / "own.py"
    path.write_text(HEARING)
    return path
