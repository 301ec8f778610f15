"""How many requests fit into one batch: a guess to start from, and the errors that say it was too bold."""

from __future__ import annotations

import gc
from typing import Any

HOST_GUESS = 8
LARGEST_GUESS = 128
# A prompt with half a minute of audio and the longest reply.
_TOKENS = 3000
_SHARE = 0.8


def first_guess(model: Any) -> int:
    """Return the batch size to start from: what a card's free memory holds in keys and values, 8 on the host."""
    import torch

    device = torch.device(model.device)
    if device.type != "cuda":
        return HOST_GUESS
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    row = 2 * config.num_hidden_layers * heads * width * torch.finfo(model.dtype).bits // 8 * _TOKENS
    free = torch.cuda.mem_get_info(device)[0]
    return max(1, min(LARGEST_GUESS, int(_SHARE * free / row)))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was short, on a card or on the host.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes do not match"))
    (True, False)
    """
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    words = (
        "defaultcpuallocator: can't allocate memory",
        "defaultcpuallocator: not enough memory",
        "out of memory",
    )
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)


def free_memory() -> None:
    """Return to the card what nothing uses any more."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
