"""A repository of the hub, brought into the local cache: what loading reads of it, and nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from contextlib import nullcontext
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec import Struct

from speech_ifeval.errors import ModelError, OutputError
from speech_ifeval.models.needs import Snapshot
from speech_ifeval.models.transformers_models.failures import loading, no_safetensors
from speech_ifeval.models.transformers_models.lora import ADAPTER_CONFIG
from speech_ifeval.models.transformers_models.quiet import without_bars

INDEX_FILE = "model.safetensors.index.json"
_SAFE, _PICKLED = ("model.safetensors", INDEX_FILE), ("pytorch_model.bin", "pytorch_model.bin.index.json")
_ADAPTER_SAFE, _ADAPTER_PICKLED = "adapter_model.safetensors", "adapter_model.bin"
# What configurations, tokenizers and processors are made of. Everything else is weights in other forms, code, or
# nothing that is loaded.
_TEXTS = {".json", ".jinja", ".txt", ".model", ".tiktoken", ".vocab", ".spm"}
_ELSEWHERE = ("original", "onnx", "openvino", "coreml")  # folders with the same weights in other forms


class FetchedSnapshot(Struct, frozen=True):
    """What lies in the cache of one repository.

    Attributes:
        name: the repository.
        commit: which of its commits.
        folder: where it lies.
        files: how many files are loaded from it.
        size: their bytes.
        fetched: how many of these bytes were downloaded now.
    """

    name: str
    commit: str
    folder: str
    files: int
    size: int
    fetched: int


def fetch_repository(name: str, snapshot: Snapshot, *, adapter: bool = False) -> FetchedSnapshot:
    """Bring one repository into the cache, going on with what is there.

    Args:
        name: the repository: the checkpoint's, or that of its PEFT adapter.
        snapshot: which revision, and whether code and pickled weights may come along.
        adapter: whether it is that of an adapter.

    Raises:
        ModelError: no such repository or revision, no permission, no connection, or weights in pickles only.
        OutputError: the cache has not enough space.
    """
    from huggingface_hub import constants, snapshot_download

    revision = None if adapter else snapshot.revision
    with loading(name):
        # Which files a repository has, with their sizes; this is the one call that must reach the hub.
        with without_bars():
            listed: Any = snapshot_download(name, revision=revision, dry_run=True)
        files = {one.filename: one for one in listed}
        wanted = _of_adapter(name, files, snapshot) if adapter else _of_model(name, files, snapshot)
        needed = sum(files[one].file_size or 0 for one in wanted if files[one].will_download)
        _refuse_full(Path(constants.HF_HUB_CACHE), needed, name)
        with nullcontext() if sys.stderr is not None and sys.stderr.isatty() else without_bars():
            fetched = snapshot_download(name, revision=revision, allow_patterns=[escape(one) for one in wanted])
    folder = Path(fetched)
    size = sum((folder / one).stat().st_size for one in wanted)
    return FetchedSnapshot(name, folder.name, str(folder), len(wanted), size, needed)


def is_repository(name: str) -> bool:
    """Whether a name is that of a repository and not of a folder, by the rules of loading.

    >>> is_repository("Qwen/Qwen2-Audio-7B-Instruct"), is_repository("./checkpoint"), is_repository("gpt2")
    (True, False, True)
    """
    if Path(name).expanduser().is_dir():
        return False
    return name.count("/") <= 1 and not name.startswith(("/", ".", "~"))


def _of_adapter(name: str, files: Iterable[str], snapshot: Snapshot) -> list[str]:
    there = set(files)
    weights = [_ADAPTER_SAFE] if _ADAPTER_SAFE in there else []
    if not weights and snapshot.allow_pickle:
        weights = [_ADAPTER_PICKLED]
    missing = [one for one in (ADAPTER_CONFIG, *weights) if one not in there]
    if missing:
        raise ModelError(f"adapter={name}: expected a PEFT adapter, found a repository without {missing[0]}")
    if not weights:
        raise no_safetensors(f"adapter={name}")
    return [ADAPTER_CONFIG, *weights]


def _of_model(name: str, files: Iterable[str], snapshot: Snapshot) -> list[str]:
    there = set(files)
    if "config.json" not in there:
        raise ModelError(
            f"{name}: expected a checkpoint in transformers' format (config.json), found a repository without it"
        )
    kinds = (_SAFE, _PICKLED) if snapshot.allow_pickle else (_SAFE,)
    found = next((one for kind in kinds for one in kind if one in there), None)
    if found is None:
        raise no_safetensors(name)
    weights = _indexed(name, found, there, snapshot.revision) if found.endswith(".index.json") else [found]
    texts = [one for one in there if _is_text(one, snapshot)]
    # Adapters that a model brings along lie in folders of their own.
    texts += [one for one in there if one.endswith(f"/{_ADAPTER_SAFE}") and not _elsewhere(one)]
    return sorted({*texts, *weights})


def _indexed(name: str, index: str, there: set[str], revision: str | None) -> list[str]:
    from huggingface_hub import hf_hub_download

    path = Path(hf_hub_download(name, index, revision=revision))
    weights = sorted(weight_files(path))
    missing = [one for one in weights if one not in there]
    if missing:
        raise ModelError(
            f"{name}: {index} names {missing[0]}, and the repository has no such file; it is incomplete"
        )
    return [index, *weights]


def weight_files(index: Path) -> set[str]:
    """Return the files that an index of weights names.

    Raises:
        ModelError: it is none.
    """
    try:
        named = json.loads(index.read_text("utf-8"))["weight_map"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index}: expected an index of weights, found none ({error}); fetch it again") from None
    return {str(one) for one in named}


def _is_text(path: str, snapshot: Snapshot) -> bool:
    suffix = PurePosixPath(path).suffix
    if _elsewhere(path) or path.endswith(".index.json"):
        return False
    return suffix in _TEXTS or "tokenizer.model" in path or (suffix == ".py" and snapshot.trust_remote_code)


def _elsewhere(path: str) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in _ELSEWHERE))


def _refuse_full(cache: Path, needed: int, name: str) -> None:
    there = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise OutputError(
            f"{cache}: {name} needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free; free some, or set "
            "HF_HOME to a folder with more"
        )
