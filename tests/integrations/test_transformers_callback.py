"""The callback in real trainings: nothing changes, everything is told, and what cannot work is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.experiments.monitoring import read_points
from speech_ifeval.integrations.transformers_callback import (
    BEST,
    PREFIX,
    SpeechIFEvalCallback,
    checked_processor,
    refuse_sharded,
)
from speech_ifeval.results import TrainingPoint
from tests.command_line import invoke
from tests.integrations import training

pytestmark = pytest.mark.slow
FEW: dict[str, Any] = {"sample": 6, "max_new_tokens": 24}


@pytest.fixture(scope="module")
def asks() -> Any:
    return training.processor()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory that all trainings here are held against."""
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.benchmarks.selection import Selection
    from speech_ifeval.experiments.reference_once import reference_run
    from speech_ifeval.models import Generation
    from speech_ifeval.pipeline.asking import Asking

    return reference_run(
        training.REFERENCE,
        None,
        load_benchmark("bundled"),
        Selection(sample=FEW["sample"]),
        Asking(generation=Generation(max_new_tokens=FEW["max_new_tokens"])),
        tmp_path_factory.mktemp("reference"),
    )


class _Looking(TrainerCallback):  # type: ignore[misc]
    """Looks at what surrounds the weights at the end of each step, after the callback that was added before."""

    def __init__(self, asks: Any) -> None:
        self.asks, self.seen, self.trainer = asks, [], None

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.seen.append(training.surroundings_of(self.trainer, self.asks))


@pytest.mark.parametrize(
    "more",
    [
        {"activation_checkpointing": True, "gradient_accumulation_steps": 2},
        {"bf16": True, "eval_strategy": "steps", "eval_steps": 2},
    ],
    ids=["with checkpointing and accumulation", "in bfloat16, with evaluations"],
)
def test_a_training_is_the_same_bit_by_bit_with_it(
    more: dict[str, Any], asks: Any, reference: Path, tmp_path: Path
) -> None:
    found = []
    for watched in (False, True):
        trainer = training.trainer(tmp_path / str(watched), asks, **more)
        if watched:
            callback = SpeechIFEvalCallback(reference=reference, processor=asks, every=2, **FEW).add_to(trainer)
        looking = _Looking(asks)
        looking.trainer = trainer
        trainer.add_callback(looking)
        trainer.train()
        found.append((training.state_of(trainer), looking.seen))
    assert len(found[0][0]["losses"]) == training.STEPS
    assert [one.step for one in callback.points] == [0, 2, 4, 6]
    assert all(one.ifrate.value is not None for one in callback.points)
    assert training.alike(found[0], found[1])


@pytest.fixture(scope="module")
def told(asks: Any, reference: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """A training that reports to TensorBoard, keeps the best checkpoint, and has everything written down."""
    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TENSORBOARD_LOGGING_DIR", str(folder / "events"))
        trainer = training.trainer(
            folder / "training",
            asks,
            report_to=["tensorboard"],
            eval_strategy="steps",
            eval_steps=2,
            save_strategy="steps",
            save_steps=2,
            load_best_model_at_end=True,
            metric_for_best_model="speech_ifeval_best",
        )
        callback = SpeechIFEvalCallback(reference=reference, processor=asks, **FEW).add_to(trainer)
        trainer.train()
    return trainer, callback, folder


def test_figures_are_in_the_log_history_once_a_step(told: tuple[Any, Any, Path]) -> None:
    trainer, callback, _ = told
    logged = [one for one in trainer.state.log_history if f"{PREFIX}delta" in one]
    assert [one["step"] for one in logged] == [0, 2, 4, 6]
    for one, point in zip(logged, callback.points, strict=True):
        assert one[f"{PREFIX}ifrate"] == point.ifrate.value
        assert one[f"{PREFIX}delta"] == point.forgetting.value
        assert one[f"{PREFIX}delta_low"] == point.forgetting.low
        assert one[f"{PREFIX}task"] == point.task.value
        assert one[f"{PREFIX}items"] == FEW["sample"]
    # The Trainer's own figures of these steps have not been pushed aside.
    assert [one["step"] for one in trainer.state.log_history if "loss" in one] == [1, 2, 3, 4, 5, 6]


def test_tensorboard_has_them(told: tuple[Any, Any, Path]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, callback, folder = told
    events = EventAccumulator(str(folder / "events")).Reload()
    for name in ("delta", "delta_low", "delta_high", "ifrate", "task", "seconds", "best"):
        scalars = events.Scalars(f"eval/speech_ifeval_{name}")
        assert [one.step for one in scalars] == [0, 2, 4, 6], name
    written = [one.value for one in events.Scalars("eval/speech_ifeval_ifrate")]
    assert written == pytest.approx([one.ifrate.value for one in callback.points], rel=1e-5)


def test_the_trainer_keeps_the_checkpoint_that_the_rule_chooses(told: tuple[Any, Any, Path]) -> None:
    trainer, callback, _ = told
    numbers = {one["step"]: one[BEST] for one in trainer.state.log_history if BEST in one}
    saved = [step for step in numbers if step]  # step 0 has no checkpoint
    assert trainer.state.best_global_step == max(saved, key=lambda step: (numbers[step], -step))
    assert trainer.state.best_model_checkpoint.endswith(f"checkpoint-{trainer.state.best_global_step}")
    assert callback.curve().best in numbers


def test_points_are_on_disk_and_each_is_a_run(told: tuple[Any, Any, Path]) -> None:
    _, callback, folder = told
    points = read_points(folder / "training" / "speech-ifeval")
    assert points == callback.points
    runs = [one.run for one in points]
    done = invoke("compare", runs[0], runs[-1], "--json")
    assert done.code == 0
    assert [one["name"] for one in json.loads(done.out)["runs"]] == ["step-000000", "step-000006"]


def test_a_resumed_training_goes_on_with_its_points(asks: Any, reference: Path, tmp_path: Path) -> None:
    def train(steps: int, resumed: bool) -> SpeechIFEvalCallback:
        trainer = training.trainer(tmp_path, asks, max_steps=6, save_strategy="steps", save_steps=2)
        callback = SpeechIFEvalCallback(reference=reference, processor=asks, every=2, **FEW).add_to(trainer)
        trainer.add_callback(_Killing(steps))
        if steps < training.STEPS:
            with pytest.raises(KeyboardInterrupt):
                trainer.train(resume_from_checkpoint=resumed or None)
        else:
            trainer.train(resume_from_checkpoint=resumed or None)
        return callback

    killed = train(5, False)
    assert [one.step for one in killed.points] == [0, 2, 4]
    resumed = train(training.STEPS, True)
    assert [one.step for one in resumed.points] == [0, 2, 4, 6]
    assert resumed.points[:3] == killed.points
    assert read_points(tmp_path / "speech-ifeval") == resumed.points


class _Killing(TrainerCallback):  # type: ignore[misc]
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step >= self.step:
            raise KeyboardInterrupt


def test_a_warning_can_end_the_training(asks: Any, reference: Path, tmp_path: Path) -> None:
    said: list[str] = []
    trainer = training.trainer(tmp_path, asks)
    callback = SpeechIFEvalCallback(
        reference=reference, processor=asks, every=1, threshold=500.0, stop_on_warning=True, say=said.append, **FEW
    ).add_to(trainer)  # any Δ is below that
    trainer.train()
    assert trainer.state.global_step == 1
    assert [one.step for one in callback.points] == [0, 1]
    assert said[-2].startswith("step 0: instruction following is being forgotten: Δ ")
    assert said[-1].startswith("step 1: still forgotten: Δ ")


def test_among_the_callbacks_it_says_what_is_missing(asks: Any, reference: Path, tmp_path: Path) -> None:
    said: list[str] = []
    trainer = training.trainer(tmp_path, asks, max_steps=1)
    trainer.processing_class = trainer.callback_handler.processing_class = asks
    trainer.add_callback(
        SpeechIFEvalCallback(reference=reference, at_start=False, every=9, say=said.append, **FEW)
    )
    trainer.train()
    assert "not to TensorBoard or Weights & Biases" in said[0]
    assert [one["step"] for one in trainer.state.log_history if BEST in one] == [1]


def test_an_evaluation_that_fails_later_does_not_end_the_training(
    asks: Any, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    trainer = training.trainer(tmp_path, asks, max_steps=2)
    callback = SpeechIFEvalCallback(reference=reference, processor=asks, every=1, say=said.append, **FEW)
    callback.add_to(trainer)

    class Full(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # Where a run directory is to be there is a file.
            (tmp_path / "speech-ifeval" / f"step-{state.global_step + 1:06d}").write_text("")

    trainer.add_callback(Full())
    trainer.train()
    assert trainer.state.global_step == 2
    assert [one.step for one in callback.points] == [0]
    assert any(one.startswith("step 1 was not evaluated, the training goes on: ") for one in said)


@pytest.mark.parametrize(
    ("given", "of_trainer", "found"),
    [(None, None, "found none"), (None, object(), "found object"), (object(), None, "found object")],
)
def test_without_a_processor_there_is_one_clear_message(given: Any, of_trainer: Any, found: str) -> None:
    with pytest.raises(UsageError, match="needs the model's processor") as caught:
        checked_processor(given, of_trainer, None)
    assert found in str(caught.value)
    assert "give processor=AutoProcessor.from_pretrained(…)" in str(caught.value)


def test_a_tokenizer_is_no_processor_of_a_model_that_hears(asks: Any) -> None:
    with pytest.raises(UsageError, match="takes audio, and its processing_class"):
        checked_processor(None, asks.tokenizer, training.model())


def test_what_is_wrong_is_said_before_the_first_step(asks: Any, reference: Path, tmp_path: Path) -> None:
    trainer = training.trainer(tmp_path, asks)
    SpeechIFEvalCallback(reference=reference, processor=asks, **FEW).add_to(trainer)
    with pytest.raises(UsageError, match="would never evaluate"):
        trainer.train()
    for more, message in (
        ({"reference": reference, "sample": 60}, "has no answer to"),
        ({"reference": tmp_path / "nowhere"}, "no run directory at"),
        ({"reference": reference, "benchmark": "example"}, "answers another benchmark"),
    ):
        trainer = training.trainer(tmp_path, asks)
        SpeechIFEvalCallback(processor=asks, every=1, **{**FEW, **more}).add_to(trainer)
        with pytest.raises((UsageError, MismatchError), match=message):
            trainer.train()
        assert trainer.state.global_step == 0


def test_sharded_weights_are_refused() -> None:
    class Args:
        fsdp: Any = None

    whole = torch.nn.Linear(2, 2)
    refuse_sharded(whole, Args())
    spread = Args()
    spread.fsdp = ["full_shard"]
    with pytest.raises(UsageError, match=r"under FSDP.*speech-ifeval watch"):
        refuse_sharded(whole, spread)
    whole.weight.ds_id = 1  # as DeepSpeed marks the parameters that it has partitioned
    with pytest.raises(UsageError, match="under DeepSpeed ZeRO-3"):
        refuse_sharded(whole, Args())


def test_parameters_of_a_device_mesh_are_refused() -> None:
    code = """
import torch, torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import distribute_module
from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.transformers_callback import refuse_sharded
dist.init_process_group("gloo", init_method="tcp://127.0.0.1:0", rank=0, world_size=1)
spread = distribute_module(torch.nn.Linear(2, 2), init_device_mesh("cpu", (1,)))
try:
    refuse_sharded(spread, object())
except UsageError as error:
    print(error)
dist.destroy_process_group()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert "under FSDP or tensor parallelism" in done.stdout


DISTRIBUTED = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.integrations import training
from speech_ifeval.integrations.transformers_callback import SpeechIFEvalCallback
asks = training.processor()
trainer = training.trainer(Path({folder!r}), asks, max_steps=2, ddp_backend="gloo", per_device_train_batch_size=2)
callback = SpeechIFEvalCallback(
    reference=Path({reference!r}), processor=asks, every=1, threshold=500.0, stop_on_warning=True, sample=6,
    max_new_tokens=24, say=lambda message: None,
).add_to(trainer)
trainer.train()
logged = [one["step"] for one in trainer.state.log_history if "eval_speech_ifeval_delta" in one]
rank = trainer.args.process_index
told = f"rank {{rank}} stopped at {{trainer.state.global_step}} {{len(callback.points)}} {{logged}}"
Path({folder!r}, f"rank-{{rank}}.txt").write_text(told)  # what two processes print can get mixed
"""


def test_of_two_processes_one_evaluates_and_both_stop(reference: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    root = str(Path(__file__).parents[2])
    folder, found = str(tmp_path / "out"), str(reference)
    script.write_text(DISTRIBUTED.format(root=root, folder=folder, reference=found))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run(
        launch, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [(tmp_path / "out" / f"rank-{rank}.txt").read_text() for rank in (0, 1)]
    assert lines == ["rank 0 stopped at 1 2 [0, 1]", "rank 1 stopped at 1 0 [0, 1]"]


def test_points_hold_nothing_of_the_training_data(told: tuple[Any, Any, Path]) -> None:
    _, _, folder = told
    line = (folder / "training" / "speech-ifeval" / "points.jsonl").read_bytes().splitlines()[0]
    assert set(json.loads(line)) == set(TrainingPoint.__struct_fields__)
