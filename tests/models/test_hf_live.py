"""A live pair of model and processor: evaluated in the middle of training, and left as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import speech_ifeval as sif
from speech_ifeval.errors import UsageError
from speech_ifeval.models import Generation, Request, open_model
from speech_ifeval.models.transformers_models.live import live_model
from tests.spoken import spoken_rows, write_spoken

pytestmark = pytest.mark.slow
SHORT = Generation(max_new_tokens=8)


def first_layer(model: Any) -> Any:
    return next(
        module for name, module in model.named_modules() if name.endswith("layers.0") and "audio" not in name
    )


def state(model: Any, processor: Any) -> dict[str, Any]:
    tokenizer = processor.tokenizer
    return {
        "modes": [module.training for module in model.modules()],
        "gradients": [parameter.requires_grad for parameter in model.parameters()],
        "weights": [parameter.detach().clone() for parameter in model.parameters()],
        "grads": [None if one.grad is None else one.grad.clone() for one in model.parameters()],
        "cache": getattr(model.config.get_text_config(), "use_cache", None),
        "generation": model.generation_config.to_dict(),
        "padding": (tokenizer.padding_side, tokenizer.pad_token),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),
        "torch": torch.get_rng_state(),
    }


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)


@pytest.fixture
def pair(tiny_qwen2_audio: Path) -> tuple[Any, Any]:
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    model = Qwen2AudioForConditionalGeneration.from_pretrained(tiny_qwen2_audio)
    model.train()
    first_layer(model).eval()  # not all of it in one mode
    next(model.parameters()).requires_grad_(False)
    model.generation_config.repetition_penalty = 1.3
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.ones_like(parameter)
    return model, AutoProcessor.from_pretrained(tiny_qwen2_audio)


def test_nothing_of_it_is_changed_and_it_answers_as_when_loaded(
    pair: tuple[Any, Any], tiny_qwen2_audio: Path, clips: Callable[[int], list[Path]]
) -> None:
    asked = [
        Request(str(number), "What is said?", audio=clip, generation=SHORT) for number, clip in enumerate(clips(5))
    ]
    before = state(*pair)
    with live_model(*pair) as model:
        found = {response.id: response.text for response in model.answer(asked)}
        assert alike(before, state(*pair))
    with open_model(f"hf:{tiny_qwen2_audio}", {"dtype": "float32", "device": "cpu"}) as loaded:
        assert found == {response.id: response.text for response in loaded.answer(asked)}
    assert pair[0].training  # closing it has not taken it away


def test_a_failure_leaves_it_as_it_was_too(
    pair: tuple[Any, Any], clips: Callable[[int], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(*pair)
    monkeypatch.setattr(first_layer(pair[0]), "forward", lambda *_, **__: 1 / 0)
    with live_model(*pair) as model:
        found = list(model.answer([Request("a", "What?", audio=clips(1)[0], generation=SHORT)]))
    assert found[0].error == "ZeroDivisionError: division by zero"
    assert alike(before, state(*pair))


def test_evaluate_takes_the_pair(pair: tuple[Any, Any], tmp_path: Path) -> None:
    benchmark = write_spoken(tmp_path / "tones", spoken_rows(closed=2, creative=2, thinking=1))
    before = state(*pair)
    run = sif.evaluate(pair, benchmark=benchmark, output_dir=tmp_path / "run", asking=sif.Asking(generation=SHORT))
    assert run.summary.replies["answered"] == 5
    assert alike(before, state(*pair))


def test_another_step_of_training_is_another_model(pair: tuple[Any, Any]) -> None:
    before = live_model(*pair).settings["revision"]
    assert live_model(*pair).settings["revision"] == before
    with torch.no_grad():
        pair[0].get_output_embeddings().weight.add_(0.01)
    assert live_model(*pair).settings["revision"] != before


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a transformers model and its processor"):
        live_model(object(), object())
