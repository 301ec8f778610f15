"""The same replies of the lab's models through every harness: the same verdicts, one by one.

The replies were recorded with ``speech-ifeval run --model lab:corpus-style --reference lab:backbone --sample 200
--no-twins``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.integrations.harness.settings import TaskSettings
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.records import CATEGORIES
from tests.integrations.replaying import RECORDED, Found, replayed, replies_in, ruled
from tests.integrations.test_lmms_eval import python_of_lmms_eval

pytestmark = pytest.mark.slow
SETTINGS = TaskSettings(judge="heuristic")
MODELS = ("corpus-style", "backbone")
REPLIES = 200
# Which engine asks which model: the one that hears is given audio where the harness has any.
ENGINES = [
    ("inspect", "audio", "corpus-style"),
    ("inspect", "transcript", "backbone"),
    ("lm_eval", "replay", "corpus-style"),
    ("lm_eval", "replay", "backbone"),
    ("lmms_eval", "simple", "corpus-style"),
    ("lmms_eval", "chat", "backbone"),
]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """Verdicts and figures of our own scoring, by model."""
    benchmark, made = load_benchmark("bundled"), {}
    for name in MODELS:
        folder = tmp_path_factory.mktemp("ours") / name
        source = RECORDED / f"{name}.jsonl"
        summary, _ = score([source], benchmark, output_dir=folder, scoring=Scoring(judge="heuristic"))
        replies = replies_in(source, benchmark)
        assert len(replies) == REPLIES
        verdicts = [verdict for verdict in load_scored(folder).verdicts if verdict.item in replies]
        rate = summary.ifrate
        figures = {"ifrate": rate.value, "ifrate_low": rate.low, "ifrate_high": rate.high}
        figures |= {category.replace("-", "_"): summary.categories[category].rate for category in CATEGORIES}
        made[name] = Found(
            ruled(verdicts), {key: value for key, value in figures.items() if value is not None}, 0, {}
        )
    return made


@pytest.mark.parametrize(("engine", "kind", "name"), ENGINES, ids=["-".join(each) for each in ENGINES])
def test_every_verdict_and_figure_is_the_same(
    engine: str, kind: str, name: str, ours: dict[str, Found], tmp_path: Path
) -> None:
    python = python_of_lmms_eval() if engine == "lmms_eval" else sys.executable
    replies = replies_in(RECORDED / f"{name}.jsonl", load_benchmark("bundled"))
    found = replayed(engine, replies, SETTINGS, tmp_path, kind, python)
    different = [id for id, rulings in ours[name].rulings.items() if found.rulings.get(id) != rulings]
    assert not different
    assert len(found.rulings) == REPLIES
    assert len(ours[name].figures) == 6
    assert {key: found.figures[key] for key in ours[name].figures} == pytest.approx(ours[name].figures)
    assert found.unscored == 0
