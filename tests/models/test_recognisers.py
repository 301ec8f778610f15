"""Recognisers: opened by name, hearing whole clips, each clip for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models.recognisers import RecognitionError, open_recogniser, windows
from tests import tiny
from tests.models.serving import Answer, loopback


@pytest.mark.parametrize(
    ("spec", "arguments", "problem"),
    [
        ("sphinx", {}, "no recogniser 'sphinx': expected hf:ID, openai:NAME or pocketsphinx"),
        ("hf:", {}, "no recogniser 'hf:'"),
        ("pocketsphinx:en", {}, "no recogniser 'pocketsphinx:en'"),
        ("pocketsphinx", {"language": "en"}, "takes no argument 'language': it takes none"),
        ("hf:x", {"langage": "en"}, "takes no argument 'langage'.*did you mean language"),
        ("openai:x", {"timeout": "soon"}, "timeout of openai:x"),
        ("openai:x", {"concurrency": "0"}, "concurrency is too small"),
        ("openai:x", {"api_key": "sk-secret"}, "takes no argument 'api_key'"),
    ],
)
def test_a_name_or_argument_that_does_not_fit_is_refused(
    spec: str, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        open_recogniser(spec, arguments)


@pytest.mark.parametrize("seconds", [0.01, 1, 29.99, 30, 30.01, 34, 75, 600])
def test_windows_hold_every_sample_once_and_are_never_too_long(seconds: float) -> None:
    rate = 1000
    samples = np.random.default_rng(0).standard_normal(round(seconds * rate)).astype(np.float32)
    pieces = list(windows(samples, rate, 30.0))
    assert np.array_equal(np.concatenate(pieces), samples)
    assert max(len(piece) for piece in pieces) <= 30 * rate
    assert min(len(piece) for piece in pieces) > 0
    assert len(pieces) >= seconds / 30


def test_a_cut_falls_into_a_pause() -> None:
    rate = 1000
    samples = np.ones(40 * rate, np.float32)
    samples[26 * rate : 26 * rate + 100] = 0
    first, second = windows(samples, rate, 30.0)
    assert 26 * rate <= len(first) <= 26 * rate + 100
    assert len(first) + len(second) == len(samples)


def test_a_served_recogniser_is_sent_the_clip_and_the_language(tmp_path: Path) -> None:
    clip = tiny.speech(tmp_path / "clip.wav", 1, 1)
    with loopback(lambda _: Answer(body=b'{"text": " Hello there. "}')) as server:
        recogniser = open_recogniser("openai:whisper-1", {"base_url": server.url, "language": "en"})
        assert recogniser.transcribe(clip) == "Hello there."
        assert recogniser.settings == {
            "recogniser": "openai",
            "server": "this machine",
            "model": "whisper-1",
            "language": "en",
        }
        recogniser.close()
        assert b"RIFF" in server.asked[0].body
        assert b'name="language"\r\n\r\nen' in server.asked[0].body


@pytest.mark.slow
def test_whisper_hears_each_clip_for_itself_and_long_ones_to_the_end(tiny_whisper: Path, tmp_path: Path) -> None:
    recogniser = open_recogniser(f"hf:{tiny_whisper}", {})
    first = tiny.speech(tmp_path / "first.wav", 3, 1)
    second = tiny.speech(tmp_path / "second.wav", 4, 2, rate=44100)
    heard = [recogniser.transcribe(clip) for clip in (first, second, first)]
    assert heard[0] == heard[2] != heard[1]
    assert all(heard)
    samples, rate = soundfile.read(tiny.speech(tmp_path / "long.wav", 70, 3), dtype="float32")
    changed = samples.copy()
    changed[-5 * rate :] = 0
    soundfile.write(tmp_path / "changed.wav", changed, rate)
    whole, without_end = (recogniser.transcribe(tmp_path / name) for name in ("long.wav", "changed.wav"))
    assert whole != without_end
    assert recogniser.settings["dtype"] == "float32"
    assert recogniser.settings["revision"]


@pytest.mark.slow
def test_what_is_no_recogniser_cannot_be_opened_as_one(tiny_whisper: Path, tiny_llama: Path) -> None:
    with pytest.raises(ModelError, match="expected a folder that transformers loads"):
        open_recogniser(f"hf:{tiny_llama}", {})
    with pytest.raises(UsageError, match="knows one language only; leave out language=de"):
        open_recogniser(f"hf:{tiny_whisper}", {"language": "de"})


@pytest.mark.slow
def test_a_clip_that_a_model_fails_on_fails_alone(
    tiny_whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser = open_recogniser(f"hf:{tiny_whisper}", {})
    clip = tiny.speech(tmp_path / "clip.wav", 1, 1)

    def out_of_memory(**_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(recogniser._model, "generate", out_of_memory)  # type: ignore[attr-defined]
    with pytest.raises(
        RecognitionError, match=r"clip\.wav: .* failed on the clip \(RuntimeError: out of memory\)"
    ):
        recogniser.transcribe(clip)
