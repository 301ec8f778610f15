"""The LoRA scale: 0 is the model without the adapter, 1 the tuned one, and what cannot be scaled is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.models import Generation, Model, Request, open_model
from tests import tiny

pytestmark = pytest.mark.slow
ASKED = [
    Request(str(number), f"{text} {number}", generation=Generation(max_new_tokens=16))
    for number, text in enumerate(tiny.SENTENCES * 2)
]


def opened(path: Path, **arguments: Any) -> Model:
    return open_model(f"hf:{path}", {"dtype": "float32", "device": "cpu", **arguments})


def replies(path: Path, **arguments: Any) -> dict[str, str | None]:
    with opened(path, **arguments) as model:
        return {response.id: response.text for response in model.answer(ASKED)}


def test_zero_is_the_base_and_one_the_tuned_model_exactly(tiny_llama: Path, tiny_lora: Path) -> None:
    base = replies(tiny_llama)
    tuned = replies(tiny_llama, adapter=str(tiny_lora))
    assert base != tuned
    assert replies(tiny_llama, adapter=str(tiny_lora), lora_scale="0") == base
    assert replies(tiny_llama, adapter=str(tiny_lora), lora_scale="1") == tuned
    assert replies(tiny_llama, adapter=str(tiny_lora), lora_scale="0.5") not in (base, tuned)


def test_the_tuned_model_is_that_of_peft(tiny_llama: Path, tiny_lora: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama), tiny_lora).eval()
    with opened(tiny_llama, adapter=str(tiny_lora)) as ours:
        found = {response.id: response.text for response in ours.answer(ASKED)}
        for request in ASKED[:6]:
            inputs = tokenizer(ours.prompt(request), add_special_tokens=False, return_tensors="pt")
            out = model.generate(**inputs, do_sample=False, max_new_tokens=16)[0, inputs["input_ids"].shape[1] :]
            assert tokenizer.decode(out, skip_special_tokens=True) == found[request.id]


def test_factor_alpha_and_r_stand_together(tiny_llama: Path, tiny_lora: Path) -> None:
    with opened(tiny_llama, adapter=str(tiny_lora), lora_scale="0.125") as model:
        assert model.settings["lora"] == [
            {"factor": 0.125, "alpha": 8, "r": 4, "rslora": False, "scale": 0.25, "layers": 6}
        ]
        assert model.name.endswith("@0.125")
    with opened(tiny_llama, adapter=str(tiny_lora)) as trained:
        assert trained.settings["lora"][0]["factor"] == 1.0
        assert trained.settings != model.settings


def test_rank_stable_adapters_scale_by_the_root(tiny_llama: Path, tmp_path: Path) -> None:
    adapter = tiny.lora(tmp_path / "stable", tiny_llama, use_rslora=True)
    with opened(tiny_llama, adapter=str(adapter), lora_scale="0.5") as model:
        assert model.settings["lora"][0]["scale"] == pytest.approx(0.5 * 8 / 4**0.5)


def test_an_adapters_folder_finds_its_base(tiny_llama: Path, tiny_lora: Path) -> None:
    assert replies(tiny_lora) == replies(tiny_llama, adapter=str(tiny_lora))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"use_dora": True}, "it is DoRA"),
        ({"bias": "lora_only"}, "trained biases"),
        ({"modules_to_save": ["lm_head"]}, "modules trained in full .modules_to_save: lm_head"),
    ],
)
def test_adapters_for_which_zero_is_not_the_base_are_refused(
    settings: dict[str, Any], why: str, tiny_llama: Path, tmp_path: Path
) -> None:
    adapter = tiny.lora(tmp_path / "other", tiny_llama, **settings)
    with pytest.raises(UsageError, match=f"lora_scale cannot be used with other: .*{why}"):
        opened(tiny_llama, adapter=str(adapter), lora_scale="0.5")
    assert len(replies(tiny_llama, adapter=str(adapter))) == len(ASKED)  # as trained it runs


def test_a_scale_without_an_adapter_is_refused(tiny_llama: Path) -> None:
    with pytest.raises(UsageError, match="lora_scale has nothing to scale: .* adapter=PATH"):
        opened(tiny_llama, lora_scale="0.5")


def test_a_merged_adapter_is_refused(tiny_llama: Path, tiny_lora: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from speech_ifeval.models.transformers_models.live import live_model

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama), tiny_lora)
    model.merge_adapter()
    with pytest.raises(UsageError, match="merged into the weights, where a scale does nothing"):
        live_model(model, AutoTokenizer.from_pretrained(tiny_llama), lora_scale=0.5)


@pytest.mark.parametrize(
    ("adapter", "message"),
    [("nowhere", "found no such folder"), ("empty", "found a folder without it")],
)
def test_a_wrong_adapter_path_is_named(adapter: str, message: str, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=message):
        opened(tiny_llama, adapter=str(tmp_path / adapter))
