"""Preflight: the clips are there, and the model hears them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import DataError, ModelError, UsageError
from speech_ifeval.models import Request, Response, open_model
from speech_ifeval.models.functions import FunctionModel
from speech_ifeval.pipeline.generating import Conditions, generate
from speech_ifeval.pipeline.preflight import find_audio, survey_clips
from tests.spoken import RATE, spoken_rows, write_models, write_spoken, write_tone


@pytest.fixture
def spoken(tmp_path: Path) -> Benchmark:
    return write_spoken(tmp_path / "tones")


def check_of(folder: Path) -> str:
    check: str = json.loads((folder / "responses.manifest.json").read_text())["audio_check"]
    return check


def test_a_model_that_hears_passes_and_it_is_recorded(spoken: Benchmark, tmp_path: Path) -> None:
    generate(open_model(f"py:{write_models(tmp_path)}:hears"), spoken, tmp_path / "run")
    assert check_of(tmp_path / "run") == "the answers about two clips differ"


def test_a_deaf_model_is_stopped_before_anything_is_asked(spoken: Benchmark, tmp_path: Path) -> None:
    model = open_model(f"py:{write_models(tmp_path)}:deaf")
    with pytest.raises(ModelError, match="the audio does not reach the model deaf: .*equal answers"):
        generate(model, spoken, tmp_path / "run")
    assert (tmp_path / "run/responses.jsonl").exists() is False
    generate(model, spoken, tmp_path / "run", conditions=Conditions(audio_check=False))
    assert check_of(tmp_path / "run") == "skipped"


def test_token_counts_tell_that_audio_arrived(spoken: Benchmark, tmp_path: Path) -> None:
    def same_text(requests: list[Request]) -> list[Response]:
        lengths = [soundfile.info(request.audio).frames // 640 for request in requests]
        return [Response(one.id, "yes", input_tokens=n) for one, n in zip(requests, lengths, strict=True)]

    generate(FunctionModel(same_text), spoken, tmp_path / "run")
    assert check_of(tmp_path / "run") == "the token counts of two clips differ"


def test_a_model_that_cannot_answer_the_first_question_says_why(spoken: Benchmark, tmp_path: Path) -> None:
    model = open_model(f"py:{write_models(tmp_path)}:always_fails")
    with pytest.raises(ModelError, match="cannot answer a first question.*no GPU today"):
        generate(model, spoken, tmp_path / "run")


def test_one_clip_alone_shows_nothing(tmp_path: Path) -> None:
    benchmark = write_spoken(tmp_path / "tones", spoken_rows(clips=1))
    generate(open_model(f"py:{write_models(tmp_path)}:deaf"), benchmark, tmp_path / "run")
    assert check_of(tmp_path / "run") == "not checked: all items share one clip"


BROKEN = {
    "missing": None,
    "no audio at all": b"this is text",
    "empty": b"",
    "header only": b"RIFF\x24\0\0\0WAVEfmt ",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_clips_that_cannot_be_heard_stop_the_run_before_it_starts(
    content: bytes | None, spoken: Benchmark, tmp_path: Path
) -> None:
    clip = spoken.root / "audio/clips/3.wav"
    clip.unlink()
    if content is not None:
        clip.write_bytes(content)
    model = open_model(f"py:{write_models(tmp_path)}:hears")
    with pytest.raises(DataError, match=r"1 of 5 clips cannot be heard: .*3\.wav.*--broken-audio record"):
        generate(model, spoken, tmp_path / "run")
    generated = generate(model, spoken, tmp_path / "run", conditions=Conditions(broken_audio="record"))
    assert (generated.course.done, generated.course.failed, generated.unasked) == (16, 3, 0)
    rows = [json.loads(line) for line in (tmp_path / "run/responses.jsonl").read_text().splitlines()]
    failed = {row["id"]: row["error"] for row in rows if row["text"] is None}
    assert {int(id[-4:]) % 5 for id in failed} == {3}
    assert all("3.wav" in why for why in failed.values())


def test_a_clip_of_zero_length_is_broken(spoken: Benchmark) -> None:
    soundfile.write(spoken.root / "audio/clips/1.wav", np.zeros(0), RATE)
    survey = survey_clips(spoken, spoken.root / "audio")
    assert list(survey.broken) == ["clips/1.wav"]
    assert "expected a clip, found one of zero length" in survey.broken["clips/1.wav"]


def test_a_ten_minute_clip_is_read(spoken: Benchmark) -> None:
    write_tone(spoken.root / "audio/clips/1.wav", 300, 600)
    survey = survey_clips(spoken, spoken.root / "audio")
    assert survey.clips["clips/1.wav"].seconds == 600
    assert survey.longer_than(30) == 1


@pytest.mark.parametrize("place", ["audio", "audios", ".", "../audios", "../audio"])
def test_the_audio_is_found_in_and_beside_the_benchmark(place: str, spoken: Benchmark) -> None:
    folder = spoken.root / place
    if place != "audio":
        folder.mkdir(exist_ok=True)
        (spoken.root / "audio/clips").rename(folder / "clips")
    assert (find_audio(spoken, spoken.items, None) / "clips/0.wav").is_file()


def test_no_audio_anywhere_names_the_option(spoken: Benchmark, tmp_path: Path) -> None:
    (spoken.root / "audio").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"clips/0\.wav.*--audio-dir"):
        find_audio(spoken, spoken.items, None)
    assert find_audio(spoken, spoken.items, tmp_path / "elsewhere") == tmp_path / "elsewhere"
    with pytest.raises(UsageError, match="no audio folder at"):
        find_audio(spoken, spoken.items, tmp_path / "nowhere")
