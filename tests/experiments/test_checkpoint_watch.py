"""Watching a training from outside: complete checkpoints, each once, one curve; by the lab's real models."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.analysis.scored_runs import read_summary
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.experiments.checkpoint_watch import watch
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.results import TrainingCurve
from tests.command_line import command, invoke

BASE = shipped_models() / "self-aligned"
REFERENCE = f"hf:{shipped_models() / 'backbone'}"
SMALL = ("--sample", "6", "--max-new-tokens", "24", "--reference", REFERENCE)


def adapter(folder: Path, step: int) -> Path:
    """The shipped LoRA as Trainer saves it at a step."""
    target = folder / f"checkpoint-{step}"
    target.mkdir(parents=True)
    for path in (shipped_models() / "corpus-style").iterdir():
        shutil.copy(path, target)
    config = json.loads((target / "adapter_config.json").read_text())
    # Every step has another content, as it would.
    changed = {**config, "base_model_name_or_path": str(BASE), "revision": None, "inference_mode": bool(step % 2)}
    (target / "adapter_config.json").write_text(json.dumps(changed))
    return finished(target, step)


def full(folder: Path, step: int) -> Path:
    target = folder / f"checkpoint-{step}"
    shutil.copytree(BASE, target)
    return finished(target, step)


def finished(target: Path, step: int) -> Path:
    (target / "trainer_state.json").write_text(json.dumps({"global_step": step, "epoch": step / 10}))
    return target


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingCurve, str]:
    """A full checkpoint, an adapter, one that is not complete and one that cannot be loaded, looked at once."""
    root = tmp_path_factory.mktemp("watch")
    full(root / "training", 10)
    adapter(root / "training", 21)
    growing = adapter(root / "training", 30)
    weights = growing / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    done = invoke("watch", root / "training", "--once", "--output-dir", root / "runs", "--json", *SMALL)
    assert done.code == 0, done.err
    return root, msgspec.json.decode(done.out, type=TrainingCurve), done.err


@pytest.mark.slow
def test_complete_checkpoints_become_a_curve(watched: tuple[Path, TrainingCurve, str]) -> None:
    root, curve, said = watched
    assert [(one.step, one.epoch) for one in curve.steps] == [(10, 1.0), (21, 2.1)]
    assert [Path(one.weights or "").name for one in curve.steps] == ["checkpoint-10", "checkpoint-21"]
    assert all(one.items == 6 for one in curve.steps)
    assert curve.reference is not None
    for one in curve.steps:
        summary = read_summary(Path(one.run))
        assert (one.ifrate, one.forgetting, one.signature) == (
            summary.ifrate,
            summary.forgetting,
            summary.signature,
        )
    manifests = [json.loads((Path(one.run) / "responses.manifest.json").read_text()) for one in curve.steps]
    assert ["adapter" in one["model"] for one in manifests] == [False, True]
    assert "checkpoint-30: waiting for the end of adapter_model.safetensors" in said
    assert (root / "runs" / "curve.md").read_text("utf-8").startswith("| step | items | IFrate, %")


@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_the_curve_grows(watched: tuple[Path, TrainingCurve, str]) -> None:
    root, curve, _ = watched
    # Under another name it is the same checkpoint; one that has been written to its end is new.
    shutil.copytree(root / "training" / "checkpoint-21", root / "training" / "checkpoint-22")
    weights = root / "training" / "checkpoint-30" / "adapter_model.safetensors"
    shutil.copy(root / "training" / "checkpoint-21" / "adapter_model.safetensors", weights)
    figure = root / "curve.svg"
    done = invoke("watch", root / "training", "--once", "--output-dir", root / "runs", "--figure", figure, *SMALL)
    assert done.code == 0, done.err
    assert "checkpoint-10" not in done.err
    found = json.loads((root / "runs" / "curve.json").read_text("utf-8"))
    assert [one["step"] for one in found["steps"]] == [10, 21, 30]
    before = [one.seconds for one in curve.steps]
    assert [one["seconds"] for one in found["steps"]][:2] == before
    assert "warning at" in figure.read_text("utf-8") or not found["warned"]
    assert len([path for path in (root / "runs").iterdir() if path.name.startswith("checkpoint-")]) == 3


@pytest.mark.slow
def test_a_step_that_changed_nothing_is_named(watched: tuple[Path, TrainingCurve, str], tmp_path: Path) -> None:
    root, _, _ = watched
    for step in (10, 12):
        full(tmp_path / "training", step)
    shutil.copytree(root / "runs", tmp_path / "runs")
    done = invoke("watch", tmp_path / "training", "--once", "--output-dir", tmp_path / "runs", *SMALL)
    assert done.code == 0, done.err
    assert "checkpoint-12: has the weights of step 10, and its figures" in done.err
    assert "checkpoint-10: has" not in done.err


@pytest.mark.slow
def test_one_that_cannot_be_loaded_is_said_and_the_others_are_evaluated(tmp_path: Path) -> None:
    adapter(tmp_path / "training", 1)
    broken = full(tmp_path / "training", 2)
    (broken / "config.json").write_text('{"model_type": "no such model"}')
    done = invoke("watch", tmp_path / "training", "--once", "--output-dir", tmp_path / "runs", *SMALL)
    assert done.code == 7
    assert "checkpoint-2 could not be evaluated and is left out: " in done.err
    assert "1 checkpoint could not be evaluated: checkpoint-2; see above" in done.err
    found = json.loads((tmp_path / "runs" / "curve.json").read_text("utf-8"))
    assert [one["step"] for one in found["steps"]] == [1]


@pytest.mark.slow
def test_it_waits_for_the_next_one_and_ends_with_ctrl_c(
    watched: tuple[Path, TrainingCurve, str], tmp_path: Path
) -> None:
    root, _, _ = watched
    training = tmp_path / "training"
    training.mkdir()
    args = ("watch", training, "--poll", "0.2", "--output-dir", tmp_path / "runs", *SMALL[:4])
    process = subprocess.Popen(command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        # The end of it appears after its beginning.
        source = root / "training" / "checkpoint-21"
        shutil.copytree(source, training / "checkpoint-21", ignore=shutil.ignore_patterns("trainer_state.json"))
        time.sleep(1)
        shutil.copy(source / "trainer_state.json", training / "checkpoint-21")
        curve = tmp_path / "runs" / "curve.json"
        until = time.monotonic() + 240
        while not (curve.is_file() and json.loads(curve.read_text("utf-8"))["steps"]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "1 checkpoints are evaluated" in err.decode()
    assert "95 % interval" in out.decode()


def test_wrong_calls_say_what_to_do(tmp_path: Path) -> None:
    for args, code, message in (
        (("watch", tmp_path / "nowhere", "--once"), 2, "expected the one that checkpoints appear in"),
        (("watch", tmp_path, "--once", "--output-dir", tmp_path / "a"), 2, "found none that is complete"),
        (("watch", tmp_path, "--poll", "0"), 2, "--poll takes seconds above 0"),
        (("watch", tmp_path, "--json"), 2, "--json goes with --once"),
    ):
        done = invoke(*args)
        assert (done.code, message in done.err) == (code, True), done.err


@pytest.mark.slow
def test_a_folder_of_other_settings_is_refused(watched: tuple[Path, TrainingCurve, str]) -> None:
    root, _, _ = watched
    with pytest.raises(MismatchError, match=r"benchmark: .* selection: 'sample-6' there, 'all' now"):
        watch(root / "training", "example", output_dir=root / "runs", once=True)


def test_a_checkpoint_that_is_none_yet_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5").mkdir()
    with pytest.raises(UsageError, match=r"checkpoint-5 lacks config.json or adapter_config.json"):
        watch(tmp_path, output_dir=tmp_path / "runs", once=True)
