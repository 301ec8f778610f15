"""The models that ship with this package, by name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from speech_ifeval.errors import UsageError
from speech_ifeval.models.adapters.hf import open_checkpoint
from speech_ifeval.models.interface import Model
from speech_ifeval.models.registry import adapter
from speech_ifeval.models.transformers_models import Checkpoint
from speech_ifeval.models.transformers_models.lora import ADAPTER_CONFIG


def _folder(target: str, **arguments: object) -> Path:
    found = shipped()
    if target not in found:
        raise UsageError(f"lab:{target}: expected one of {', '.join(sorted(found))}")
    return found[target]


@adapter("lab", target="NAME", extra="hf", look=_folder)
def open_lab(
    target: str, *, lora_scale: float | None = None, device: str = "auto", batch_size: int | str = "auto"
) -> Model:
    """A model that ships with this package: backbone, self-aligned or corpus-style.

    It is opened as ``hf:`` would open its folder.

    Args:
        target: its name.
        lora_scale: as for ``hf:``; of corpus-style, which has a LoRA.
        device: as for ``hf:``.
        batch_size: as for ``hf:``.

    Raises:
        UsageError: no such model, or a LoRA scale where it means nothing.
        MissingExtraError: a package is missing.
    """
    checkpoint = Checkpoint(str(_folder(target)), device=device, scaled=lora_scale is not None)
    return open_checkpoint(checkpoint, name=f"lab-{target}", lora_scale=lora_scale, batch_size=batch_size)


def shipped() -> dict[str, Path]:
    """Return the folders of the models that ship with this package, by name.

    >>> sorted(shipped())
    ['backbone', 'corpus-style', 'self-aligned']
    """
    weights = Path(str(files("speech_ifeval") / "lab" / "weights"))
    holding = ("config.json", ADAPTER_CONFIG)
    return {
        folder.name: folder for folder in weights.iterdir() if any((folder / name).is_file() for name in holding)
    }
