"""Whether checkpoints load without network: everything but the weights, whose files are only looked at.

Run as ``python -m speech_ifeval.models.transformers_models.rehearsing`` with ``HF_HUB_OFFLINE=1``, which the
hub's library reads when it is imported: snapshots come in on standard input, a list of JSON, and what is wrong
with each, null for nothing, goes out as the last line.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.errors import ModelError, SpeechIFEvalError
from speech_ifeval.models.needs import Snapshot
from speech_ifeval.models.transformers_models.digests import cached_snapshot
from speech_ifeval.models.transformers_models.failures import loading
from speech_ifeval.models.transformers_models.fetching import INDEX_FILE, weight_files
from speech_ifeval.models.transformers_models.loading import Checkpoint, rehearse

OFFLINE = {"HF_HUB_OFFLINE": "1"}
_HEADER_LENGTH = 8
_LAST_LINES = 5


def rehearse_offline(snapshots: Sequence[Snapshot]) -> list[str | None]:
    """Return what is wrong with each snapshot where there is no network, None for nothing.

    Raises:
        ModelError: the process that looks ends before it can say.
    """
    if not snapshots:
        return []
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=msgspec.json.encode(list(snapshots)),
        capture_output=True,
        env={**os.environ, **OFFLINE},
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = " / ".join(done.stderr.decode(errors="replace").splitlines()[-_LAST_LINES:])
        raise ModelError(f"loading without network could not be tried (exit code {done.returncode}): {last}")
    return msgspec.json.decode(lines[-1], type=list[str | None])


def rehearse_snapshot(snapshot: Snapshot) -> str:
    """Load everything of a snapshot but its weights; return the repository or folder that has these.

    Raises:
        ModelError: it cannot be had or loaded.
        MissingExtraError: a package is missing.
    """
    if snapshot.recogniser:
        _rehearse_recogniser(snapshot)
        return snapshot.target
    return rehearse(
        Checkpoint(
            snapshot.target,
            revision=snapshot.revision,
            adapter=snapshot.adapter,
            trust_remote_code=snapshot.trust_remote_code,
            allow_pickle=snapshot.allow_pickle,
        )
    )


def _wrong_with(snapshot: Snapshot) -> str | None:
    try:
        _look_at_weights(_local(rehearse_snapshot(snapshot), snapshot))
    except SpeechIFEvalError as error:
        return str(error)
    return None


def _rehearse_recogniser(snapshot: Snapshot) -> None:
    from transformers import AutoConfig, AutoProcessor

    kinds: tuple[Any, ...] = (AutoConfig, AutoProcessor)
    with loading(snapshot.target):
        for kind in kinds:
            kind.from_pretrained(snapshot.target, revision=snapshot.revision)


def _local(target: str, snapshot: Snapshot) -> Path:
    folder = Path(target).expanduser()
    if folder.is_dir():
        return folder
    found = cached_snapshot(target, snapshot.revision)
    if found is None:
        raise ModelError(f"{target} is not in the local cache; fetch it again")
    return found


def _look_at_weights(folder: Path) -> None:
    """Make sure that every file of weights is there, and as long as its header says."""
    index = folder / INDEX_FILE
    for name in sorted(weight_files(index)) if index.is_file() else ["model.safetensors"]:
        path = folder / name
        if path.is_file():
            _look_at_safetensors(path)
        elif index.is_file() or not list(folder.glob("pytorch_model*.bin")):
            raise ModelError(f"{path}: expected the model's weights, found no such file; fetch them again")


def _look_at_safetensors(path: Path) -> None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_HEADER_LENGTH), "little")
        size = path.stat().st_size
        if length > size:
            raise ModelError(f"{path}: expected safetensors, found a file without their header; fetch it again")
        try:
            header = msgspec.json.decode(file.read(length), type=dict[str, dict[str, Any]])
            ends = [int(one["data_offsets"][1]) for name, one in header.items() if name != "__metadata__"]
        except (msgspec.MsgspecError, KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(
                f"{path}: expected safetensors, found a broken header ({error}); fetch it again"
            ) from None
    expected = _HEADER_LENGTH + length + max(ends, default=0)
    if expected != size:
        raise ModelError(f"{path}: expected {expected} bytes of weights, found {size}; fetch it again")


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Snapshot])
    answer = msgspec.json.encode([_wrong_with(snapshot) for snapshot in asked])
    sys.stdout.buffer.write(b"\n" + answer + b"\n")
