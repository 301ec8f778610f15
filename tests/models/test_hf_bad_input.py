"""What cannot be loaded or prompted, said in words; and prompts as they are rendered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.errors import ModelError, SpeechIFEvalError, UsageError
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.models import Request, open_model
from tests import tiny

pytestmark = pytest.mark.slow
REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}[model]"
)
ONLY_TEXTS = (
    "{% for message in messages %}[{{ message['role'] }}]"
    "{% if message['content'] is string %}{{ message['content'] }}{% endif %}{% endfor %}[assistant]"
)


def opened(path: Path | str, **arguments: Any) -> Any:
    return open_model(f"hf:{path}", {"device": "cpu", **arguments})


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


@pytest.mark.usefixtures("offline")
def test_an_id_that_is_nowhere_is_named() -> None:
    with pytest.raises(ModelError, match="acme/no-such-model is neither a folder nor in the local cache"):
        opened("acme/no-such-model")


def test_a_gated_model_says_how_to_get_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import GatedRepoError
    from transformers import AutoConfig

    def refuse(*args: Any, **kwargs: Any) -> None:
        import httpx2

        request = httpx2.Request("GET", "https://example.com")
        raise OSError("You are trying to access a gated repo.") from GatedRepoError(
            "403", response=httpx2.Response(403, request=request)
        )

    monkeypatch.setattr(AutoConfig, "from_pretrained", refuse)
    with pytest.raises(ModelError, match="acme/gated is gated: accept its licence .* HF_TOKEN"):
        opened("acme/gated")


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _broken_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "llama",')


def _unknown_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "of-tomorrow"}')


def _torn_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_weights, "expected weights in safetensors, found none"),
        (_pickled, "pickled ones .*allow_pickle=true"),
        (_broken_config, "expected a folder that transformers loads"),
        (_unknown_kind, "expected a folder that transformers loads, found ValueError"),
        (_torn_weights, "expected a folder that transformers loads"),
        (_no_config, "expected a checkpoint in transformers' format"),
    ],
)
def test_a_spoilt_checkpoint_is_no_traceback(
    spoil: Callable[[Path], None], message: str, tiny_llama: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_llama, tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(ModelError, match=message):
        opened(folder)


@pytest.mark.parametrize("model", ["backbone", "self-aligned"])
def test_a_checkpoint_without_its_tokenizer_is_named(model: str, tmp_path: Path) -> None:
    folder = shutil.copytree(shipped_models() / model, tmp_path / "spoilt")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelError, match="(?s)spoilt: expected .* tokenizer"):
        opened(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "int3"}, "dtype=int3: expected one of"),
        ({"batch_size": "0"}, "batch_size=0: expected at least 1"),
        ({"batch_size": "some"}, "batch_size=some: expected a whole number or auto"),
        ({"chat_template": "nowhere.jinja"}, "chat_template=nowhere.jinja: expected llama-2 or vicuna or a file"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, str], message: str, tiny_llama: Path) -> None:
    with pytest.raises(UsageError, match=message):
        opened(tiny_llama, **arguments)


def test_a_path_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected the folder of a checkpoint, found none"):
        opened(tmp_path / "nowhere")


def test_a_recogniser_follows_no_instruction(tiny_whisper: Path) -> None:
    with pytest.raises(ModelError, match="put it before a text model, as in cascade"):
        opened(tiny_whisper)


def test_remote_code_does_not_run_unasked(tiny_llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_llama, tmp_path / "coded")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "coded", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    trace = tmp_path / "it-ran"
    (folder / "own.py").write_text(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n")
    with pytest.raises(SpeechIFEvalError, match="trust_remote_code"):
        opened(folder)
    assert not trace.exists()


def test_a_model_without_a_template_names_those_that_are_shipped(tmp_path: Path) -> None:
    bare = tiny.llama(tmp_path / "bare", chat_template=False)
    with pytest.raises(UsageError, match="has no chat template.*chat_template=vicuna"):
        opened(bare)
    asked = Request("a", "Answer in capitals.", transcript="hello", system="Be brief.")
    with opened(bare, chat_template="vicuna") as model:
        rendered = model.prompt(asked).removeprefix("<|begin_of_text|>")
        assert rendered == "Be brief. USER: Speech Input: hello\n\nAnswer in capitals. ASSISTANT:"
    with opened(bare, chat_template="llama-2") as model:
        assert "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nSpeech Input: hello" in model.prompt(asked)
        assert model.prompt(asked).rstrip().endswith("[/INST]")


def test_a_template_that_refuses_a_system_prompt_gets_it_in_the_users_turn(tmp_path: Path) -> None:
    folder = tiny.llama(tmp_path / "strict", chat_template=REFUSES_SYSTEM)
    with opened(folder) as model:
        assert model.settings["system_prompt"] == "folded into the user turn"
        assert model.prompt(Request("a", "Speak.", system="Be brief.")) == "[user]Be brief.\n\nSpeak.[model]"
        assert model.prompt(Request("a", "Speak.", system=None)) == "[user]Speak.[model]"


def test_voxtral_gets_it_there_too_and_qwen_in_a_turn_of_its_own(
    tiny_voxtral: Path, tiny_qwen2_audio: Path, clips: Callable[[int], list[Path]]
) -> None:
    asked = Request("a", "Speak.", audio=clips(1)[0], system="Be brief.")
    with opened(tiny_voxtral) as model:
        assert model.settings["system_prompt"] == "folded into the user turn"
        assert "Be brief.\n\nSpeak." in model.prompt(asked)
    with opened(tiny_qwen2_audio) as model:
        assert model.settings["system_prompt"] == "a turn of its own"
        prompt = model.prompt(asked)
        assert prompt.index("Be brief.") < prompt.index("<|AUDIO|>") < prompt.index("Speak.")
        assert prompt.count("<|AUDIO|>") == 1


def test_a_template_of_texts_alone_gets_the_audio_as_its_placeholder(
    tiny_qwen2_audio: Path, clips: Callable[[int], list[Path]], tmp_path: Path
) -> None:
    template = tmp_path / "texts.jinja"
    template.write_text(ONLY_TEXTS)
    one, other = (Request("a", "Speak.", audio=clip) for clip in clips(2))
    with opened(tiny_qwen2_audio, chat_template=str(template)) as model:
        assert "[user]<|AUDIO|>Speak." in model.prompt(one)
        assert model.inputs_differ(one, other) is True


def test_a_template_with_a_clock_gives_the_same_prompt_tomorrow(tmp_path: Path) -> None:
    dated = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
        'Today: {{ date_string }}, {{ strftime_now("%Y") }}.'
        "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}[assistant]"
    )
    folder = tiny.llama(tmp_path / "dated", chat_template=dated)
    with opened(folder) as model:
        asked = Request("a", "Speak.", system="Be brief.")
        assert model.prompt(asked) == "Today: 26 Jul 2024, 2024.[system]Be brief.[user]Speak.[assistant]"
        assert model.settings["prompt_date"] == "2024-07-26"
