"""The main job: a model and its reference, generated, scored and compared."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import speech_ifeval as sif
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import ModelError, RunInterruptedError, UsageError
from speech_ifeval.job import Watching, evaluate, slug
from speech_ifeval.models import Request
from speech_ifeval.models.functions import FunctionModel
from tests.command_line import invoke
from tests.shared_data import DESTA2, RELEASE, needs_release
from tests.spoken import write_models, write_spoken


@pytest.fixture
def spoken(tmp_path: Path) -> Benchmark:
    return write_spoken(tmp_path / "tones")


def test_a_run_and_its_reference_give_delta(spoken: Benchmark, tmp_path: Path) -> None:
    own = write_models(tmp_path)
    run = evaluate(
        f"py:{own}:hears",
        reference=f"py:{own}:reads",
        reference_args={"hears": "false"},
        benchmark=spoken,
        output_dir=tmp_path / "runs/one",
    )
    assert run.report_html == tmp_path / "runs/one/report.html"
    assert b'"name":"one"' not in run.report_html.read_bytes()  # it is called as its summary is
    assert f'"name":"{run.summary.name}"'.encode() in run.report_html.read_bytes()
    assert run.summary.categories["closed-ended"].followed == 2  # capitals; quotes and JSON it knows nothing of
    assert run.summary.reference is not None
    assert run.summary.reference.categories["creative-writing"].followed == 4
    reference = json.loads((run.folder / "reference/responses.manifest.json").read_text())
    assert (reference["input"], reference["name"]) == ("transcript", "reads")


@needs_release
@pytest.mark.slow
def test_replayed_desta2_gives_the_published_figures(tmp_path: Path) -> None:
    run = sif.evaluate(f"replay:{DESTA2}", benchmark=RELEASE, output_dir=tmp_path / "run")
    rates = {name: (rate.followed, rate.n) for name, rate in run.summary.categories.items()}
    assert rates == {"closed-ended": (781, 933), "creative-writing": (367, 400), "chain-of-thought": (183, 200)}
    assert run.ifrate.value == pytest.approx(88.99, abs=0.005)
    # The responses and the judge's replies are in the run: it is scored again without the recorded files.
    again, _ = sif.score([run.folder], load_benchmark(str(RELEASE)))
    assert again.ifrate == run.ifrate


def test_a_callable_is_a_model(spoken: Benchmark, tmp_path: Path) -> None:
    def shout(requests: Sequence[Request]) -> list[str]:
        return [f"{request.audio} {request.instruction}".upper() for request in requests]

    run = sif.evaluate(shout, benchmark=spoken, output_dir=tmp_path / "run")
    assert run.summary.name == "shout"
    assert run.summary.codes["CC"].rate == 100


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (42, {}, "expected a specification, a Model, a callable or a pair"),
        (("a", "b", "c"), {}, "a live model is a pair"),
        (len, {"model_args": {"a": 1}}, "go with a specification"),
        ("hff:x", {}, "did you mean hf"),
        ("replay:example:tuned", {"reference": "nothing"}, "no adapter 'nothing'"),
        ("replay:example:tuned", {"devices": ["0"]}, "takes no device"),
        ("replay:example:tuned", {"reference_args": {"a": "1"}}, "and no reference"),
        ("replay:example:tuned", {"reference": "hf:x", "reference_args": {"a": "1"}}, "hf takes no argument 'a'"),
        ("replay:example:tuned", {"reference": "hf:x", "reference_args": {"lora_scale": "nan"}}, "found 'nan'"),
        ("replay:example:tuned", {"scoring": sif.Scoring(judge="nobody")}, "nobody"),
    ],
)
def test_what_is_no_model_is_refused_before_anything_runs(
    model: Any, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        evaluate(model, output_dir=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_sample_announces_what_it_can_detect_and_is_part_of_the_signature(tmp_path: Path) -> None:
    said: list[str] = []
    run = evaluate(
        "replay:example:tuned",
        reference="replay:example:reference",
        output_dir=tmp_path / "run",
        selection=Selection(sample=24),
        watching=Watching(say=said.append),
    )
    assert "8 closed-ended, 8 creative-writing, 8 chain-of-thought: the smallest Δ" in said[0]
    assert "|subset:sample-24|items:24|" in run.summary.signature
    assert run.ifrate.n == 24
    # The same directory grows; its figures are those of what was asked last.
    run = evaluate("replay:example:tuned", output_dir=tmp_path / "run")
    assert "|subset:all|items:66|" in run.summary.signature


def test_the_reference_is_generated_once_for_several_checkpoints(spoken: Benchmark, tmp_path: Path) -> None:
    own = write_models(tmp_path)
    calls: list[int] = []

    def reads(requests: Sequence[Request]) -> list[str]:
        calls.append(len(requests))
        return [request.text for request in requests]

    for name in ("one", "two"):
        run = evaluate(f"py:{own}:hears", reference=reads, benchmark=spoken, output_dir=tmp_path / f"runs/{name}")
        assert run.summary.reference is not None
    assert sum(calls) == 19


def test_nothing_is_taken_over_from_a_run_that_was_imported(spoken: Benchmark, tmp_path: Path) -> None:
    imported = tmp_path / "runs/imported"
    done = invoke("score", "example:tuned", "--reference", "example:reference", "--output-dir", imported)
    assert done.code == 0, done.err
    own = write_models(tmp_path)
    evaluate(
        f"py:{own}:hears",
        reference=f"py:{own}:reads",
        reference_args={"hears": "false"},
        benchmark=spoken,
        output_dir=tmp_path / "runs/one",
    )
    lines = (tmp_path / "runs/one/reference/responses.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["id"] for line in lines) == sorted(item.id for item in spoken)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("hf:{0}/nowhere", "expected the folder of a checkpoint, found none"),
        ("hf:{0}/broken", "broken"),
        ("lab:nobody", "expected one of backbone"),
        ("openai:gpt", "needs a key"),
    ],
)
def test_a_reference_that_cannot_be_is_found_before_the_model_answers(
    reference: str, message: str, spoken: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text("{}")
    with pytest.raises((ModelError, UsageError), match=message):
        evaluate(
            f"py:{write_models(tmp_path)}:hears",
            reference=reference.format(tmp_path),
            benchmark=spoken,
            output_dir=tmp_path / "run",
        )
    assert not (tmp_path / "run/responses.jsonl").exists()


def test_a_failing_reference_keeps_the_models_responses(spoken: Benchmark, tmp_path: Path) -> None:
    own = write_models(tmp_path)
    said: list[str] = []
    options: dict[str, Any] = {"benchmark": spoken, "output_dir": tmp_path / "run"}
    with pytest.raises(ModelError, match="requests to always_fails all failed"):
        evaluate(f"py:{own}:hears", reference=f"py:{own}:always_fails", **options)
    evaluate(f"py:{own}:hears", reference=f"py:{own}:reads", watching=Watching(say=said.append), **options)
    assert said[0] == "model hears: all 19 items are answered; nothing to do"


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("a/b c", "a-b-c"),
        ("..", "model"),
        ("", "model"),
        (".hidden", "hidden"),
        ("Qwen2-Audio-7B", "Qwen2-Audio-7B"),
    ],
)
def test_names_become_folders(name: str, folder: str) -> None:
    assert slug(name) == folder


def test_a_stop_in_the_last_batch_of_the_model_leaves_the_reference_unasked(
    spoken: Benchmark, tmp_path: Path
) -> None:
    asked: list[str] = []

    def hears(requests: Sequence[Request]) -> list[str]:
        if any(request.id == "chain-of-thought/0002" for request in requests):
            signal.raise_signal(signal.SIGINT)
        return [f"{request.audio} {request.instruction}" for request in requests]

    def reads(requests: Sequence[Request]) -> list[str]:
        asked.extend(request.id for request in requests)
        return [request.text for request in requests]

    with pytest.raises(RunInterruptedError, match="the same command goes on"):
        evaluate(
            FunctionModel(hears, batch_size=50), reference=reads, benchmark=spoken, output_dir=tmp_path / "run"
        )
    assert asked == []
