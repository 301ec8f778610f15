"""What keeps a model from being loaded, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speech_ifeval.errors import MissingExtraError, ModelError
from speech_ifeval.models.transformers_models.memory import is_out_of_memory

_FIRST_WORDS = 300


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Turn what loading a checkpoint raises into a `ModelError` (a missing package into `MissingExtraError`)."""
    from safetensors import SafetensorError

    named = (OSError, ValueError, KeyError, AttributeError, RuntimeError, TypeError, ImportError)
    try:
        yield
    except (*named, SafetensorError) as error:
        raise _told(name, error) from error


def require_transformers(needed_by: str) -> None:
    """Stop where transformers or torch is not installed.

    Raises:
        MissingExtraError: names the install command.
    """
    for package in ("torch", "transformers"):
        _require(package, "hf", needed_by)


def require_peft(needed_by: str) -> None:
    """Stop where PEFT is not installed.

    Raises:
        MissingExtraError: names the install command.
    """
    _require("peft", "hf", needed_by)


def _require(package: str, extra: str, needed_by: str) -> None:
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(extra, package, needed_by)


def no_safetensors(name: str) -> ModelError:
    """Return what is raised where weights are pickled only, and nobody allowed that."""
    return ModelError(
        f"{name}: expected weights in safetensors, found none; where there are only pickled ones (.bin), "
        "which can run code, and you trust their author, give allow_pickle=true"
    )


def _told(name: str, error: Exception) -> Exception:
    chain = [type(one).__name__ for one in _causes(error)]
    words = " ".join(str(error).split())
    if isinstance(error, ImportError):
        for package, extra in (("mistral", "voxtral"), ("accelerate", "hf"), ("peft", "hf"), ("jinja2", "hf")):
            if package in words.lower():
                return MissingExtraError(extra, "mistral-common[audio]" if extra == "voxtral" else package, name)
        return ModelError(f"{name} needs a package that is not installed: {words[:_FIRST_WORDS]}")
    if "GatedRepoError" in chain or "gated repo" in words.lower():
        return ModelError(
            f"{name} is gated: accept its licence on its page of the hub, make an access token, set it "
            "as HF_TOKEN, and run again"
        )
    if "RepositoryNotFoundError" in chain or "is not a valid model identifier" in words:
        return ModelError(
            f"{name}: the hub has no such repository, or only shows it with a token (set HF_TOKEN); correct "
            "the id, or name a folder"
        )
    if "RevisionNotFoundError" in chain:
        return ModelError(f"{name}: the repository has no such revision; correct revision=")
    if {"LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectError", "ConnectTimeout"} & set(
        chain
    ) or "couldn't connect" in words.lower():
        return ModelError(
            f"{name} is neither a folder nor in the local cache, and the hub cannot be reached (offline, or "
            "HF_HUB_OFFLINE is set); connect, download it first, or name its folder"
        )
    if (
        "no file named model.safetensors" in words
        or "does not appear to have a file named model.safetensors" in words
    ):
        return no_safetensors(name)
    if is_out_of_memory(error):
        return ModelError(
            f"{name} does not fit into the device's memory: give dtype=bfloat16, or device_map=auto to spread it "
            f"over several ({words[:_FIRST_WORDS]})"
        )
    if "trust_remote_code" in words:
        return ModelError(
            f"{name} comes with code of its own, which is not run unasked: read it, and give "
            "trust_remote_code=true"
        )
    kind = "folder" if Path(name).is_dir() else "model"
    return ModelError(
        f"{name}: expected a {kind} that transformers loads, found {type(error).__name__}: {words[:_FIRST_WORDS]}"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
