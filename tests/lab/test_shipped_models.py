"""The shipped models through every adapter: they hear, they answer, and they are what their cards say."""

from __future__ import annotations

import json
import subprocess
import time
from importlib.resources import files
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.job import evaluate
from speech_ifeval.models import Generation, Model, Request, Response, open_model
from speech_ifeval.models.adapters.lab import shipped
from speech_ifeval.pipeline.generating import Conditions
from speech_ifeval.pipeline.scoring import Scoring
from tests.command_line import command, run
from tests.models.serving import transformers_serve

pytestmark = pytest.mark.slow

WEIGHTS = Path(str(files("speech_ifeval") / "lab" / "weights"))
MOST_BYTES = 25 * 2**20
GENERATION = Generation(max_new_tokens=200)


@pytest.fixture(scope="module")
def bundled() -> Benchmark:
    return load_benchmark("bundled")


@pytest.fixture(scope="module")
def questions(bundled: Benchmark) -> list[Request]:
    """One plain transcription of each of twelve clips."""
    chosen = [item for item in bundled.in_category("closed-ended-plain") if item.dataset == "transcription"]
    return [request_of(bundled, item.id) for item in chosen[::3][:12]]


def request_of(bundled: Benchmark, id: str) -> Request:
    item = bundled.item(id)
    assert bundled.root is not None
    return Request(
        id, item.instruction, bundled.root / "audio" / item.clip, item.transcript, generation=GENERATION
    )


def replies(model: Model, requests: list[Request]) -> dict[str, str | None]:
    with model:
        return {response.id: response.text for response in model.answer(requests)}


def read(request: Request) -> Request:
    return Request(request.id, request.instruction, None, request.transcript, request.system, request.generation)


def test_all_weights_fit_into_the_package_and_none_is_a_pickle() -> None:
    found = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in found) < MOST_BYTES
    assert {path.suffix for path in found} <= {".safetensors", ".json", ".jinja", ".md"}
    assert sorted(shipped()) == ["backbone", "corpus-style", "self-aligned"]


def test_the_backbone_reads_and_the_self_aligned_model_hears_what_is_said(
    bundled: Benchmark, questions: list[Request]
) -> None:
    said = {request.id: str(bundled.item(request.id).label) for request in questions}
    wrote = replies(open_model("lab:backbone"), [read(request) for request in questions])
    assert wrote == said
    heard = replies(open_model("lab:self-aligned"), questions)
    assert sum(heard[id] == said[id] for id in said) >= len(said) - 2


def test_the_folder_of_the_adapter_finds_its_base_beside_it(questions: list[Request]) -> None:
    by_name = replies(open_model("lab:corpus-style"), questions[:4])
    assert by_name == replies(open_model(f"hf:{WEIGHTS / 'corpus-style'}"), questions[:4])
    adapter = {"adapter": str(WEIGHTS / "corpus-style")}
    assert by_name == replies(open_model(f"hf:{WEIGHTS / 'self-aligned'}", adapter), questions[:4])


def test_lora_scale_0_is_the_self_aligned_model(questions: list[Request]) -> None:
    aligned = replies(open_model("lab:self-aligned"), questions)
    assert replies(open_model("lab:corpus-style", {"lora_scale": 0}), questions) == aligned
    assert replies(open_model("lab:corpus-style"), questions) != aligned


def test_two_clips_are_two_inputs_and_one_clip_is_one(questions: list[Request]) -> None:
    with open_model("lab:self-aligned") as model:
        assert model.inputs_differ(questions[0], questions[1]) is True
        assert model.inputs_differ(questions[0], questions[0]) is False
        assert model.audio_limit == 5.0


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="expected one of backbone, corpus-style, self-aligned"):
        open_model("lab:corpus")
    with pytest.raises(UsageError, match="lora_scale"):
        open_model("lab:self-aligned", {"lora_scale": 0.5})


def test_the_batch_changes_no_reply(questions: list[Request]) -> None:
    alone = replies(open_model("lab:corpus-style", {"batch_size": 1}), questions)
    assert replies(open_model("lab:corpus-style", {"batch_size": 5}), questions) == alone


def test_a_server_says_what_the_model_says(tmp_path: Path, questions: list[Request]) -> None:
    with transformers_serve(tmp_path / "log") as url:
        # Not the backbone: the server takes AutoTokenizer, which puts another tokenizer in the place of its own.
        served = replies(open_model(f"openai:{WEIGHTS / 'self-aligned'}", {"base_url": url}), questions[:4])
    assert served == replies(open_model("lab:self-aligned"), questions[:4])


def test_a_recogniser_before_the_backbone_is_a_cascade(questions: list[Request]) -> None:
    with open_model("cascade:pocketsphinx+lab:backbone") as model:
        found = list(model.answer(questions[:4]))
    assert all(one.transcript and one.text for one in found)
    assert len({one.text for one in found}) > 1


def test_a_process_of_its_own_answers_as_this_one(tmp_path: Path, bundled: Benchmark) -> None:
    chosen = Selection(sample=12)
    here = evaluate("lab:self-aligned", benchmark=bundled, output_dir=tmp_path / "here", selection=chosen)
    there = evaluate(
        "lab:self-aligned",
        benchmark=bundled,
        output_dir=tmp_path / "there",
        selection=chosen,
        devices=["cpu"],
    )
    assert texts(here.folder) == texts(there.folder)
    again = evaluate(f"replay:{here.folder}", benchmark=bundled, output_dir=tmp_path / "again", selection=chosen)
    assert texts(again.folder) == texts(here.folder)
    assert again.ifrate.n + again.ifrate.unscored == here.ifrate.n + here.ifrate.unscored


def test_a_run_that_is_killed_goes_on_to_the_same_replies(tmp_path: Path) -> None:
    def arguments(folder: str) -> list[str | Path]:
        model = ["--model", "lab:corpus-style", "--model-args", "batch_size=4"]
        return ["run", *model, "--sample", "24", "--output-dir", tmp_path / folder]

    assert run(*arguments("whole")).code == 0
    process = subprocess.Popen(command(*arguments("cut")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = tmp_path / "cut" / "responses.jsonl"
    deadline = time.monotonic() + 60
    while not rows.exists() or rows.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert rows.read_bytes().count(b"\n") < 24
    assert run(*arguments("cut")).code == 0
    assert texts(tmp_path / "cut") == texts(tmp_path / "whole")
    assert len(texts(tmp_path / "cut")) >= 24  # twins are asked too


def texts(folder: Path) -> dict[str, str | None]:
    rows = (folder / "responses.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row.get("text") for row in map(json.loads, rows)}


def test_a_function_and_the_lab_are_told_apart_by_the_check_of_the_audio(
    tmp_path: Path, bundled: Benchmark
) -> None:
    def deaf(requests: list[Request]) -> list[Response]:
        return [Response(request.id, "The answer is woman.") for request in requests]

    chosen = Selection(sample=12)
    with pytest.raises(ModelError, match="audio"):
        evaluate(deaf, benchmark=bundled, output_dir=tmp_path / "deaf", selection=chosen)
    found = evaluate(
        deaf,
        benchmark=bundled,
        output_dir=tmp_path / "deaf",
        selection=chosen,
        conditions=Conditions(audio_check=False),
        scoring=Scoring(judge="heuristic"),
    )
    assert found.ifrate.n == 12
