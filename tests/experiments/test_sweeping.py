"""Sweeps: what is scaled is scaled, and nothing else; points are runs like any others."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from speech_ifeval.analysis.lora_sweep import sweep_of
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import ModelError, UsageError
from speech_ifeval.experiments.sweeping import parse_scales, sweep
from speech_ifeval.job import Watching, evaluate
from speech_ifeval.models import Request, open_model
from speech_ifeval.models.adapters import hf
from speech_ifeval.models.transformers_models import Checkpoint, load
from speech_ifeval.models.transformers_models.interpolation import Interpolation, language_name
from speech_ifeval.models.transformers_models.loading import Loaded
from speech_ifeval.models.transformers_models.local_model import TransformersModel
from speech_ifeval.models.transformers_models.lora import ALL, Part, lora_layers, parse_part, scaled
from tests import tiny
from tests.command_line import command, invoke


@pytest.mark.parametrize(
    ("text", "scales"),
    [
        ("0:1:0.5", [0, 0.5, 1]),
        ("0:1:0.3", [0, 0.3, 0.6, 0.9]),
        ("1", [1]),
        ("0,1,0", [0, 1]),
        ("-1:1:1", [-1, 0, 1]),
        ("0:1:0.125", [number / 8 for number in range(9)]),
    ],
)
def test_scales_are_read(text: str, scales: list[float]) -> None:
    assert parse_scales(text) == pytest.approx(scales)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "0:1",
        "1:0:0.1",
        "0:1:0",
        "0:1:-1",
        "0:1:0.001",
        "nan",
        "inf",
        "0:1:x",
        "1e9",
        "0:1:1e-12",
        "0:inf:1",
        "0:1:1e-320",
        "nan:1:1",
    ],
)
def test_what_is_no_scale_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected scales such as"):
        parse_scales(text)


@pytest.mark.parametrize(
    ("text", "name", "taken"),
    [
        ("all", "model.layers.0.self_attn.q_proj", True),
        ("layers=1-2", "model.layers.2.self_attn.q_proj", True),
        ("layers=1-2", "model.layers.12.self_attn.q_proj", False),
        ("layers=3", "model.layers.3.mlp.up_proj", True),
        ("layers=3", "model.layers.4.mlp.up_proj", False),
        ("layers=-2", "model.layers.0.mlp.up_proj", True),
        ("layers=4-", "model.layers.3.mlp.up_proj", False),
        ("layers=0-9", "model.embed_tokens", False),
        ("modules=q_proj+v_proj", "model.layers.2.self_attn.v_proj", True),
        ("modules=q_proj+v_proj", "model.layers.2.self_attn.k_proj", False),
        ("layers=2,modules=v_proj", "model.layers.2.self_attn.v_proj", True),
        ("layers=2,modules=v_proj", "model.layers.1.self_attn.v_proj", False),
    ],
)
def test_parts_take_what_they_name(text: str, name: str, taken: bool) -> None:
    part = parse_part(text)
    assert part.takes(name) is taken
    assert parse_part(str(part)) == part


@pytest.mark.parametrize("text", ["layer=1", "layers=a", "layers=1-2-3", "everything", "modules"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected a part such as"):
        parse_part(text)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.llama(tmp_path_factory.mktemp("checkpoints") / "base")


@pytest.fixture(scope="module")
def adapter(base: Path) -> Path:
    return tiny.lora(base.parent / "lora", base)


@pytest.fixture
def model(base: Path, adapter: Path) -> TransformersModel:
    opened = open_model(f"hf:{base}", {"adapter": str(adapter), "lora_scale": 1})
    assert isinstance(opened, TransformersModel)
    return opened


def test_a_part_scaled_to_0_is_the_adapter_without_that_part(model: TransformersModel) -> None:
    part = Part(0, 0)
    tokens = torch.arange(5, 25)[None]
    with torch.no_grad():
        trained = model._wrapped(input_ids=tokens).logits
        with scaled(model._wrapped, 0.0, part):
            found = model._wrapped(input_ids=tokens).logits
        kept = {}
        for name, weight in model._wrapped.named_parameters():
            if "lora_B" in name and part.takes(name):
                kept[name] = weight.clone()
                weight.zero_()
        expected = model._wrapped(input_ids=tokens).logits
        for name, weight in model._wrapped.named_parameters():
            if name in kept:
                weight.copy_(kept[name])
        again = model._wrapped(input_ids=tokens).logits
    assert kept
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, trained, atol=1e-5)
    assert torch.equal(again, trained)


def test_a_rescaled_model_shares_weights_and_says_what_it_is(model: TransformersModel) -> None:
    whole, half = model.rescaled(0.5), model.rescaled(0.5, Part(0, 0))
    assert whole.weights is model.weights
    assert whole.name.endswith("@0.5")
    assert half.name.endswith("@0.5[layers=0-0]")
    assert {one["factor"] for one in whole.settings["lora"]} == {0.5}
    assert {one["factor"] for one in half.settings["lora"]} == {0.5, 1.0}
    assert half.settings["part"] == "layers=0-0"
    assert all(layer.scaling["default"] == 8 / 4 for layer in lora_layers(model._wrapped))


def test_a_model_at_a_scale_is_the_same_whether_opened_or_rescaled(
    base: Path, adapter: Path, model: TransformersModel
) -> None:
    request = Request("a", "Answer the question.", transcript="hello there")
    opened = open_model(f"hf:{base}", {"adapter": str(adapter), "lora_scale": 0.5})
    rescaled = model.rescaled(0.5)
    assert rescaled.settings == opened.settings
    assert [one.text for one in rescaled.answer([request])] == [one.text for one in opened.answer([request])]


def test_a_part_without_a_layer_is_refused_with_those_there_are(model: TransformersModel) -> None:
    with pytest.raises(UsageError, match=r"no LoRA layer is in layers=7-9: the adapter is on layers 0 to \d"):
        model.rescaled(0.5, Part(7, 9))


def test_weights_are_interpolated_exactly_at_both_ends(base: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    tuned = AutoModelForCausalLM.from_pretrained(tiny.llama(tmp_path / "tuned", seed=9))
    before = AutoModelForCausalLM.from_pretrained(base)
    as_tuned = {name: value.clone() for name, value in tuned.named_parameters()}
    between = Interpolation(tuned, dict(before.named_parameters()), "base")
    found = dict(tuned.named_parameters())
    between.set(0.0)
    assert all(torch.equal(found[name], value) for name, value in before.named_parameters())
    between.set(0.25)
    for name, value in before.named_parameters():
        assert torch.allclose(found[name], value + 0.25 * (as_tuned[name] - value), atol=1e-6)
    between.set(0.0, Part(0, 0))
    assert torch.equal(found["lm_head.weight"], as_tuned["lm_head.weight"])
    between.set(1.0)
    assert all(torch.equal(found[name], value) for name, value in as_tuned.items())


def test_a_base_that_is_none_is_refused(base: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    weights = dict(model.named_parameters())
    with pytest.raises(ModelError, match="there is nothing between the two"):
        Interpolation(model, weights, "itself")
    with pytest.raises(ModelError, match=r"expected .* found none; name the model that this one was tuned from"):
        Interpolation(model, {name: value for name, value in weights.items() if "layers.0" not in name}, "half")
    with pytest.raises(ModelError, match="found one of shape"):
        Interpolation(model, {name: value[:1] for name, value in weights.items()}, "short")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"),
        ("language_model.model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"),
        ("model.language_model.embed_tokens.weight", "embed_tokens.weight"),
        ("lm_head.weight", "lm_head.weight"),
        ("model.audio_tower.layers.0.fc1.weight", None),
        ("model.multi_modal_projector.linear.weight", None),
    ],
)
def test_only_the_language_model_is_interpolated(name: str, own: str | None) -> None:
    assert language_name(name) == own


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--model", "replay:example:tuned", "--benchmark", "example"], "declares no LoRA scale"),
        (["--model", "lab:self-aligned"], "nothing to scale"),
        (["--lora-scale", "0:2"], "expected scales such as"),
        (["--part", "heads=1"], "expected a part such as"),
        (["--model-args", "lora_scale=0.5"], "leave it out"),
        (["--model", "openai:tuned-{scale}", "--part", "layers=1"], "whose layers are at hand"),
        (["--json", "--markdown"], "exclude each other"),
    ],
)
def test_a_wrong_call_says_what_to_do(tmp_path: Path, arguments: list[str], why: str) -> None:
    done = invoke("sweep", *arguments, "--output-dir", tmp_path / "runs")
    assert done.code == 2
    assert why in done.err
    assert not list(tmp_path.glob("runs/*/responses.jsonl"))


def test_a_sweep_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one scale"):
        sweep("lab:corpus-style", [], output_dir=tmp_path)
    with pytest.raises(UsageError, match="at least one run"):
        sweep_of([], load_benchmark("bundled"), "x")


@pytest.mark.slow
def test_every_scale_has_a_folder_of_its_own(tmp_path: Path) -> None:
    scales = [-0.5, 0.5, 0.12345678, 0.12345679]
    found = sweep("lab:corpus-style", scales, selection=Selection(sample=3), output_dir=tmp_path)
    assert len({point.run for point in found.points}) == 4
    assert [point.scale for point in found.points] == scales


@pytest.mark.slow
def test_the_lab_at_two_scales_is_two_models_and_a_second_call_asks_nothing(tmp_path: Path) -> None:
    bundled = load_benchmark("bundled")
    chosen = Selection(sample=24)
    said: list[str] = []
    settings = {"selection": chosen, "output_dir": tmp_path / "sweep", "watching": Watching(say=said.append)}
    found = sweep("lab:corpus-style", [0.0, 1.0], bundled, **settings)
    aligned = evaluate("lab:self-aligned", benchmark=bundled, output_dir=tmp_path / "aligned", selection=chosen)
    trained = evaluate("lab:corpus-style", benchmark=bundled, output_dir=tmp_path / "trained", selection=chosen)
    assert [point.ifrate.value for point in found.points] == [aligned.ifrate.value, trained.ifrate.value]
    assert [point.forgetting for point in found.points] == [aligned.forgetting, trained.forgetting]
    assert found.points[1].ifrate_change is None
    assert found.points[0].ifrate_change is not None
    assert found.points[0].ifrate_change.value == pytest.approx(
        found.points[0].ifrate.value - found.points[1].ifrate.value
    )
    assert [one["factor"] for one in found.points[0].lora] == [0.0]
    assert found.reference is not None
    said.clear()
    assert sweep("lab:corpus-style", [0.0, 1.0], bundled, **settings) == found
    assert sum("nothing to do" in line for line in said) == 4  # both models, both references


@pytest.mark.slow
def test_a_sweep_of_nine_scales_that_was_killed_goes_on_and_loads_each_model_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sweep"
    asked = ["sweep", "--lora-scale", "0:1:0.125", "--sample", "9", "--output-dir", folder]
    process = subprocess.Popen(command(*asked), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while not (folder / "0.25" / "responses.jsonl").is_file():
            assert process.poll() is None, "the sweep ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = {path: path.read_bytes() for path in folder.glob("0*/responses.jsonl")}
    loaded: list[str] = []

    def counted(checkpoint: Checkpoint) -> Loaded:
        loaded.append(checkpoint.target)
        return load(checkpoint)

    monkeypatch.setattr(hf, "load", counted)
    found = sweep("lab:corpus-style", selection=Selection(sample=9), output_dir=folder)
    assert [point.scale for point in found.points] == [number / 8 for number in range(9)]
    assert [Path(target).name for target in loaded] == ["corpus-style", "backbone"]
    for path, answered in before.items():
        assert path.read_bytes().startswith(answered[: answered.rfind(b"\n") + 1])


@pytest.mark.slow
def test_parts_together_are_the_whole(tmp_path: Path) -> None:
    bundled = load_benchmark("bundled")
    parts = [ALL, Part(0, 1), Part(modules=("v_proj",))]
    found = sweep(
        "lab:corpus-style",
        [0.0],
        bundled,
        parts=parts,
        selection=Selection(sample=12),
        output_dir=tmp_path / "parts",
    )
    assert [point.part for point in found.points] == ["all", "layers=0-1", "modules=v_proj"]
    assert len({point.run for point in found.points}) == 3
    assert "not among the points" in found.notes[0]
