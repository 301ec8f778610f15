"""Whether a checkpoint that somebody is writing has been written to its end, read off its files alone."""

from __future__ import annotations

import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from speech_ifeval.models.transformers_models.lora import ADAPTER_CONFIG

CONFIG = "config.json"
TRAINER_STATE = "trainer_state.json"
SETTLED_SECONDS = 10.0
_INDEX = "model.safetensors.index.json"
_WHOLE = ("model.safetensors", "pytorch_model.bin")
_ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")
_HEADER_LENGTH = 8
_LONGEST_HEADER = 100 << 20  # bytes; what the safetensors library takes
_OF_TRAINER = re.compile(r"checkpoint-(\d+)")


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder is a checkpoint, or is becoming one: by its configuration, or by the name Trainer gives."""
    if folder.name.startswith((".", "tmp-")):
        return False
    named = (folder / name for name in (CONFIG, ADAPTER_CONFIG))
    return folder.is_dir() and (_OF_TRAINER.fullmatch(folder.name) is not None or any(map(Path.is_file, named)))


def what_is_missing(folder: Path, now: float | None = None) -> str | None:
    """Say what a checkpoint lacks to be complete; None where it is.

    A full model needs its configuration and weights, all shards of the index included; an adapter its own. Every
    safetensors file must be as long as its header says. Of a folder that Trainer names, ``trainer_state.json``
    must be whole, which is written last; of others, no file may have changed for ten seconds.

    Args:
        folder: the checkpoint.
        now: the time, in seconds since the epoch; by default it is read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     what_is_missing(Path(folder))
    'config.json or adapter_config.json'
    """
    try:
        return next(_missing(folder, time.time() if now is None else now), None)
    except OSError as error:  # it is being deleted, or a file of it is replaced
        return f"a file that can be read ({error.strerror or error})"


def step_of(folder: Path) -> int | None:
    """Return how many optimiser steps a checkpoint has behind it: from Trainer's state, else the folder's name.

    >>> step_of(Path("nowhere/checkpoint-500")), step_of(Path("nowhere/epoch_2")), step_of(Path("nowhere/final"))
    (500, 2, None)
    """
    state = _read(folder / TRAINER_STATE)
    found = state.get("global_step") if isinstance(state, dict) else None
    if isinstance(found, int) and found >= 0:
        return found
    numbers = re.findall(r"\d+", folder.name)
    return int(numbers[-1]) if numbers else None


def epoch_of(folder: Path) -> float | None:
    """Return how many epochs Trainer's state has counted; None where there is none."""
    state = _read(folder / TRAINER_STATE)
    found = state.get("epoch") if isinstance(state, dict) else None
    return float(found) if isinstance(found, int | float) else None


def _missing(folder: Path, now: float) -> Iterator[str]:
    adapter = (folder / ADAPTER_CONFIG).is_file() and not (folder / CONFIG).is_file()
    if not adapter and not (folder / CONFIG).is_file():
        yield f"{CONFIG} or {ADAPTER_CONFIG}"
    if _read(folder / (ADAPTER_CONFIG if adapter else CONFIG)) is None:
        yield f"a {ADAPTER_CONFIG if adapter else CONFIG} that is JSON to its end"
    yield from _missing_weights(folder, _ADAPTER if adapter else _WHOLE)
    if _OF_TRAINER.fullmatch(folder.name):
        if _read(folder / TRAINER_STATE) is None:
            yield f"{TRAINER_STATE}, which Trainer writes last"
        return
    changed = max(path.stat().st_mtime for path in folder.iterdir())
    if now - changed < SETTLED_SECONDS:
        yield f"{SETTLED_SECONDS:g} s without a change"


def _missing_weights(folder: Path, names: tuple[str, str]) -> Iterator[str]:
    index = folder / _INDEX
    if names is _WHOLE and index.is_file() and not (folder / names[0]).is_file():
        found = _read(index)
        shards = found.get("weight_map") if isinstance(found, dict) else None
        if not isinstance(shards, dict) or not shards:
            yield f"an {_INDEX} that is JSON to its end"
            return
        for name in sorted({str(one) for one in shards.values()}):
            yield from _short(folder / Path(name).name)
        return
    present = next((folder / name for name in names if (folder / name).is_file()), None)
    if present is None:
        yield f"weights ({names[0]})"
    else:
        yield from _short(present)


def _short(path: Path) -> Iterator[str]:
    if not path.is_file():
        yield f"the shard {path.name}"
    elif path.suffix != ".safetensors":
        if not zipfile.is_zipfile(path):  # PyTorch's pickles are archives, whose table of contents is at the end
            yield f"the end of {path.name}"
    elif not _is_whole(path):
        yield f"the end of {path.name}"


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH), "little")
        if size < _HEADER_LENGTH or not 0 < length <= min(size - _HEADER_LENGTH, _LONGEST_HEADER):
            return False
        try:
            header = json.loads(file.read(length))
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
            return bool(size == _HEADER_LENGTH + length + max(ends, default=0))
        except (ValueError, AttributeError, TypeError, KeyError, IndexError):
            return False


def _read(path: Path) -> Any:
    """The JSON of a file; None where there is no file, or no JSON to its end."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
