"""Models of the transformers library, in this process."""

from __future__ import annotations

from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.models.interface import Model
from speech_ifeval.models.needs import Needs, Snapshot
from speech_ifeval.models.registry import adapter
from speech_ifeval.models.transformers_models import Checkpoint, TransformersModel, load
from speech_ifeval.models.transformers_models.rehearsing import rehearse_snapshot


def _needs(
    target: str,
    *,
    revision: str | None = None,
    adapter: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
    **others: object,
) -> Needs:
    return Needs((Snapshot(target, revision, adapter, trust_remote_code, allow_pickle),))


def _look(target: str, **arguments: Any) -> None:
    for snapshot in _needs(target, **arguments).snapshots:
        rehearse_snapshot(snapshot)


@adapter("hf", target="ID-or-path", extra="hf", needs=_needs, look=_look)
def open_hf(
    target: str,
    *,
    revision: str | None = None,
    adapter: str | None = None,
    lora_scale: float | None = None,
    dtype: str = "auto",
    device: str = "auto",
    device_map: str | None = None,
    attn_implementation: str | None = None,
    chat_template: str | None = None,
    batch_size: int | str = "auto",
    trust_remote_code: bool = False,
    allow_pickle: bool = False,
) -> Model:
    """Any transformers model that takes audio and text, and any text model, with or without a PEFT adapter.

    Args:
        target: a repository of the hub or a folder; the folder of a PEFT adapter finds its base itself.
        revision: a commit, branch or tag.
        adapter: the folder or repository of a PEFT adapter.
        lora_scale: a factor on the adapter's part: 1 as trained, 0 the model without it.
        dtype: ``bfloat16``, ``float16``, ``float32``; ``auto`` is the checkpoint's own, on the CPU float32.
        device: such as ``cuda:1``; ``auto`` is the first card, or the CPU.
        device_map: ``auto`` spreads a model that is larger than a card.
        attn_implementation: as in transformers, such as ``sdpa``.
        chat_template: ``vicuna``, ``llama-2`` or a file in Jinja, for models that have none.
        batch_size: requests at once; ``auto`` starts from a guess. Halved when memory runs out.
        trust_remote_code: run the code that comes with the repository.
        allow_pickle: also read weights that are not in safetensors.

    Raises:
        ModelError: it cannot be had or loaded.
        UsageError: no chat template, or a LoRA scale where it means nothing.
        MissingExtraError: a package is missing.
    """
    checkpoint = Checkpoint(
        target,
        revision=revision,
        adapter=adapter,
        dtype=dtype,
        device=device,
        device_map=device_map,
        attention=attn_implementation,
        trust_remote_code=trust_remote_code,
        allow_pickle=allow_pickle,
        scaled=lora_scale is not None,
    )
    return open_checkpoint(checkpoint, lora_scale=lora_scale, chat_template=chat_template, batch_size=batch_size)


def open_checkpoint(
    checkpoint: Checkpoint,
    *,
    name: str | None = None,
    lora_scale: float | None = None,
    chat_template: str | None = None,
    batch_size: int | str = "auto",
) -> Model:
    """Load a checkpoint and return it as a model; `name` stands for the one that its folders give it.

    Raises:
        ModelError, UsageError, MissingExtraError: as `open_hf`.
    """
    if isinstance(batch_size, str) and batch_size != "auto":
        if not batch_size.isdigit():
            raise UsageError(f"batch_size={batch_size}: expected a whole number or auto")
        batch_size = int(batch_size)
    if isinstance(batch_size, int) and batch_size < 1:
        raise UsageError(f"batch_size={batch_size}: expected at least 1")
    loaded = load(checkpoint)
    return TransformersModel(
        loaded.model,
        loaded.processor,
        name=(name or loaded.name) + ("" if lora_scale is None else f"@{lora_scale:g}"),
        revision=loaded.revision,
        chat_template=chat_template,
        lora_scale=lora_scale,
        batch_size=batch_size,
        settings={} if loaded.adapter_revision is None else {"adapter": loaded.adapter_revision},
    )
