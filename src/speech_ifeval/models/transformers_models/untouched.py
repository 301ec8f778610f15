"""Contexts that leave a model as it was: what a training loop relies on comes back, exceptions or not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Switch every module to evaluation without gradients; each gets its own mode back."""
    import torch

    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        # Not inference_mode: buffers that a model fills on the way could not be trained through afterwards.
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Give Python, numpy and torch, all its devices included, their random state back."""
    import numpy as np
    import torch

    python, legacy, host = random.getstate(), np.random.get_state(), torch.get_rng_state()
    cards = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_rng_state(host)
        if cards:
            torch.cuda.set_rng_state_all(cards)


@contextmanager
def set_for_now(holder: Any, **values: Any) -> Iterator[None]:
    """Set attributes, and put them back as they were; one that was not there goes again."""
    before = {name: getattr(holder, name, _ABSENT) for name in values}
    for name, value in values.items():
        setattr(holder, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is _ABSENT:
                delattr(holder, name)
            else:
                setattr(holder, name, value)
