"""The real client and a real server with a tiny model, whose replies are noise: unscored, counted, no crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.judges.replay import read_kept
from speech_ifeval.pipeline.scoring import Scoring, score
from tests import tiny
from tests.models.serving import transformers_serve
from tests.pipeline.conftest import answers, small

__all__ = ["answers", "small"]  # the fixtures


@pytest.mark.slow
def test_a_tiny_models_noise_is_unscored(tmp_path: Path, small: Benchmark, answers: Callable[..., Path]) -> None:
    model = tiny.llama(tmp_path / "llama")
    with transformers_serve(tmp_path / "log") as url:
        scoring = Scoring(
            judge=f"openai:{model}",
            judge_args={"base_url": url, "max_tokens": 8, "concurrency": 2, "timeout": 60},
            judge_cache=tmp_path / "cache",
        )
        summary, folder = score([answers()], small, output_dir=tmp_path / "run", scoring=scoring)
    rate = summary.categories["chain-of-thought"]
    assert (rate.n, rate.unscored, summary.ifrate.value) == (0, 2, None)
    assert summary.ifrate.why is not None
    (path,) = folder.glob("judgements.*.jsonl")
    kept = read_kept(path)
    assert len(kept) == 6
    for judgement in kept.values():
        assert judgement.verdict is None
        assert judgement.judge_reply is not None
        assert len(judgement.earlier_replies) == 1
        assert judgement.reason is not None
        assert judgement.reason.startswith("the judge's reply ")
    assert "6 replies of the judge could not be read" in " ".join(summary.notes)
