from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.integrations.harness.settings import TaskSettings
from speech_ifeval.models import Request, open_model
from speech_ifeval.models.adapters.lab import shipped
from speech_ifeval.models.recorded import locate
from tests.integrations.replaying import own_replies, replayed, replies_in, run_engine, tokenizer_alone

pytest.importorskip("lm_eval", reason="lm-eval is not installed")
pytestmark = pytest.mark.slow


def test_without_a_judge_there_is_no_ifrate_and_no_zero(tmp_path: Path) -> None:
    replies = replies_in(locate("example:tuned"), load_benchmark("example"))
    found = replayed("lm_eval", replies, TaskSettings(benchmark="example"), tmp_path, "replay")
    assert found.unscored == 10
    assert "ifrate" not in found.figures
    assert "chain_of_thought" not in found.figures
    assert found.figures["closed_ended"] == pytest.approx(45.0)
    assert found.figures["closed_ended_stderr"] > 0


def test_a_lab_model_answers_through_the_harness_own_model(tmp_path: Path) -> None:
    """lm-eval's `hf` model with the chat template: its prompts and replies are those of our adapter."""
    settings = TaskSettings(judge="heuristic")
    tokenizer = str(tokenizer_alone(tmp_path))
    found = run_engine("lm_eval", [shipped()["backbone"]], settings, tmp_path, "hf", "6", tokenizer)
    assert len(found.rulings) == 6
    benchmark = load_benchmark("bundled")
    with open_model("lab:backbone", {"device": "cpu"}) as model:
        for id, prompt in found.more["prompts"].items():
            item = benchmark.item(id)
            assert prompt == model.prompt(Request(id, item.instruction, None, item.transcript))
    assert found.more["texts"] == own_replies("lab:backbone", found.rulings, benchmark)
