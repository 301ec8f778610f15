"""``lab train``: from a seed to the shipped models, stage by stage, each of which can be killed and gone on with.

```
corpus ─▶ tokenizer ─▶ backbone ─▶ tower ─▶ self-aligned ─▶ corpus-style
                           speech ──┘
```
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.errors import DataError, MismatchError, MissingExtraError
from speech_ifeval.lab.hearing import Heard, hear_training, is_heard
from speech_ifeval.lab.learning import Watch
from speech_ifeval.lab.recipes import AlignRecipe, BackboneRecipe, TowerRecipe, TuneRecipe, digest, shortened
from speech_ifeval.lab.saving import save_model
from speech_ifeval.lab.speech import require_flite
from speech_ifeval.lab.wordings import Wordings
from speech_ifeval.models.transformers_models.quiet import without_bars
from speech_ifeval.runs import write_document

BACKBONE, ALIGNED, TUNED = "backbone", "self-aligned", "corpus-style"
MODELS = (BACKBONE, ALIGNED, TUNED)
WORK = "work"
SPEECH = "speech"
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


class Materials(Struct, frozen=True):
    """What stage two starts from: the text model, the speech-aware one, tokenizer, speech, wordings."""

    backbone: Any
    aligned: Any
    tokenizer: Any
    processor: Any
    heard: Heard
    wordings: Wordings


def require_packages() -> None:
    """Stop where a package for training is missing.

    Raises:
        MissingExtraError: names it.
    """
    from importlib.util import find_spec

    for package in ("torch", "transformers", "peft", "soundfile"):
        if find_spec(package) is None:
            raise MissingExtraError("hf", package, "the lab")


def make_models(making: Making) -> None:
    """Make all three models, or go on with them.

    Raises:
        MissingExtraError: a package is missing.
        ModelError: flite is missing.
        MismatchError: the folder holds a stage that was made from something else.
        OutputError: the folder cannot be written.
    """
    materials = make_aligned(making)
    if _is_done(making, TUNED, _made_from(making, TUNED)):
        return
    tuned = tune(making, materials, making.recipes.tune, making.seed, TUNED)
    # The base is the model beside it, wherever the two are taken together.
    tuned.peft_config["default"].base_model_name_or_path = f"../{ALIGNED}"
    save_model(making.out / TUNED, tuned.to("cpu").half())
    _finish(making, TUNED)
    _write_made(making)


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


def _write_made(making: Making) -> None:
    import torch

    marks = {name: msgspec.json.decode(_mark_of(making, name).read_bytes(), type=Mark) for name in MODELS}
    seconds = {name: mark.seconds for name, mark in marks.items() if mark.seconds is not None}
    versions = {name: version(name) for name in ("torch", "transformers", "peft", "tokenizers")}
    threads = f"{torch.get_num_threads()} threads" if making.device == "cpu" else making.device
    write_document(making.out / MADE, MadeFrom(making.seed, making.recipes, threads, versions, seconds))


def make_aligned(making: Making) -> Materials:
    """Make everything that stage two starts from, or read it back."""
    from speech_ifeval.lab.backbone import make_tokenizer, train_backbone
    from speech_ifeval.lab.speech_model import SpokenBatches, new_speech_model
    from speech_ifeval.lab.targets import OWN, asked, written_by
    from speech_ifeval.lab.tower import spell, train_tower
    from speech_ifeval.lab.tuning import align
    from speech_ifeval.lab.vocabulary import make_processor
    from speech_ifeval.lab.wordings import english

    require_packages()
    recipes, seed, device = making.recipes, making.seed, making.device
    work = making.out / WORK
    if not is_heard(recipes.tower.utterances, work / SPEECH):
        require_flite()  # now, and not after the text model has been trained
    wordings = english()
    tokenizer = make_tokenizer(wordings, seed)
    processor = make_processor(tokenizer)
    if not _is_done(making, BACKBONE, _made_from(making, BACKBONE)):
        model = train_backbone(recipes.backbone, wordings, tokenizer, seed, work / BACKBONE, device, making.watch)
        save_model(making.out / BACKBONE, model.to("cpu").half(), tokenizer)
        _finish(making, BACKBONE)
    backbone = load_text(making.out / BACKBONE, device)
    making.say("speech: sentences are synthesised by flite")
    heard = hear_training(
        seed, recipes.tower.utterances, processor.feature_extractor, work / SPEECH, lambda done: None
    )
    aligned = new_speech_model(backbone, tokenizer, recipes.tower, seed)
    if not _is_done(making, ALIGNED, _made_from(making, ALIGNED)):
        train_tower(aligned.train(), recipes.tower, heard, tokenizer, seed, work / "tower", device, making.watch)
        first = list(range(min(200, len(heard.utterances))))
        making.say(f"tower: it hears {spell(aligned.eval(), heard, first[:1], tokenizer, device)[0]!r}")
        making.say(f"{ALIGNED}: the text model writes what it is to say")
        rows = asked(heard, wordings, _rng(seed, ALIGNED), OWN, recipes.align.rows)
        rows = written_by(backbone, tokenizer, heard, rows, lambda done: None)
        batches = SpokenBatches(heard, tokenizer, device)
        align(aligned.train(), recipes.align, batches, rows, seed, work / ALIGNED, making.watch)
        save_model(making.out / ALIGNED, aligned.to("cpu").half(), processor)
        _finish(making, ALIGNED)
    aligned = load_speech(making.out / ALIGNED, device)
    return Materials(backbone, aligned, tokenizer, processor, heard, wordings)


def tune(making: Making, materials: Materials, recipe: TuneRecipe, seed: int, name: str) -> Any:
    """Tune the self-aligned model by a recipe of stage two; a full one changes it in place."""
    from speech_ifeval.lab.speech_model import SpokenBatches
    from speech_ifeval.lab.targets import OWN, asked, written_by
    from speech_ifeval.lab.tuning import tune_fully, tune_lora

    heard, tokenizer = materials.heard, materials.tokenizer
    rng = _rng(seed, f"tune/{recipe.style}/{recipe.constrained}")
    rows = asked(heard, materials.wordings, rng, recipe.style, recipe.rows, recipe.constrained)
    if recipe.style == OWN:
        making.say(f"{name}: the text model writes what it is to say")
        rows = written_by(materials.backbone, tokenizer, heard, rows, lambda done: None)
    batches = SpokenBatches(heard, tokenizer, making.device)
    tuner = tune_fully if recipe.full else tune_lora
    folder = making.out / WORK / name
    tuned = tuner(materials.aligned.train(), recipe, batches, rows, seed, folder, making.watch, name)
    return materials.aligned.eval() if recipe.full else tuned


def _rng(seed: int, name: str) -> Any:
    from random import Random

    return Random(f"{seed}/{name}")


def load_text(folder: Path, device: str) -> Any:
    import torch
    from transformers import Qwen2ForCausalLM

    with without_bars():
        model = Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device)  # type: ignore[arg-type]
    return model.eval().requires_grad_(False)


def load_speech(folder: Path, device: str) -> Any:
    import torch
    from transformers import Qwen2AudioForConditionalGeneration

    with without_bars():
        model = Qwen2AudioForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model.to(device).eval().requires_grad_(False)  # type: ignore[arg-type]


def _made_from(making: Making, stage: str) -> str:
    recipes = making.recipes
    parts: dict[str, tuple[object, ...]] = {
        BACKBONE: (recipes.backbone,),
        ALIGNED: (recipes.backbone, recipes.tower, recipes.align),
        TUNED: (recipes.backbone, recipes.tower, recipes.align, recipes.tune),
    }
    return digest(making.seed, *parts[stage])


def _mark_of(making: Making, stage: str) -> Path:
    return making.out / WORK / stage / _MARK


def _is_done(making: Making, stage: str, made_from: str) -> bool:
    """Whether a stage is done; one that is not is marked as begun.

    Raises:
        MismatchError: it was made, or begun, from something else.
    """
    path = _mark_of(making, stage)
    if path.is_file():
        mark = msgspec.json.decode(path.read_bytes(), type=Mark)
        if mark.made_from != made_from:
            raise MismatchError(
                f"{making.out}: its {stage} was made from another seed or recipe ({mark.made_from}, asked for is "
                f"{made_from}); give the same as before, or another folder"
            )
        if mark.done:
            making.say(f"{stage}: done already")
        return mark.done
    write_document(path, Mark(made_from, done=False))
    return False


def _finish(making: Making, stage: str) -> None:
    path = _mark_of(making, stage)
    mark = msgspec.json.decode(path.read_bytes(), type=Mark)
    seconds = time.time() - path.stat().st_mtime
    write_document(path, msgspec.structs.replace(mark, done=True, seconds=round(seconds, 1)))
