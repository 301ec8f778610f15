"""What holds for every shipped worker without its repository: it parses anywhere, and refuses before it loads."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.models.workers import protocol

FOLDER = Path(protocol.__file__).parent
NAMES = ("blsp_emo", "desta2", "desta25", "diva", "ltu_as", "qwen_audio_chat", "salmonn")
SCRIPTS = [FOLDER / f"{name}.py" for name in NAMES]
SALMONN = dict.fromkeys(("repo", "llama", "whisper", "beats", "ckpt"), "a")
LTU_AS = dict.fromkeys(("repo", "llm", "ckpt", "encoder"), "a")


@pytest.fixture(autouse=True)
def _by_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "protocol", protocol)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_is_python_3_8_and_imports_the_standard_library_alone(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 8))
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("script", "made", "arguments", "why"),
    [
        ("desta2", "DeSTA2", {}, "repo=PATH of a clone .* or trust_remote_code=true"),
        ("desta2", "DeSTA2", {"repo": "a", "resampling": "twice"}, "expected once or released, found 'twice'"),
        ("desta2", "DeSTA2", {"repo": "a", "dtype": "float8"}, "expected float32, bfloat16 or float16"),
        ("desta25", "DeSTA25", {"vad": "hub"}, "runs its code on this machine.*trust_remote_code=true"),
        ("desta25", "DeSTA25", {"vad": "on"}, "expected package, off, hub, found 'on'"),
        ("diva", "DiVA", {}, "trust_remote_code=true"),
        ("qwen_audio_chat", "QwenAudioChat", {}, "trust_remote_code=true"),
        ("qwen_audio_chat", "QwenAudioChat", {"trust_remote_code": True, "dtype": "int8"}, "expected bfloat16"),
        ("blsp_emo", "BlspEmo", {"repo": "a", "dtype": "half a"}, "expected float32, bfloat16 or float16"),
        ("salmonn", "Salmonn", {**SALMONN, "dtype": "int8"}, "expected one of float16, float32, found 'int8'"),
        ("salmonn", "Salmonn", {**SALMONN, "device": "cpu"}, "needs a CUDA device, found device=cpu"),
        ("salmonn", "Salmonn", SALMONN, "a holds no models/salmonn.py; give the clone"),
        ("ltu_as", "LtuAs", {**LTU_AS, "dtype": "int8"}, "expected one of float16, float32, found 'int8'"),
        ("ltu_as", "LtuAs", {**LTU_AS, "device": "cpu"}, "needs a CUDA device, found device=cpu"),
        ("ltu_as", "LtuAs", LTU_AS, "a holds no src/ltu_as/inference_gradio.py; give the clone"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_loaded(
    script: str, made: str, arguments: dict[str, Any], why: str
) -> None:
    code = importlib.import_module(f"speech_ifeval.models.workers.{script}")
    refusal = getattr(code, "UsageError", protocol.UsageError)
    with pytest.raises(refusal, match=why):
        getattr(code, made)(**arguments)
    assert refusal.__name__ in protocol.KINDS


def test_sampling_is_spelt_out_only_where_it_is_asked_for() -> None:
    decoding = importlib.import_module("speech_ifeval.models.workers.desta2").decoding
    asked = {"max_new_tokens": 9, "temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.1, "seed": 3}
    assert decoding(asked) == {
        "max_new_tokens": 9,
        "repetition_penalty": 1.1,
        "num_beams": 1,
        "do_sample": True,
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 0,
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"factor": 1.0, "alpha": 32.0, "r": 8, "scale": 4.0}),
        ({"alpha": 4.0}, {"factor": 0.125, "alpha": 4.0, "r": 8, "scale": 0.5}),
        ({"factor": 0.125}, {"factor": 0.125, "alpha": 4.0, "r": 8, "scale": 0.5}),
        ({"factor": 0.0}, {"factor": 0.0, "alpha": 0.0, "r": 8, "scale": 0.0}),
    ],
)
def test_salmonns_adapter_is_set_by_alpha_or_by_factor(
    given: dict[str, float], expected: dict[str, float]
) -> None:
    salmonn = importlib.import_module("speech_ifeval.models.workers.salmonn")
    assert salmonn.lora_setting(32, 8, **given) == expected


def test_alpha_and_factor_together_are_refused() -> None:
    salmonn = importlib.import_module("speech_ifeval.models.workers.salmonn")
    with pytest.raises(salmonn.UsageError, match="lora_alpha or lora_scale, found both"):
        salmonn.lora_setting(32, 8, alpha=4, factor=1)
