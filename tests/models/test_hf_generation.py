"""transformers models in this process: real, tiny checkpoints that hear, read, and run out of memory."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from speech_ifeval.models import Generation, Model, Request, Response, open_model
from tests import tiny

pytestmark = pytest.mark.slow
SHORT = Generation(max_new_tokens=12)
HEARING = ("tiny_qwen2_audio", "tiny_voxtral", "tiny_audio_flamingo_3")
Clips = Callable[[int], list[Path]]


def requests(clips: list[Path] | None, count: int = 8, **fields: Any) -> list[Request]:
    texts = tiny.SENTENCES
    return [
        Request(
            str(number),
            f"{texts[number % len(texts)]} Number {number}.",
            audio=None if clips is None else clips[number % len(clips)],
            transcript="hello " * (number % 5),
            generation=SHORT,
            **fields,
        )
        for number in range(count)
    ]


def answers(model: Model, asked: list[Request]) -> dict[str, Response]:
    found = {response.id: response for response in model.answer(iter(asked))}
    assert set(found) == {request.id for request in asked}
    return found


def texts(found: dict[str, Response]) -> dict[str, str | None]:
    return {id: found[id].text for id in sorted(found)}


def opened(path: Path, **arguments: Any) -> Model:
    return open_model(f"hf:{path}", {"dtype": "float32", "device": "cpu", **arguments})


@pytest.mark.parametrize("name", HEARING)
def test_models_that_hear_answer_about_the_clip(name: str, clips: Clips, request: pytest.FixtureRequest) -> None:
    with opened(request.getfixturevalue(name)) as model:
        one, other = (Request("x", "What is said?", audio=clip, generation=SHORT) for clip in clips(2))
        assert model.hears
        assert model.inputs_differ(one, other) is True
        assert model.inputs_differ(one, one) is False
        found = answers(model, requests(clips(4)))
        assert all(response.error is None for response in found.values())
        assert len(set(texts(found).values())) > 1
        assert texts(answers(model, [one])) != texts(answers(model, [other]))


def test_a_text_model_reads(tiny_llama: Path) -> None:
    with opened(tiny_llama) as model:
        assert not model.hears
        assert model.inputs_differ(*requests(None, 2)) is None
        found = answers(model, requests(None))
    assert len(set(texts(found).values())) > 1


@pytest.mark.parametrize("name", [*HEARING, "tiny_llama"])
def test_in_float32_on_the_cpu_neither_batch_nor_order_changes_a_reply(
    name: str, clips: Clips, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(name)
    asked = requests(None if name == "tiny_llama" else clips(8), 24)
    with opened(path, batch_size="1") as model:
        alone = answers(model, asked)
    for size in (3, 8):
        shuffled = random.Random(size).sample(asked, len(asked))
        with opened(path, batch_size=str(size)) as model:
            together = answers(model, shuffled)
        assert texts(together) == texts(alone)
        for id, response in together.items():
            assert (response.finish_reason, response.input_tokens, response.output_tokens) == (
                alone[id].finish_reason,
                alone[id].input_tokens,
                alone[id].output_tokens,
            )


def test_counts_and_reasons_are_of_each_reply(tiny_llama: Path) -> None:
    with opened(tiny_llama, batch_size="4") as model:
        long = [
            Request(one.id, one.instruction, generation=Generation(max_new_tokens=200)) for one in requests(None)
        ]
        found = answers(model, long)
        tokenizer = model._tokenizer  # type: ignore[attr-defined]
        reasons = {response.finish_reason for response in found.values()}
        assert "stop" in reasons
        for request in long:
            response = found[request.id]
            prompt = tokenizer(model.prompt(request), add_special_tokens=False)["input_ids"]
            assert response.input_tokens == len(prompt)
            assert response.output_tokens is not None
            assert (response.finish_reason == "length") == (response.output_tokens == 200)
            assert (response.seconds or 0) > 0


def test_the_hubs_generation_settings_do_not_apply(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tiny_llama, tmp_path / "llama")
    config = json.loads((folder / "generation_config.json").read_text())
    config |= {
        "repetition_penalty": 5.0,
        "do_sample": True,
        "temperature": 3.0,
        "max_new_tokens": 1,
        "num_beams": 2,
    }
    (folder / "generation_config.json").write_text(json.dumps(config))
    asked = requests(None)
    with opened(tiny_llama) as plain, opened(folder) as spoilt:
        assert texts(answers(plain, asked)) == texts(answers(spoilt, asked))
        penalised = [
            Request(one.id, one.instruction, generation=Generation(max_new_tokens=12, repetition_penalty=5.0))
            for one in asked
        ]
        assert texts(answers(plain, penalised)) != texts(answers(plain, asked))


def test_sampling_is_seeded(tiny_llama: Path) -> None:
    def sampled(seed: int) -> dict[str, str | None]:
        generation = Generation(max_new_tokens=12, temperature=1.0, seed=seed)
        with opened(tiny_llama) as model:
            asked = [Request(one.id, one.instruction, generation=generation) for one in requests(None)]
            return texts(answers(model, asked))

    assert sampled(1) == sampled(1) != sampled(2)


@pytest.fixture
def at_most_two_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A real model that raises torch's own error whenever a batch has more than two rows."""
    from transformers import LlamaForCausalLM

    seen: list[int] = []
    forward = LlamaForCausalLM.forward

    def limited(self: Any, input_ids: Any = None, **options: Any) -> Any:
        seen.append(len(input_ids))
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return forward(self, input_ids=input_ids, **options)

    monkeypatch.setattr(LlamaForCausalLM, "forward", limited)
    return seen


def test_short_memory_halves_the_batch_and_loses_nothing(tiny_llama: Path, at_most_two_rows: list[int]) -> None:
    with opened(tiny_llama, batch_size="auto") as model:
        found = answers(model, requests(None, 20))
        assert all(response.error is None for response in found.values())
        assert model.recorded["batch_size"] == 2
    assert at_most_two_rows[:3] == [8, 4, 2]
    assert max(at_most_two_rows[3:]) == 2


def test_what_does_not_fit_alone_fails_alone(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import LlamaForCausalLM

    forward = LlamaForCausalLM.forward

    def limited(self: Any, input_ids: Any = None, **options: Any) -> Any:
        if input_ids.shape[1] > 300:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, input_ids=input_ids, **options)

    monkeypatch.setattr(LlamaForCausalLM, "forward", limited)
    asked = [*requests(None, 6), Request("long", "word " * 600, generation=SHORT)]
    with opened(tiny_llama, batch_size="4") as model:
        found = answers(model, asked)
    assert {id for id, response in found.items() if response.text is None} == {"long"}
    assert found["long"].error is not None
    assert found["long"].error.startswith("OutOfMemoryError")


def test_a_broken_clip_fails_alone(tiny_qwen2_audio: Path, clips: Clips, tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF of nothing")
    asked = requests(clips(5), 5)
    asked[2] = Request("2", "What is said?", audio=tmp_path / "broken.wav", generation=SHORT)
    asked.append(Request("gone", "What is said?", audio=tmp_path / "gone.wav", generation=SHORT))
    with opened(tiny_qwen2_audio) as model:
        found = answers(model, asked)
    failed = {id: response.error for id, response in found.items() if response.text is None}
    assert set(failed) == {"2", "gone"}
    assert "broken.wav: expected audio" in str(failed["2"])
    assert "no such file" in str(failed["gone"])


def test_clips_are_resampled_and_mixed_down(tiny_qwen2_audio: Path, tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    mono = tiny.speech(tmp_path / "mono.wav", 2, 3)
    samples, rate = soundfile.read(mono, dtype="float32")
    soundfile.write(tmp_path / "stereo.wav", np.stack([samples, samples], axis=1), rate, subtype="FLOAT")
    tiny.speech(tmp_path / "high.wav", 2, 3, rate=44100)
    with opened(tiny_qwen2_audio) as model:
        asked = [
            Request(name, "What is said?", audio=tmp_path / f"{name}.wav", generation=SHORT)
            for name in ("mono", "stereo", "high")
        ]
        found = answers(model, asked)
    # The mean of two equal channels differs from one by what 16 bits keep, and the token count tells the length.
    assert {response.error for response in found.values()} == {None}
    assert len({response.input_tokens for response in found.values()}) == 1


@pytest.mark.parametrize(("name", "limit"), [("tiny_qwen2_audio", 30.0), ("tiny_voxtral", None)])
def test_how_much_of_a_clip_is_heard_is_found_out(
    name: str, limit: float | None, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    clip = tiny.speech(tmp_path / "long.wav", 33, 7)
    with opened(request.getfixturevalue(name)) as model:
        assert model.audio_limit == limit
        found = answers(model, [Request("long", "What is said?", audio=clip, generation=SHORT)])
    assert found["long"].error is None
    assert found["long"].audio_cut is (limit is not None)


def test_the_stream_is_read_a_batch_at_a_time(tiny_llama: Path) -> None:
    read: list[str] = []

    def stream() -> Iterator[Request]:
        for one in requests(None, 9):
            read.append(one.id)
            yield one

    with opened(tiny_llama, batch_size="3") as model:
        model_answers = model.answer(stream())
        next(model_answers)
        assert read == ["0", "1", "2"]


def test_settings_tell_weights_and_prompts_apart(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tiny_llama, tmp_path / "llama")
    with opened(tiny_llama) as model:
        before = dict(model.settings)
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with opened(folder) as model:
        assert model.settings["revision"] != before["revision"]
    with opened(tiny_llama, dtype="bfloat16") as model:
        assert {key for key in before if model.settings[key] != before[key]} == {"dtype"}
    assert before["class"] == "LlamaForCausalLM"
    assert before["dtype"] == "float32"
