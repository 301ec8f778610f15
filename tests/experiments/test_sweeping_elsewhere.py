"""Sweeps of models outside this process: a server with a name for every scale, a worker that is told it."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.experiments.sweeping import sweep
from speech_ifeval.pipeline.generating import Conditions
from speech_ifeval.pipeline.scoring import Scoring
from tests.experiments.tones import write_tones
from tests.models.serving import Answer, Asked, completion, loopback
from tests.models.worker_scripts import worker_script

JUDGED = Scoring(judge="heuristic")
WORKER = """
class Worker:
    name = "scaled"
    batch_size = 4

    def __init__(self, lora_scale: float = 1.0):
        self._text = "I DO." if lora_scale < 0.5 else "no, i do not."
        self.settings = {"lora_scale": lora_scale}

    def answer(self, requests):
        return [self._text for request in requests]
"""


@pytest.fixture
def tones(tmp_path: Path) -> Benchmark:
    return write_tones(tmp_path / "tones", clips=6, names=2, thinking=2)


def test_a_server_is_asked_under_one_name_a_scale(
    tones: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def answer(asked: Asked) -> Answer:
        return completion("I DO." if asked.json["model"] == "tuned-0" else "no, i do not.")

    with loopback(answer) as server:
        found = sweep(
            "openai:tuned-{scale}",
            [0.0, 0.25, 1.0],
            tones,
            model_args={"base_url": server.url},
            scoring=JUDGED,
            conditions=Conditions(audio_check=False),
            output_dir=tmp_path / "runs",
        )
        assert {one.json["model"] for one in server.asked} == {"tuned-0", "tuned-0.25", "tuned-1"}
    assert [point.scale for point in found.points] == [0.0, 0.25, 1.0]
    assert len({point.run for point in found.points}) == 3
    assert all(point.lora == [] for point in found.points)


def test_a_worker_is_started_with_each_scale(tones: Benchmark, tmp_path: Path) -> None:
    found = sweep(
        worker_script(tmp_path, WORKER),
        [0.0, 1.0],
        tones,
        scoring=JUDGED,
        conditions=Conditions(audio_check=False),
        output_dir=tmp_path / "runs",
    )
    assert [point.scale for point in found.points] == [0.0, 1.0]
    replies = [(Path(point.run) / "responses.jsonl").read_text("utf-8") for point in found.points]
    assert "I DO." in replies[0]
    assert "no, i do not." not in replies[0]
    assert "no, i do not." in replies[1]


def test_a_worker_that_declares_no_scale_is_refused(tones: Benchmark, tmp_path: Path) -> None:
    script = worker_script(tmp_path, WORKER.replace("lora_scale: float = 1.0", "").replace("lora_scale", "1.0"))
    with pytest.raises(UsageError, match="takes no argument 'lora_scale'"):
        sweep(script, [0.0, 1.0], tones, output_dir=tmp_path / "runs")
