"""The LoRA scale: a factor on what an adapter adds. 1 is the model as trained, 0 the model without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speech_ifeval.errors import ModelError, UsageError

ADAPTER_CONFIG = "adapter_config.json"
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


def describe_scale(model: Any, factor: float | None) -> list[dict[str, Any]]:
    """Return how the model's LoRA layers scale, one entry for each sort; call it while they scale as trained.

    `scale` is ``factor · α / r``, with √r instead of r under rsLoRA. An α alone says nothing, so that factor, α
    and r always stand together.
    """
    sorts: dict[tuple[Any, ...], int] = {}
    for layer in lora_layers(model):
        for adapter in layer.active_adapters:
            if adapter in layer.scaling:
                rank_stable = bool(getattr(layer, "use_rslora", {}).get(adapter, False))
                key = (layer.lora_alpha[adapter], layer.r[adapter], rank_stable, layer.scaling[adapter])
                sorts[key] = sorts.get(key, 0) + 1
    applied = 1.0 if factor is None else factor
    return [
        {"factor": applied, "alpha": alpha, "r": r, "rslora": stable, "scale": applied * scale, "layers": count}
        for (alpha, r, stable, scale), count in sorted(sorts.items())
    ]


@contextmanager
def scaled(model: Any, factor: float | None) -> Iterator[None]:
    """Scale the model's LoRA layers by `factor` inside the context; None leaves them alone."""
    if factor is None:
        yield
        return
    from peft.helpers import rescale_adapter_scale

    with rescale_adapter_scale(model, factor):
        yield
