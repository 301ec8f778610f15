"""The models in the box, and how a folder is begun with them."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

from speech_ifeval.lab.saving import saving
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, Making, Mark, made_from, mark_of, read_made
from speech_ifeval.runs import write_document


def shipped_models() -> Path:
    """Return the folder of the models that ship with this package."""
    return Path(str(files("speech_ifeval") / "lab" / "weights"))


def take_shipped(making: Making) -> None:
    """Begin a folder with the shipped text model and the self-aligned one, where they are what would be made.

    Nothing is done where seed or recipes differ, or where the folder holds a stage already.

    Raises:
        OutputError: the folder cannot be written.
    """
    shipped = read_made(shipped_models())
    for stage in (BACKBONE, ALIGNED):
        asked = made_from(making.seed, making.recipes, stage)
        if made_from(shipped.seed, shipped.recipes, stage) != asked or mark_of(making, stage).is_file():
            return
        with saving(making.out / stage):
            shutil.copytree(shipped_models() / stage, making.out / stage, dirs_exist_ok=True)
        write_document(mark_of(making, stage), Mark(asked, done=True))
        making.say(f"{stage}: the shipped one")
