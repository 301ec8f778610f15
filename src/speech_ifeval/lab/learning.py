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
_LAYER = "layers."


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


def rate_share(course: Course, step: int) -> float:
    """Return which share of the highest learning rate a step has, counted from 0.

    >>> course = Course(steps=100, batch=1, rate=1.0, warmup=10)
    >>> [round(rate_share(course, step), 3) for step in (0, 9, 10, 99)]
    [0.1, 1.0, 1.0, 0.05]
    """
    if step < course.warmup:
        return (step + 1) / course.warmup
    done = (step - course.warmup) / max(1, course.steps - course.warmup - 1)
    return _LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * done)) / 2


class Optimisers:
    """AdamW for all parameters, or Muon for matrices within layers and AdamW for the rest, at a course's rates.

    Source of Muon: Jordan et al. (2024), as in `torch.optim.Muon`; of the scaling of its updates: Liu et al.
    (2025), Muon is scalable for LLM training (arXiv 2502.16982).
    """

    def __init__(self, course: Course, parameters: Mapping[str, Tensor]) -> None:
        import torch

        within: list[Tensor] = []
        if course.matrix_rate is not None:
            within = [value for name, value in parameters.items() if _LAYER in name and value.ndim == 2]
        rest = [value for value in parameters.values() if not any(value is one for one in within)]
        self._course = course
        self._each: list[tuple[Any, float]] = [
            (torch.optim.AdamW(rest, lr=course.rate, betas=(0.9, 0.95), weight_decay=course.decay), course.rate)
        ]
        if course.matrix_rate is not None:
            matrices = torch.optim.Muon(
                within, lr=course.matrix_rate, weight_decay=course.decay, adjust_lr_fn="match_rms_adamw"
            )
            self._each.append((matrices, course.matrix_rate))

    def step(self, number: int) -> None:
        """Update parameters by their gradients, which are then gone."""
        share = rate_share(self._course, number)
        for optimiser, rate in self._each:
            for group in optimiser.param_groups:
                group["lr"] = rate * share
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> list[Any]:
        """What has to be kept to go on."""
        return [optimiser.state_dict() for optimiser, _ in self._each]

    def resume(self, state: list[Any]) -> None:
        """Go on from what `state` returned."""
        for (optimiser, _), one in zip(self._each, state, strict=True):
            optimiser.load_state_dict(one)


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
    optimisers = Optimisers(course, parameters)
    first = _resume(folder, parameters, optimisers)
    saved = time.monotonic()
    losses: list[float] = []
    for step in range(first, course.steps):
        loss = loss_of(step)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, _LONGEST_GRADIENT)
        optimisers.step(step)
        losses.append(float(loss.detach()))
        done = step + 1
        if done % 20 == 0 or done == course.steps:
            watch(Progress(stage, done, course.steps, done - first, sum(losses) / len(losses)))
            losses.clear()
        if time.monotonic() - saved > EVERY_SECONDS or done == course.steps:
            _keep(folder, parameters, optimisers, done)
            saved = time.monotonic()


def _keep(folder: Path, parameters: Mapping[str, Tensor], optimisers: Optimisers, step: int) -> None:
    """Write optimisers and weights; the weights last, and with the step they belong to."""
    weights = {name: value.detach().cpu().contiguous() for name, value in parameters.items()}
    save_state(folder / OPTIMISER, {"step": step, "state": optimisers.state()})
    save_tensors(folder / CHECKPOINT, weights, {"step": str(step)})


def _resume(folder: Path, parameters: Mapping[str, Tensor], optimisers: Optimisers) -> int:
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
    optimisers.resume(kept["state"])
    return int(kept["step"])
