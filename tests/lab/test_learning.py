"""The training loop: a run that was killed and gone on with ends in the same weights, bit by bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from speech_ifeval.lab import learning
from speech_ifeval.lab.learning import CHECKPOINT, OPTIMISER, Progress, learn
from speech_ifeval.lab.recipes import Course

COURSE = Course(steps=60, batch=8, rate=1e-2, warmup=6)


class Killed(BaseException):
    """Stands for the end of a process."""


def model_and_loss(die_at: int | None = None) -> tuple[torch.nn.Linear, Any]:
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3)

    def loss_of(step: int) -> torch.Tensor:
        if step == die_at:
            raise Killed
        data = torch.randn(8, 5, generator=torch.Generator().manual_seed(step))
        loss: torch.Tensor = (model(data) - data[:, :3] * 2).pow(2).mean()
        return loss

    return model, loss_of


def trained(folder: Path, die_at: int | None = None) -> tuple[torch.nn.Linear, list[Progress]]:
    model, loss_of = model_and_loss(die_at)
    seen: list[Progress] = []
    learn("linear", COURSE, dict(model.named_parameters()), loss_of, folder, seen.append)
    return model, seen


@pytest.mark.parametrize("die_at", [1, 20, 41, 59])
def test_a_killed_run_goes_on_to_the_same_weights(
    tmp_path: Path, die_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "EVERY_SECONDS", -1.0)  # a checkpoint a step
    whole, _ = trained(tmp_path / "whole")
    with pytest.raises(Killed):
        trained(tmp_path / "cut", die_at)
    resumed, seen = trained(tmp_path / "cut")
    assert seen[-1].step == 60
    assert seen[-1].new == 60 - die_at
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


def test_a_finished_run_learns_nothing_more(tmp_path: Path) -> None:
    first, _ = trained(tmp_path)
    again, seen = trained(tmp_path, die_at=0)
    assert not seen
    assert torch.equal(first.weight, again.weight)


def test_weights_and_optimiser_of_different_steps_are_not_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "EVERY_SECONDS", -1.0)
    for name, die_at in (("a", 10), ("b", 20)):
        with pytest.raises(Killed):
            trained(tmp_path / name, die_at)
    (tmp_path / "b" / OPTIMISER).replace(tmp_path / "a" / OPTIMISER)
    assert (tmp_path / "a" / CHECKPOINT).is_file()
    whole, _ = trained(tmp_path / "whole")
    resumed, seen = trained(tmp_path / "a")
    assert seen[-1].new == 60
    assert torch.equal(whole.weight, resumed.weight)


def test_the_loss_falls(tmp_path: Path) -> None:
    _, seen = trained(tmp_path)
    assert [one.step for one in seen] == [20, 40, 60]
    assert seen[-1].loss < seen[0].loss * 0.8
