"""Speech training proper: stage one teaches a tower to be read, stage two tunes the text model with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_ifeval.lab.learning import Watch, learn
from speech_ifeval.lab.listening import Listened
from speech_ifeval.lab.recipes import AlignRecipe, Course, TuneRecipe
from speech_ifeval.lab.speech_model import SpokenBatches, SpokenRow
from speech_ifeval.lab.tower import Shuffled, audio_tower, projector
from speech_ifeval.models.transformers_models.quiet import attaching

if TYPE_CHECKING:
    from torch import Tensor

ALIGN_STAGE = "self-aligned"
LANGUAGE_LAYERS = r".*language_model.*\.(q_proj|v_proj)"


def _learn_rows(
    model: Any,
    parameters: Mapping[str, Tensor],
    course: Course,
    batches: SpokenBatches,
    rows: Sequence[SpokenRow],
    seed: int,
    folder: Path,
    watch: Watch,
    stage: str,
    listened: Listened | None = None,
) -> None:
    """Train some of a model's parameters on rows; the rest, and afterwards all of them, stay as they are."""
    chosen = Shuffled(f"{seed}/{stage}", len(rows), course.batch)

    def loss_of(step: int) -> Tensor:
        batch = [rows[index] for index in chosen(step)]
        if listened is None:
            inputs = batches.inputs(batch)
        else:
            inputs = batches.inputs_listened(batch, listened, model.get_input_embeddings())
        loss: Tensor = model(**inputs).loss
        return loss

    for value in parameters.values():
        value.requires_grad_(True)
    learn(stage, course, parameters, loss_of, folder, watch)
    model.requires_grad_(False)


def align(
    model: Any,
    recipe: AlignRecipe,
    batches: SpokenBatches,
    rows: Sequence[SpokenRow],
    seed: int,
    folder: Path,
    watch: Watch,
) -> None:
    """Stage one: tower and projector learn, in place, to make the text model say what it writes when it reads.

    The text model's weights stay as they are.
    """
    parameters: dict[str, Tensor] = {
        **{
            f"tower.{n}": value for n, value in audio_tower(model).named_parameters() if "embed_positions" not in n
        },
        **{f"projector.{n}": value for n, value in projector(model).named_parameters()},
    }
    _learn_rows(model, parameters, recipe.course, batches, rows, seed, folder, watch, ALIGN_STAGE)


def with_lora(model: Any, recipe: TuneRecipe, seed: int) -> Any:
    """Put an untrained LoRA on queries and values of the text model, and return it with its model."""
    import torch
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, target_modules=LANGUAGE_LAYERS, lora_dropout=0.0)
    with torch.random.fork_rng(devices=[]), attaching():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def tune_lora(
    model: Any,
    recipe: TuneRecipe,
    batches: SpokenBatches,
    rows: Sequence[SpokenRow],
    seed: int,
    folder: Path,
    watch: Watch,
    stage: str,
    listened: Listened | None = None,
) -> Any:
    """Stage two: a LoRA on queries and values of the text model learns the rows; returned with its model."""
    tuned = with_lora(model, recipe, seed)
    parameters = {name: value for name, value in tuned.named_parameters() if value.requires_grad}
    _learn_rows(tuned, parameters, recipe.course, batches, rows, seed, folder, watch, stage, listened)
    return tuned.eval()


def tune_fully(
    model: Any,
    recipe: TuneRecipe,
    batches: SpokenBatches,
    rows: Sequence[SpokenRow],
    seed: int,
    folder: Path,
    watch: Watch,
    stage: str,
    listened: Listened | None = None,
) -> None:
    """Stage two without an adapter: every weight of the text model learns the rows, in place."""
    parameters = {
        name: value for name, value in model.named_parameters() if "language_model" in name or "lm_head" in name
    }
    _learn_rows(model, parameters, recipe.course, batches, rows, seed, folder, watch, stage, listened)
