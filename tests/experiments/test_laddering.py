"""The ladder from the reference on text to the model on audio: its rungs are real runs, and its parts add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from speech_ifeval.analysis.scored_runs import read_summary
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.derived import bare_words, without_metadata
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.training_record import TrainedConstraint, TrainingRecord, write_training_record
from speech_ifeval.experiments.laddering import ladder
from speech_ifeval.models import Request, Response
from tests.command_line import invoke


@pytest.mark.parametrize(
    ("transcript", "words"),
    [
        ("[00:00:00 - 00:00:03] Hello there. (Gender: Female, Emotion: happy)", "Hello there."),
        ("[00:00:00 - 00:00:03] Hello there.", "Hello there."),
        ("Hello (my friend) there.", "Hello (my friend) there."),
        ("[0:00:01.5 - 0:00:02.25] One. (Voice: man) [0:00:03 - 0:00:04] Two. (Voice: man)", "One. Two."),
        ("Note: (see: above)", "Note: (see: above)"),
        ("", ""),
    ],
)
def test_bare_words_are_what_is_said(transcript: str, words: str) -> None:
    assert bare_words(transcript) == words


def test_a_derived_benchmark_is_another_benchmark() -> None:
    bundled = load_benchmark("bundled")
    bare = without_metadata(bundled)
    assert bare.fingerprint != bundled.fingerprint
    assert [item.id for item in bare] == [item.id for item in bundled]
    assert all("Voice:" not in (item.transcript or "") for item in bare)
    assert all(item.clip == bundled.item(item.id).clip for item in bare)


def test_a_wrong_call_says_what_to_do(tmp_path: Path) -> None:
    done = invoke("ladder", "--model", "lab:self-aligned", "--rungs", "bare,attic", "--output-dir", tmp_path / "x")
    assert done.code == 2
    assert "no such rung: attic" in done.err
    done = invoke("ladder", "--model", "hf:nowhere", "--output-dir", tmp_path / "x")
    assert done.code == 2
    assert "name the model's own text LLM with --reference" in done.err
    assert not (tmp_path / "x").exists()


def test_what_the_model_was_trained_on_marks_its_rungs_and_not_the_references(tmp_path: Path) -> None:
    write_training_record(
        tmp_path / "record.json", TrainingRecord((TrainedConstraint("change_case:english_capital"),))
    )
    done = invoke(
        *("ladder", "--model", "replay:example:tuned", "--reference", "replay:example:reference"),
        *("--benchmark", "example", "--rungs", "text", "--trained-on", tmp_path / "record.json"),
        *("--output-dir", tmp_path / "ladder"),
    )
    assert done.code == 0, done.err
    runs = [path.parent for path in (tmp_path / "ladder").rglob("summary.json")]
    marked = {run.name for run in runs if "|contaminated:6/66-" in read_summary(run).signature}
    assert (marked, {run.name for run in runs} - marked) == ({"text", "audio"}, {"reference"})


@pytest.mark.slow
def test_a_frozen_backbone_loses_nothing_by_its_weights(tmp_path: Path) -> None:
    found = ladder(
        "lab:self-aligned",
        None,
        load_benchmark("bundled"),
        selection=Selection(sample=24),
        output_dir=tmp_path / "ladder",
    )
    assert [rung.name for rung in found.rungs] == ["reference", "bare", "cascade", "text", "audio"]
    assert all(rung.ifrate is not None and rung.task is not None for rung in found.rungs)
    assert found.weights is not None
    assert found.weights.value == 0
    assert found.modality is not None
    assert found.forgetting is not None
    assert found.modality.value == pytest.approx(found.forgetting.value)
    assert any("zero by construction" in note for note in found.notes)
    heard = (tmp_path / "ladder" / "own-transcripts" / "responses.jsonl").read_text("utf-8").splitlines()
    assert len({json.loads(row)["text"] for row in heard}) > 4


@pytest.mark.slow
def test_a_tuned_model_has_both_parts_and_they_add_up(tmp_path: Path) -> None:
    found = ladder(
        "lab:corpus-style",
        None,
        load_benchmark("bundled"),
        selection=Selection(sample=60),
        rungs=("text",),
        output_dir=tmp_path / "ladder",
    )
    assert found.weights is not None
    assert found.modality is not None
    assert found.forgetting is not None
    assert found.weights.value < 0
    assert found.weights.value + found.modality.value == pytest.approx(found.forgetting.value)
    text, audio = found.rungs[-2:]
    assert text.lora == audio.lora
    assert text.lora[0]["factor"] == 1
    # One thing changes at a step: the weights from the reference to the text path, the input from there to audio.
    assert text.step == text.change
    assert audio.step is not None
    assert audio.step.value == pytest.approx((audio.ifrate.value or 0) - (text.ifrate.value or 0))
    assert {rung.name for rung in found.rungs if rung.why == "left out"} == {"bare", "cascade"}


def hears_only(requests: list[Request]) -> list[Response]:
    return [
        Response(one.id, None, "error", "no audio in the prompt")
        if one.audio is None
        else Response(one.id, f"{one.audio.name}: YES.")
        for one in requests
    ]


@pytest.mark.slow
def test_a_model_without_a_text_path_is_said_to_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").write_text(
        "from tests.experiments.test_laddering import hears_only as answer\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    found = ladder(
        "py:own.py:answer",
        "lab:backbone",
        load_benchmark("bundled"),
        rungs=("text",),
        selection=Selection(sample=24),
        output_dir=tmp_path / "ladder",
    )
    text = next(rung for rung in found.rungs if rung.name == "text")
    assert text.run is None
    assert "no text path" in str(text.why)
    assert found.weights is None
    assert found.modality is None
    assert found.forgetting is not None
