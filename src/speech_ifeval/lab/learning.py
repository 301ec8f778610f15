"""One training loop for every stage of the lab: it can be killed at any step and goes on at the last checkpoint.

What a step learns from is a function of the step's number, so nothing of the data has to be kept to go on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.lab.recipes import Course
from speech_ifeval.lab.saving import save_state, save_tensors

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT = "checkpoint.safetensors"
OPTIMISER = "optimiser.pt"
EVERY_SECONDS = 60.0
_LOWEST = 0.05
_LONGEST_GRADIENT = 1.0


class Progress(Struct, frozen=True):
    """How far a stage is.

    Attributes:
        stage: its name.
        step, steps: the steps that are done, and all of them.
        new: the steps that this process has done.
        loss: the mean loss of the last steps.
    """

    stage: str
    step: int
    steps: int
    new: int
    loss: float


Watch = Callable[[Progress], None]


def learning_rate(course: Course, step: int) -> float:
    """Return the learning rate of a step, counted from 0.

    >>> course = Course(steps=100, batch=1, rate=1.0, warmup=10)
    >>> [round(learning_rate(course, step), 3) for step in (0, 9, 10, 99)]
    [0.1, 1.0, 1.0, 0.05]
    """
    if step < course.warmup:
        return course.rate * (step + 1) / course.warmup
    done = (step - course.warmup) / max(1, course.steps - course.warmup - 1)
    return course.rate * (_LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * done)) / 2)


def learn(
    stage: str,
    course: Course,
    parameters: Mapping[str, Tensor],
    loss_of: Callable[[int], Tensor],
    folder: Path,
    watch: Watch,
) -> None:
    """Train parameters in place.

    Args:
        stage: its name, for progress.
        course: steps and rates.
        parameters: what is trained, by name.
        loss_of: the loss of a step, from the step's number alone.
        folder: where the checkpoint is; one that is there is gone on from.
        watch: told every 20 steps.
    """
    import torch

    trained = list(parameters.values())
    optimiser = torch.optim.AdamW(trained, lr=course.rate, betas=(0.9, 0.95), weight_decay=course.decay)
    first = _resume(folder, parameters, optimiser)
    saved = time.monotonic()
    losses: list[float] = []
    for step in range(first, course.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(course, step)
        loss = loss_of(step)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, _LONGEST_GRADIENT)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        done = step + 1
        if done % 20 == 0 or done == course.steps:
            watch(Progress(stage, done, course.steps, done - first, sum(losses) / len(losses)))
            losses.clear()
        if time.monotonic() - saved > EVERY_SECONDS or done == course.steps:
            _keep(folder, parameters, optimiser, done)
            saved = time.monotonic()


def _keep(folder: Path, parameters: Mapping[str, Tensor], optimiser: Any, step: int) -> None:
    """Write optimiser and weights; the weights last, and with the step they belong to."""
    weights = {name: value.detach().cpu().contiguous() for name, value in parameters.items()}
    save_state(folder / OPTIMISER, {"step": step, "state": optimiser.state_dict()})
    save_tensors(folder / CHECKPOINT, weights, {"step": str(step)})


def _resume(folder: Path, parameters: Mapping[str, Tensor], optimiser: Any) -> int:
    import torch
    from safetensors import safe_open

    if not ((folder / CHECKPOINT).is_file() and (folder / OPTIMISER).is_file()):
        return 0
    kept = torch.load(folder / OPTIMISER, weights_only=True)
    with safe_open(folder / CHECKPOINT, framework="pt") as file, torch.no_grad():
        if (file.metadata() or {}).get("step") != str(kept["step"]) or set(file.keys()) != set(parameters):
            return 0  # killed between the two: they do not belong together
        for name, value in parameters.items():
            value.copy_(file.get_tensor(name))
    optimiser.load_state_dict(kept["state"])
    return int(kept["step"])
