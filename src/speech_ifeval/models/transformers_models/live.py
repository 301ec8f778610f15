"""A model that is already in memory, in the middle of its training perhaps."""

from __future__ import annotations

from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.models.interface import Model
from speech_ifeval.models.transformers_models.digests import live_digest
from speech_ifeval.models.transformers_models.failures import require_transformers
from speech_ifeval.models.transformers_models.local_model import AUTO, TransformersModel


def live_model(
    model: Any,
    processor: Any,
    *,
    name: str | None = None,
    chat_template: str | None = None,
    lora_scale: float | None = None,
    batch_size: int | str = AUTO,
) -> Model:
    """Make a `Model` of a transformers model and its processor (or tokenizer) that are in memory.

    Nothing is loaded, and after every batch everything is as it was: the training mode of each module, the
    random state of Python, numpy and torch, generation settings, padding side, LoRA scale. Closing it leaves the
    pair alone.

    Args:
        model: generates; a PEFT model may be scaled.
        processor: takes audio and text, or a tokenizer for a text model.
        name: what reports call it; by default what it was loaded from.
        chat_template: ``vicuna``, ``llama-2`` or a file in Jinja, for models that have none.
        lora_scale: a factor on the adapter's part; None leaves the model as it is.
        batch_size: requests at once, or ``"auto"``.

    Raises:
        UsageError: no pair, no chat template, or a LoRA scale where it means nothing.
        MissingExtraError: torch or transformers is missing.

    >>> live_model("gpt2", None)
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: expected a transformers model and its processor or tokenizer, found str and \
NoneType
    """
    if not hasattr(model, "generate") or not hasattr(processor, "apply_chat_template"):
        raise UsageError(
            f"expected a transformers model and its processor or tokenizer, found {type(model).__name__} and "
            f"{type(processor).__name__}"
        )
    require_transformers("a live model")
    loaded_from = str(getattr(model.config, "name_or_path", "") or "")
    return TransformersModel(
        model,
        processor,
        name=name or loaded_from.rstrip("/").rpartition("/")[2] or type(model).__name__,
        revision=live_digest(model),
        chat_template=chat_template,
        lora_scale=lora_scale,
        batch_size=batch_size,
    )
