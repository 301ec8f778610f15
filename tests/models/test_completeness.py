"""A checkpoint is complete when the last byte of its last file is there, and not before."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from speech_ifeval.models.transformers_models.completeness import (
    epoch_of,
    is_checkpoint,
    step_of,
    what_is_missing,
)

TENSORS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(5, dtype=np.float16)}


def written(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        if name.endswith(".safetensors"):
            save_file(TENSORS, path)
        elif name == "model.safetensors.index.json":
            path.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))
        elif name == "trainer_state.json":
            path.write_text(json.dumps({"global_step": 40, "epoch": 1.5}))
        else:
            path.write_text("{}")
    return folder


def full(folder: Path) -> Path:
    return written(folder, "config.json", "model.safetensors", "trainer_state.json")


def adapter(folder: Path) -> Path:
    return written(folder, "adapter_config.json", "adapter_model.safetensors", "trainer_state.json")


def sharded(folder: Path) -> Path:
    names = ("model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json")
    return written(folder, "config.json", *names, "trainer_state.json")


@pytest.mark.parametrize("make", [full, adapter, sharded])
def test_a_whole_one_is_complete(make: Callable[[Path], Path], tmp_path: Path) -> None:
    assert what_is_missing(make(tmp_path / "checkpoint-40")) is None


@pytest.mark.parametrize("make", [full, adapter, sharded])
def test_cut_short_anywhere_none_is(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path / "checkpoint-40")
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        path.unlink()
        assert what_is_missing(folder) is not None, f"without {path.name}"
        for length in range(len(content)):
            path.write_bytes(content[:length])
            assert what_is_missing(folder) is not None, f"{path.name} of {length} bytes"
        path.write_bytes(content + b"more" if path.suffix == ".safetensors" else content)
        if path.suffix == ".safetensors":
            assert what_is_missing(folder) == f"the end of {path.name}"
        path.write_bytes(content)
    assert what_is_missing(folder) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff" * 64, "a header longer than any"),
        ((2).to_bytes(8, "little") + b"[]", "no object"),
        ((8).to_bytes(8, "little") + b'{"a": 1}', "a tensor that is none"),
        ((3).to_bytes(8, "little") + b"\xff\xfe{", "no UTF-8"),
    ],
)
def test_what_is_no_safetensors_file_is_never_complete(content: bytes, why: str, tmp_path: Path) -> None:
    folder = full(tmp_path / "checkpoint-40")
    (folder / "model.safetensors").write_bytes(content)
    assert what_is_missing(folder) == "the end of model.safetensors", why


def test_of_another_tools_folder_no_file_may_just_have_changed(tmp_path: Path) -> None:
    folder = written(tmp_path / "epoch_3", "config.json", "model.safetensors")
    now = time.time()
    assert what_is_missing(folder, now) == "10 s without a change"
    for path in folder.iterdir():
        os.utime(path, (now - 11, now - 11))
    assert what_is_missing(folder, now) is None


def test_a_shard_is_looked_for_in_the_folder_and_nowhere_else(tmp_path: Path) -> None:
    folder = written(tmp_path / "checkpoint-1", "config.json", "trainer_state.json")
    save_file(TENSORS, tmp_path / "outside.safetensors")
    index = {"weight_map": {"a": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert what_is_missing(folder) == "the shard outside.safetensors"


def test_a_folder_that_vanishes_is_not_complete(tmp_path: Path) -> None:
    assert what_is_missing(tmp_path / "checkpoint-9") == "config.json or adapter_config.json"


@pytest.mark.parametrize(
    ("name", "is_one"), [("checkpoint-5", True), ("tmp-checkpoint-5", False), (".hidden", False), ("runs", False)]
)
def test_which_folders_are_checkpoints(name: str, is_one: bool, tmp_path: Path) -> None:
    folder = written(tmp_path / name)
    assert is_checkpoint(folder) is is_one
    if not name.startswith((".", "tmp-")):
        assert is_checkpoint(full(folder))


def test_steps_are_those_of_the_trainer_before_those_of_the_name(tmp_path: Path) -> None:
    folder = full(tmp_path / "checkpoint-7")
    assert (step_of(folder), epoch_of(folder)) == (40, 1.5)
    (folder / "trainer_state.json").write_text("[]")
    assert (step_of(folder), epoch_of(folder)) == (7, None)
