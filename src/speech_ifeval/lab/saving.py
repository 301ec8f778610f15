"""Files of weights, and what the system says when they cannot be written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_ifeval.models.transformers_models.quiet import without_bars
from speech_ifeval.runs import write_bytes, writing

if TYPE_CHECKING:
    from torch import Tensor

_SYSTEM_ERROR = re.compile(r"os error (\d+)")


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Turn what the system refuses inside the block into an error that names `path`; safetensors has its own form.

    Raises:
        OutputError: no permission, a full disk, a path that cannot be.
    """
    from safetensors import SafetensorError

    with writing(path):
        try:
            yield
        except SafetensorError as error:
            found = _SYSTEM_ERROR.search(str(error))
            if found is None:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors, in place whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    from safetensors.torch import save

    write_bytes(path, save(tensors, metadata=metadata))


def save_state(path: Path, state: Any) -> None:
    """Write the state of an optimiser, in place whole or not at all; it is read back without running any code.

    Raises:
        OutputError: the file cannot be written.
    """
    import io

    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def save_model(folder: Path, *parts: Any) -> None:
    """Write a model, a tokenizer or a processor in transformers' form, each by its own way.

    Raises:
        OutputError: the folder cannot be written.
    """
    with saving(folder), without_bars():
        for part in parts:
            # An adapter's base is looked up for its vocabulary, which no adapter here changes.
            more = {"save_embedding_layers": False} if hasattr(part, "peft_config") else {}
            part.save_pretrained(folder, **more)
