"""The lab's stages: what is made from which recipe, and how far each stage of a folder is.

A stage's mark lies in ``work/STAGE/stage.json``: begun or done, and a digest of seed and recipes, so that a
folder is never gone on with by another recipe.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

from speech_ifeval.errors import DataError, MismatchError
from speech_ifeval.lab.learning import Watch
from speech_ifeval.lab.recipes import AlignRecipe, BackboneRecipe, TowerRecipe, TuneRecipe, digest, shortened
from speech_ifeval.runs import write_document

BACKBONE, ALIGNED, TUNED = "backbone", "self-aligned", "corpus-style"
MODELS = (BACKBONE, ALIGNED, TUNED)
CARD = "README.md"
WORK = "work"
MADE = "made.json"
_MARK = "stage.json"


class Recipes(Struct, frozen=True):
    """All recipes of one making."""

    backbone: BackboneRecipe = BackboneRecipe()
    tower: TowerRecipe = TowerRecipe()
    align: AlignRecipe = AlignRecipe()
    tune: TuneRecipe = TuneRecipe()

    def with_steps(self, share: float) -> Recipes:
        """Return the recipes with that share of their steps, speech and questions; sizes are the same."""
        if share == 1:
            return self
        return Recipes(
            shortened(self.backbone, share),
            shortened(self.tower, share),
            shortened(self.align, share),
            shortened(self.tune, share),
        )


class Making(Struct, frozen=True):
    """What is made, where, and who is told.

    Attributes:
        out: the folder of the models; checkpoints and speech lie in ``work`` below it.
        seed: of everything that is drawn.
        recipes: sizes and steps.
        device: such as ``cpu`` or ``cuda``.
        say: called with a sentence that a user should read.
        watch: told how far a stage is.
    """

    out: Path
    seed: int
    recipes: Recipes
    device: str
    say: Callable[[str], None]
    watch: Watch


class MadeFrom(Struct, frozen=True):
    """What lies beside the models: how they were made.

    Attributes:
        seed, recipes: as they were asked for.
        machine: threads of PyTorch and the device.
        versions: of the packages that decide.
        seconds: how long each model took, without interruptions; empty for one that was made in several calls.
    """

    seed: int
    recipes: Recipes
    machine: str
    versions: dict[str, str]
    seconds: dict[str, float]


class Mark(Struct, frozen=True):
    """What a stage was made from, and whether it is done."""

    made_from: str
    done: bool
    seconds: float | None = None


def read_made(models: Path) -> MadeFrom:
    """Read how models were made.

    Raises:
        DataError: the folder does not say, or says what cannot be read.
    """
    path = models / MADE
    try:
        return msgspec.json.decode(path.read_bytes(), type=MadeFrom)
    except OSError:
        raise DataError(
            f"{path}: expected what `lab train` writes beside its models, found no such file"
        ) from None
    except msgspec.DecodeError as error:
        raise DataError(f"{path}: expected what `lab train` writes, found what is none ({error})") from None


def write_made(making: Making) -> None:
    """Write beside the models how they were made."""
    import torch

    marks = {name: msgspec.json.decode(mark_of(making, name).read_bytes(), type=Mark) for name in MODELS}
    seconds = {name: mark.seconds for name, mark in marks.items() if mark.seconds is not None}
    versions = {name: version(name) for name in ("torch", "transformers", "peft", "tokenizers")}
    threads = f"{torch.get_num_threads()} threads" if making.device == "cpu" else making.device
    write_document(making.out / MADE, MadeFrom(making.seed, making.recipes, threads, versions, seconds))


def made_from(seed: int, recipes: Recipes, stage: str) -> str:
    """Return the digest of what a stage is made from."""
    parts: dict[str, tuple[object, ...]] = {
        BACKBONE: (recipes.backbone,),
        ALIGNED: (recipes.backbone, recipes.tower, recipes.align),
        TUNED: (recipes.backbone, recipes.tower, recipes.align, recipes.tune),
    }
    return digest(seed, *parts[stage])


def mark_of(making: Making, stage: str) -> Path:
    """Return the file that says how far a stage is."""
    return making.out / WORK / stage / _MARK


def is_done(making: Making, stage: str) -> bool:
    """Whether a stage is done; one that is not is marked as begun.

    Raises:
        MismatchError: it was made, or begun, from something else.
    """
    path, asked = mark_of(making, stage), made_from(making.seed, making.recipes, stage)
    if path.is_file():
        mark = msgspec.json.decode(path.read_bytes(), type=Mark)
        if mark.made_from != asked:
            raise MismatchError(
                f"{making.out}: its {stage} was made from another seed or recipe ({mark.made_from}, asked for is "
                f"{asked}); give the same as before, or another folder"
            )
        if mark.done:
            making.say(f"{stage}: done already")
        return mark.done
    write_document(path, Mark(asked, done=False))
    return False


def finish(making: Making, stage: str) -> None:
    """Mark a stage as done, with the time since it was begun."""
    path = mark_of(making, stage)
    mark = msgspec.json.decode(path.read_bytes(), type=Mark)
    seconds = time.time() - path.stat().st_mtime
    write_document(path, msgspec.structs.replace(mark, done=True, seconds=round(seconds, 1)))
