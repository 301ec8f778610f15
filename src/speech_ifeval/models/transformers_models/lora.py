"""The LoRA scale: a factor on what an adapter adds. 1 is the model as trained, 0 the model without it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from speech_ifeval.errors import ModelError, UsageError

ADAPTER_CONFIG = "adapter_config.json"
_LAYER = re.compile(r"\blayers\.(\d+)\b")
# These starting points change the weights of the base as well.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """Read the configuration of a PEFT adapter.

    Raises:
        ModelError: the folder holds none, or none that can be read.

    >>> read_adapter_config(Path("nowhere"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.ModelError: adapter=nowhere: expected the folder of a PEFT adapter \
(adapter_config.json), found no such folder; correct the path
    """
    path = folder / ADAPTER_CONFIG
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError:
        what = "a folder without it" if folder.is_dir() else "no such folder"
        raise ModelError(
            f"adapter={folder}: expected the folder of a PEFT adapter ({ADAPTER_CONFIG}), found {what}; "
            "correct the path"
        ) from None
    except ValueError as error:
        raise ModelError(f"{path}: expected JSON, found none ({error}); restore it") from None
    return found


def refuse_unscalable(config: dict[str, Any], name: str) -> None:
    """Stop where a scale of 0 would not give the model without the adapter.

    Args:
        config: of the adapter, as PEFT writes it.
        name: the adapter's name, for the message.

    Raises:
        UsageError: names what in the adapter does not scale.

    >>> refuse_unscalable({"peft_type": "LORA", "use_dora": True}, "tuned")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: lora_scale cannot be used with tuned: it is DoRA (use_dora), whose trained \
magnitudes are not scaled, so 0 would not be the base model; leave lora_scale out to run it as trained
    """
    start = config.get("init_lora_weights")
    modules = ", ".join(config.get("modules_to_save") or [])
    kind = str(getattr(config.get("peft_type"), "value", config.get("peft_type", "LORA")))
    faults = (
        (kind != "LORA", f"it is {kind}, not LoRA: there is no such scale"),
        (config.get("use_dora"), "it is DoRA (use_dora), whose trained magnitudes are not scaled"),
        (
            config.get("bias", "none") != "none",
            f"it holds trained biases (bias={config.get('bias')}), which are not scaled",
        ),
        (modules, f"it holds modules trained in full (modules_to_save: {modules}), which are not scaled"),
        (
            config.get("trainable_token_indices"),
            "it holds trained token embeddings (trainable_token_indices), which are not scaled",
        ),
        (config.get("layer_replication"), "it repeats layers of the base (layer_replication)"),
        (
            isinstance(start, str) and start.startswith(_CHANGES_BASE),
            f"its starting point (init_lora_weights={start}) has changed the base's own weights",
        ),
    )
    for found, why in faults:
        if found:
            raise UsageError(
                f"lora_scale cannot be used with {name}: {why}, so 0 would not be the base model; leave "
                "lora_scale out to run it as trained"
            )


def lora_layers(model: Any) -> list[Any]:
    """Return the model's LoRA layers, PEFT's own; none where PEFT is not installed."""
    try:
        from peft.tuners.lora import LoraLayer
    except ImportError:
        return []
    return [module for module in model.modules() if isinstance(module, LoraLayer)]


def check_scalable(model: Any, name: str) -> None:
    """Stop where scaling the layers of a loaded model would silently do something else.

    Raises:
        UsageError: no LoRA layers, merged ones, or a variant of LoRA.
    """
    layers = lora_layers(model)
    if not layers:
        raise UsageError(
            f"lora_scale has nothing to scale: {name} has no LoRA layers (none were trained, or they are merged "
            "into its weights); name the adapter with adapter=PATH, beside the model it was trained on"
        )
    for layer in layers:
        if layer.merged:
            raise UsageError(
                f"lora_scale cannot be used with {name}: its adapter is merged into the weights, where a scale "
                "does nothing; unmerge it (PEFT's unmerge_adapter), or load base and adapter apart"
            )
        variants = {type(variant).__name__ for variant in getattr(layer, "lora_variant", {}).values()}
        if variants:
            raise UsageError(
                f"lora_scale cannot be used with {name}: its adapter is a variant of LoRA ({', '.join(variants)}) "
                "for which 0 is not the base model; leave lora_scale out to run it as trained"
            )
    for adapter, config in getattr(model, "peft_config", {}).items():
        refuse_unscalable(config.to_dict(), f"{name} (adapter {adapter})")


class Part(Struct, frozen=True):
    """Which layers of a language model are meant: a range, kinds of modules, or both; by default all.

    Attributes:
        first, last: the range, both ends included, counted from 0; None leaves that end open.
        modules: names of modules within layers, such as ``q_proj``; empty means all.

    >>> str(Part()), str(Part(0, 3)), str(Part(modules=("q_proj", "v_proj")))
    ('all', 'layers=0-3', 'modules=q_proj+v_proj')
    """

    first: int | None = None
    last: int | None = None
    modules: tuple[str, ...] = ()

    def __str__(self) -> str:
        ends = ["" if end is None else str(end) for end in (self.first, self.last)]
        parts = [f"layers={'-'.join(ends)}"] * (ends != ["", ""])
        parts += [f"modules={'+'.join(self.modules)}"] * bool(self.modules)
        return ",".join(parts) or "all"

    def takes(self, name: str) -> bool:
        """Whether a module or parameter is in this part, by its dotted name.

        >>> Part(1, 2).takes("model.layers.2.self_attn.q_proj"), Part(1, 2).takes("model.layers.12.mlp.up_proj")
        (True, False)
        """
        if self.modules and not set(name.split(".")) & set(self.modules):
            return False
        if self.first is None and self.last is None:
            return True
        found = _LAYER.search(name)
        if found is None:
            return False
        return (self.first or 0) <= int(found[1]) <= (int(found[1]) if self.last is None else self.last)


ALL = Part()


def parse_part(text: str) -> Part:
    """Read a part as it is written.

    Raises:
        UsageError: it is none.

    >>> parse_part("layers=4-"), parse_part("layers=2,modules=v_proj") == Part(2, 2, ("v_proj",))
    (Part(first=4, last=None, modules=()), True)
    """
    found: dict[str, str] = {}
    for piece in text.split(","):
        name, _, value = piece.partition("=")
        found[name.strip()] = value.strip()
    layers = re.fullmatch(r"(\d*)(-?)(\d*)", found.pop("layers", "-"))
    modules = tuple(found.pop("modules").split("+")) if "modules" in found else ()
    if layers is None or not all(modules) or (found and text.strip() != "all"):
        raise UsageError(
            "expected a part such as all, layers=0-3, layers=4-, modules=q_proj+v_proj or "
            f"layers=0-3,modules=v_proj, found {text!r}"
        )
    first, dash, last = layers.groups()
    start, stop = (int(end) if end else None for end in (first, last if dash else first))
    return Part(start, stop, modules)


def layers_in(model: Any, part: Part) -> list[Any]:
    """Return the model's LoRA layers in a part.

    Raises:
        UsageError: there are none; says which there are.
    """
    named = [
        (name, module)
        for name, module in model.named_modules()
        if any(module is one for one in lora_layers(model))
    ]
    found = [module for name, module in named if part.takes(name)]
    if not found:
        numbers = sorted({int(one[1]) for name, _ in named if (one := _LAYER.search(name))})
        kinds = sorted({name.rpartition(".")[2] for name, _ in named})
        span = f"layers {numbers[0]} to {numbers[-1]}" if numbers else "no numbered layers"
        raise UsageError(f"no LoRA layer is in {part}: the adapter is on {span}, modules {', '.join(kinds)}")
    return found


def describe_scale(model: Any, factor: float | None, part: Part = ALL) -> list[dict[str, Any]]:
    """Return how the model's LoRA layers scale, one entry for each sort; call it while they scale as trained.

    `scale` is ``factor · α / r``, with √r instead of r under rsLoRA. An α alone says nothing, so that factor, α
    and r always stand together. Layers outside the part have the factor 1.
    """
    inside = layers_in(model, part) if factor is not None and part != ALL else None
    sorts: dict[tuple[Any, ...], int] = {}
    for layer in lora_layers(model):
        applied = 1.0 if factor is None or not (inside is None or any(layer is one for one in inside)) else factor
        for adapter in layer.active_adapters:
            if adapter in layer.scaling:
                rank_stable = bool(getattr(layer, "use_rslora", {}).get(adapter, False))
                key = (applied, layer.lora_alpha[adapter], layer.r[adapter], rank_stable, layer.scaling[adapter])
                sorts[key] = sorts.get(key, 0) + 1
    return [
        {"factor": applied, "alpha": alpha, "r": r, "rslora": stable, "scale": applied * scale, "layers": count}
        for (applied, alpha, r, stable, scale), count in sorted(sorts.items())
    ]


@contextmanager
def scaled(model: Any, factor: float | None, part: Part = ALL) -> Iterator[None]:
    """Scale the model's LoRA layers by `factor` inside the context; None leaves them alone."""
    if factor is None:
        yield
    elif part == ALL:
        from peft.helpers import rescale_adapter_scale

        with rescale_adapter_scale(model, factor):
            yield
    else:
        layers = layers_in(model, part)
        as_trained = [layer.scaling for layer in layers]
        try:
            for layer in layers:
                layer.scaling = {adapter: scale * factor for adapter, scale in layer.scaling.items()}
            yield
        finally:
            for layer, scaling in zip(layers, as_trained, strict=True):
                layer.scaling = scaling
