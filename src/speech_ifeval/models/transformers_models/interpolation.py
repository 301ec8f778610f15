"""A fully tuned language model on its way back: weights between those of its base and its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from speech_ifeval.errors import ModelError
from speech_ifeval.models.transformers_models.lora import ALL, Part

# The parts of a language model, by the ends of their names: what stands before differs from wrapper to wrapper.
_LANGUAGE = re.compile(
    r"^(?:model\.|language_model\.|base_model\.|thinker\.)*((?:layers\.|embed_tokens\.|norm\.|lm_head\.).*)$"
)


def language_name(name: str) -> str | None:
    """Return a parameter's name within the language model; None where it belongs to something else.

    >>> language_name("model.language_model.layers.0.mlp.up_proj.weight")
    'layers.0.mlp.up_proj.weight'
    >>> language_name("model.audio_tower.layers.0.fc1.weight") is None
    True
    """
    found = _LANGUAGE.match(name)
    return None if found is None else found[1]


class Interpolation:
    """Sets the weights of a tuned language model, in place, to points between its base and itself.

    Args:
        model: the tuned model; a speech-aware one keeps its tower and projector.
        base: the parameters of the model that it was tuned from, by name, alone or in a speech-aware model.
        name: the base's, for messages.

    Raises:
        ModelError: the base lacks a weight of the language model, or has another shape of it.
    """

    def __init__(self, model: Any, base: Mapping[str, Any], name: str) -> None:
        import torch

        found = {own: value for full, value in base.items() if (own := language_name(full)) is not None}
        self._weights: list[tuple[str, Any, Any, Any]] = []
        for full, weight in model.named_parameters():
            own = language_name(full)
            if own is None:
                continue
            if own not in found or found[own].shape != weight.shape:
                has = "none" if own not in found else f"one of shape {tuple(found[own].shape)}"
                raise ModelError(
                    f"{name} cannot be the base: expected {own} of shape {tuple(weight.shape)}, found {has}; "
                    "name the model that this one was tuned from"
                )
            before = found[own].to(weight.device, weight.dtype)
            if not torch.equal(before, weight):
                self._weights.append((own, weight, weight.detach().clone(), before))
        if not self._weights:
            raise ModelError(f"{name} has the very weights of this model: there is nothing between the two")

    def set(self, factor: float, part: Part = ALL) -> None:
        """Set the weights in a part to ``base + factor · (tuned - base)``; the rest is as tuned.

        Raises:
            ModelError: no tuned weight is in that part.
        """
        import torch

        if not any(part.takes(own) for own, *_ in self._weights):
            raise ModelError(f"no weight that tuning changed is in {part}")
        with torch.no_grad():
            for own, weight, tuned, before in self._weights:
                at = factor if part.takes(own) else 1.0
                # Both ends exactly, without rounding.
                weight.copy_(tuned if at == 1 else before if at == 0 else before + at * (tuned - before))
