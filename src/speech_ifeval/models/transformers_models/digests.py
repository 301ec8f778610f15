"""Which weights: digests that change when a checkpoint, an adapter or a live model changes, and cost seconds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WHOLE = 64 << 20
SAMPLE = 4096
_HEADER_LENGTH = 8
_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth"}
_TEXTS = {".json", ".jinja", ".model", ".txt", ".py"}
# What a training run or a README leaves beside the model.
_IGNORED = {"trainer_state.json", "all_results.json", "train_results.json", "eval_results.json"}
_DIGITS = 16


def folder_digest(folder: Path) -> str:
    """Return 16 hexadecimal digits over a checkpoint's configuration, tokenizer and weights.

    Files of up to 64 MiB count whole. Of larger weights in safetensors the size, the header and three blocks of
    4 KiB of every tensor (its first, middle and last) count, of other large files 4,096 blocks evenly spread:
    training moves every tensor it touches, and 16 GB are read in a second or so.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "config.json").write_text("{}")
    ...     folder_digest(Path(folder))
    '757006fd52e36aed'
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in _WEIGHTS | _TEXTS and path.name not in _IGNORED and path.is_file():
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            for block in _blocks(path):
                digest.update(block)
    return digest.hexdigest()[:_DIGITS]


def revision_of(target: str, revision: str | None = None) -> str:
    """Return which weights a name stands for: a folder's digest, or the commit of a repository in the local cache.

    Args:
        target: a folder, or a repository that was loaded or fetched before.
        revision: the branch, tag or commit that was asked for.

    >>> revision_of("nobody/nothing")
    'unknown'
    """
    folder = Path(target).expanduser()
    if folder.is_dir():
        return folder_digest(folder)
    snapshot = cached_snapshot(target, revision)
    return "unknown" if snapshot is None else snapshot.name


def cached_snapshot(name: str, revision: str | None = None) -> Path | None:
    """Return the folder that a repository's files have in the local cache, None where they are not there.

    >>> cached_snapshot("nobody/nothing") is None
    True
    """
    from huggingface_hub import try_to_load_from_cache

    # The configuration itself no longer tells: transformers 5.24 does not keep its commit.
    found = try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else None


def live_digest(model: Any) -> str:
    """Return 16 hexadecimal digits over a model in memory: name, shape and 256 spread values of every tensor."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        if tensor.is_meta or not tensor.numel():
            continue
        flat = tensor.detach().reshape(-1)
        places = torch.linspace(0, len(flat) - 1, min(len(flat), 256), dtype=torch.float64, device=flat.device)
        some = flat[places.long()]
        digest.update(some.to("cpu").to(torch.float64).numpy().tobytes())
    return digest.hexdigest()[:_DIGITS]


def _blocks(path: Path) -> Iterator[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            yield file.read()
            return
        if path.suffix == ".safetensors":
            length = int.from_bytes(file.read(_HEADER_LENGTH), "little")
            header = file.read(length)
            yield header
            start = _HEADER_LENGTH + length
            places = sorted(
                place
                for name, tensor in json.loads(header).items()
                if name != "__metadata__"
                for place in _three(*tensor["data_offsets"])
            )
        else:
            start, places = 0, [round(step * (size - SAMPLE) / (SAMPLE - 1)) for step in range(SAMPLE)]
        for place in places:
            file.seek(start + place)
            yield file.read(SAMPLE)


def _three(first: int, end: int) -> tuple[int, int, int]:
    return first, (first + end) // 2, max(first, end - SAMPLE)
