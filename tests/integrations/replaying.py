"""Replies through the engines of other harnesses, each in a process of its own: they leave much behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.integrations.harness.questions import Questions
from speech_ifeval.integrations.harness.settings import VARIABLE, TaskSettings
from speech_ifeval.models import Generation, Request, open_model
from speech_ifeval.models.adapters.lab import shipped
from speech_ifeval.models.recorded import read_responses
from speech_ifeval.records import Verdict

RECORDED = Path(__file__).parent / "recorded"
ENGINES = Path(__file__).parent / "engines"
SOURCE = Path(__file__).parents[2] / "src"
PATIENCE = 900  # seconds: a busy machine is slow, not wrong
COMPARED = ("constraint", "code", "followed", "reason", "rules")
Ruling = list[str | bool | None]


class Found(NamedTuple):
    """What an engine made of replies.

    Attributes:
        rulings: what is compared of each verdict, by item.
        figures: what the engine aggregated, by name.
        unscored: how many items have no verdict.
        more: everything else that its script wrote down.
    """

    rulings: dict[str, list[Ruling]]
    figures: dict[str, float]
    unscored: int
    more: dict[str, Any]


def replies_in(path: Path, benchmark: Benchmark) -> dict[str, str]:
    """The replies to the items that carry a constraint."""
    found = read_responses([path], benchmark).responses
    return {id: one.text for id, one in found.items() if one.text is not None and benchmark.item(id).constraints}


def ruled(verdicts: Iterable[Verdict]) -> dict[str, list[Ruling]]:
    found: dict[str, list[Ruling]] = {}
    for one in verdicts:
        found.setdefault(one.item, []).append([getattr(one, name) for name in COMPARED])
    return found


def replayed(
    engine: str,
    replies: Mapping[str, str],
    settings: TaskSettings,
    folder: Path,
    kind: str,
    python: str = sys.executable,
) -> Found:
    """Run an engine with a model of its own kind that replays; `folder` gets what goes in and comes out."""
    asked = folder / "replies.json"
    asked.write_text(json.dumps(dict(replies)), encoding="utf-8")
    return run_engine(engine, [asked], settings, folder, kind, python=python)


def run_engine(
    engine: str,
    asked: list[Path],
    settings: TaskSettings,
    folder: Path,
    kind: str,
    *more: str,
    python: str = sys.executable,
) -> Found:
    answered = folder / f"{engine}.json"
    command = [python, str(ENGINES / f"{engine}_engine.py"), *map(str, asked), str(answered), kind, *more]
    own = {
        VARIABLE: settings.encoded(),
        "PYTHONPATH": str(SOURCE),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "datasets"),
    }
    done = subprocess.run(
        command, env={**os.environ, **own}, cwd=folder, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    found = json.loads(answered.read_text(encoding="utf-8"))
    verdicts, figures, unscored = (found.pop(name) for name in ("verdicts", "figures", "unscored"))
    rulings = {id: [[one[name] for name in COMPARED] for one in of_item] for id, of_item in verdicts.items()}
    return Found(rulings, figures, unscored, found)


def tokenizer_alone(folder: Path) -> Path:
    """The backbone's tokenizer alone: beside a model, `AutoTokenizer` takes the architecture's usual class."""
    alone = folder / "tokenizer"
    alone.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(shipped()["backbone"] / name, alone)
    return alone


def heard_replies(model: str, ids: Iterable[str], system: str | None, longest: int) -> dict[str, str | None]:
    """What our own adapter answers to the bundled clips, one item at a time."""
    asked = {one.item.id: one for one in Questions(TaskSettings()).heard()}
    generation = Generation(max_new_tokens=longest)
    requests = [
        Request(id, asked[id].text, asked[id].audio, None, system, generation=generation) for id in sorted(ids)
    ]
    with open_model(model, {"device": "cpu", "batch_size": 1}) as opened:
        return {response.id: response.text for response in opened.answer(requests)}


def own_replies(model: str, ids: Iterable[str], benchmark: Benchmark) -> dict[str, str | None]:
    """What our own adapter answers to the transcripts, one item at a time."""
    generation = Generation(max_new_tokens=200)
    items = [benchmark.item(id) for id in ids]
    requests = [Request(item.id, item.instruction, None, item.transcript, generation=generation) for item in items]
    with open_model(model, {"device": "cpu", "batch_size": 1}) as opened:
        return {response.id: response.text for response in opened.answer(requests)}
