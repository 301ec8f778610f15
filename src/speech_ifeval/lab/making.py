"""``lab train``: from a seed to the shipped models, stage by stage, each of which can be killed and gone on with.

```
corpus ─▶ tokenizer ─▶ backbone ─▶ tower ─▶ self-aligned ─▶ corpus-style
                           speech ──┘
```
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.errors import MissingExtraError
from speech_ifeval.lab.hearing import Heard, hear_training, is_heard
from speech_ifeval.lab.listening import Listened
from speech_ifeval.lab.recipes import TuneRecipe
from speech_ifeval.lab.saving import save_model
from speech_ifeval.lab.speech import require_flite
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, CARD, TUNED, WORK, Making, finish, is_done, write_made
from speech_ifeval.lab.wordings import Wordings
from speech_ifeval.models.transformers_models.quiet import without_bars

if TYPE_CHECKING:
    from speech_ifeval.lab.speech_model import SpokenRow

SPEECH = "speech"


class Materials(Struct, frozen=True):
    """What stage two starts from: the text model, the speech-aware one, tokenizer, speech, wordings.

    `listened` is what the tower makes of the speech; without it, it hears each clip whenever it is asked about.
    """

    backbone: Any
    aligned: Any
    tokenizer: Any
    processor: Any
    heard: Heard
    wordings: Wordings
    listened: Listened | None = None


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
    if is_done(making, TUNED):
        return
    tuned = tune(making, materials, making.recipes.tune, making.seed, TUNED)
    # The base is the model beside it, wherever the two are taken together.
    tuned.peft_config["default"].base_model_name_or_path = f"../{ALIGNED}"
    save_model(making.out / TUNED, tuned.to("cpu").half())
    (making.out / TUNED / CARD).unlink(missing_ok=True)  # PEFT's names folders of this machine
    finish(making, TUNED)
    write_made(making)


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
    if not is_done(making, BACKBONE):
        model = train_backbone(recipes.backbone, wordings, tokenizer, seed, work / BACKBONE, device, making.watch)
        save_model(making.out / BACKBONE, model.to("cpu").half(), tokenizer)
        finish(making, BACKBONE)
    backbone = load_text(making.out / BACKBONE, device)
    making.say("speech: sentences are synthesised by flite")
    heard = hear_training(
        seed, recipes.tower.utterances, processor.feature_extractor, work / SPEECH, lambda done: None
    )
    aligned = new_speech_model(backbone, tokenizer, recipes.tower, seed)
    if not is_done(making, ALIGNED):
        train_tower(aligned.train(), recipes.tower, heard, tokenizer, seed, work / "tower", device, making.watch)
        first = list(range(min(200, len(heard.utterances))))
        making.say(f"tower: it hears {spell(aligned.eval(), heard, first[:1], tokenizer, device)[0]!r}")
        making.say(f"{ALIGNED}: the text model writes what it is to say")
        rows = asked(heard, wordings, _rng(seed, ALIGNED), OWN, recipes.align.rows)
        rows = written_by(backbone, tokenizer, heard, rows, lambda done: None)
        batches = SpokenBatches(heard, tokenizer, device)
        align(aligned.train(), recipes.align, batches, rows, seed, work / ALIGNED, making.watch)
        save_model(making.out / ALIGNED, aligned.to("cpu").half(), processor)
        finish(making, ALIGNED)
    aligned = load_speech(making.out / ALIGNED, device)
    return Materials(backbone, aligned, tokenizer, processor, heard, wordings)


def tune(making: Making, materials: Materials, recipe: TuneRecipe, seed: int, name: str) -> Any:
    """Tune the self-aligned model by a recipe of stage two; a full one changes it in place."""
    from speech_ifeval.lab.speech_model import SpokenBatches
    from speech_ifeval.lab.tuning import tune_fully, tune_lora

    rows = tuning_rows(materials, recipe, seed, name, making.say)
    batches = SpokenBatches(materials.heard, materials.tokenizer, making.device)
    tuner = tune_fully if recipe.full else tune_lora
    folder = making.out / WORK / name
    tuned = tuner(
        materials.aligned.train(), recipe, batches, rows, seed, folder, making.watch, name, materials.listened
    )
    return materials.aligned.eval() if recipe.full else tuned


def tuning_rows(
    materials: Materials, recipe: TuneRecipe, seed: int, name: str, say: Callable[[str], None]
) -> list[SpokenRow]:
    """Return what a recipe of stage two is tuned on; replies in the text model's own style are written by it."""
    from speech_ifeval.lab.targets import OWN, asked, written_by

    rng = _rng(seed, f"tune/{recipe.style}/{recipe.constrained}")
    rows = asked(materials.heard, materials.wordings, rng, recipe.style, recipe.rows, recipe.constrained)
    if recipe.style != OWN:
        return rows
    say(f"{name}: the text model writes what it is to say")
    return written_by(materials.backbone, materials.tokenizer, materials.heard, rows, lambda done: None)


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
