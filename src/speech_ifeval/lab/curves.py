"""``lab curves``: how instruction following goes while the self-aligned model is tuned in either style.

Each style is a training by transformers' own Trainer, watched by the callback that anybody would add to theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import DataError
from speech_ifeval.experiments.monitoring import read_curve, read_points
from speech_ifeval.lab.evaluation import LONGEST_REPLY
from speech_ifeval.lab.hearing import hear_training, is_heard
from speech_ifeval.lab.listening import listen
from speech_ifeval.lab.making import SPEECH, Materials, load_speech, load_text, require_packages, tuning_rows
from speech_ifeval.lab.recipes import Course, TuneRecipe, shortened
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.lab.speech import require_flite
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, WORK
from speech_ifeval.lab.targets import CORPUS, OWN, Style
from speech_ifeval.models.transformers_models.completeness import is_checkpoint, step_of, what_is_missing
from speech_ifeval.models.transformers_models.quiet import without_bars
from speech_ifeval.results import TrainingCurve
from speech_ifeval.runs import claim_stage

STYLES: tuple[Style, ...] = (CORPUS, OWN)
_FOLDER = "points"
_MANIFEST = "curves.json"
_LOWEST_RATE = 0.05  # of the highest, at the end


class CurvesRecipe(Struct, frozen=True):
    """What is tuned, how long, and how often it is looked at.

    Attributes:
        tune: of either style: rate, batch and LoRA are those of the lab's stage two; 1,600 questions, three times.
        utterances: clips that they are about.
        every: steps between two points.
        sample: items with a constraint at each.
        keep: steps between two checkpoints.
    """

    tune: TuneRecipe = TuneRecipe(rows=1600, course=Course(steps=200, batch=24, rate=2e-3, warmup=20, decay=0.0))
    utterances: int = 1000
    every: int = 20
    sample: int = 60
    keep: int = 50

    def with_steps(self, share: float) -> CurvesRecipe:
        """Return the recipe with that share of its steps, speech and questions."""
        if share == 1:
            return self

        def of(number: int, least: int) -> int:
            return max(least, round(number * share))

        tune = shortened(self.tune, share)
        return msgspec.structs.replace(
            self,
            tune=tune,
            utterances=of(self.utterances, tune.course.batch),
            every=of(self.every, 1),
            keep=of(self.keep, 1),
        )


def run_curves(
    out: Path,
    benchmark: Benchmark,
    callback: Callable[..., Any],
    *,
    recipe: CurvesRecipe | None = None,
    seed: int = 0,
    device: str = "cpu",
    say: Callable[[str], None] = lambda message: None,
) -> list[TrainingCurve]:
    """Tune a LoRA on the shipped self-aligned model in each style, and return how following went.

    A training that was stopped goes on at its last checkpoint; one that is done is not made again.

    Args:
        out: the folder of trainings, points and speech.
        benchmark: what is asked.
        callback: makes what is added to each Trainer: `SpeechIFEvalCallback`.
        recipe: what is tuned, and when it is looked at.
        seed: of questions, their order and the LoRA.
        device: such as ``cpu``.
        say: told what a user should read.

    Raises:
        MissingExtraError: a package is missing.
        ModelError: flite is missing.
        MismatchError: the folder was made by another recipe or seed, or for another benchmark.
        OutputError: the folder cannot be written.
    """
    require_packages()
    recipe = recipe or CurvesRecipe()
    made = {"recipe": msgspec.to_builtins(recipe), "seed": seed, "benchmark": benchmark.fingerprint}
    claim_stage(out / _MANIFEST, made, tuple(made))
    materials: Materials | None = None
    for style in STYLES:
        if _is_done(out / style, recipe):
            say(f"{style}: done already")
            continue
        materials = materials or _materials(out, recipe, seed, device, say)
        _train(out / style, materials, style, benchmark, callback, recipe, seed, device, say)
    return [read_curve(out / style / _FOLDER, benchmark, f"{style}-style") for style in STYLES]


def _is_done(folder: Path, recipe: CurvesRecipe) -> bool:
    points = read_points(folder / _FOLDER)
    return bool(points) and points[-1].step >= recipe.tune.course.steps


def _materials(out: Path, recipe: CurvesRecipe, seed: int, device: str, say: Callable[[str], None]) -> Materials:
    from transformers import AutoProcessor

    from speech_ifeval.lab.wordings import english

    speech = out / WORK / SPEECH
    if not is_heard(recipe.utterances, speech):
        require_flite()
        say(f"{recipe.utterances} sentences are synthesised by flite")
    shipped = shipped_models()
    processor = AutoProcessor.from_pretrained(shipped / ALIGNED)  # type: ignore[no-untyped-call]
    heard = hear_training(seed, recipe.utterances, processor.feature_extractor, speech, lambda done: None)
    aligned = load_speech(shipped / ALIGNED, device)
    # The tower is frozen: it hears every clip once.
    listened = listen(aligned, heard)
    backbone = load_text(shipped / BACKBONE, device)
    return Materials(backbone, aligned, processor.tokenizer, processor, heard, english(), listened)


def _train(
    folder: Path,
    materials: Materials,
    style: Style,
    benchmark: Benchmark,
    callback: Callable[..., Any],
    recipe: CurvesRecipe,
    seed: int,
    device: str,
    say: Callable[[str], None],
) -> None:
    """Tune in one style, from the last checkpoint where there is one."""
    from transformers import Trainer
    from transformers.trainer_callback import PrinterCallback

    from speech_ifeval.lab.speech_model import SpokenBatches
    from speech_ifeval.lab.tuning import with_lora

    tune = msgspec.structs.replace(recipe.tune, style=style)
    rows = tuning_rows(materials, tune, seed, style, say)
    model = with_lora(load_speech(shipped_models() / ALIGNED, device), tune, seed)
    batches = SpokenBatches(materials.heard, materials.tokenizer, device)
    listened, embeddings = materials.listened, model.get_input_embeddings()
    assert listened is not None  # `_materials`
    trainer = Trainer(
        model=model,
        args=_arguments(folder, tune.course, recipe, seed, device),
        train_dataset=rows,  # anything with a length and places
        data_collator=lambda some: batches.inputs_listened(some, listened, embeddings),
    )
    trainer.remove_callback(PrinterCallback)
    callback(
        reference=f"hf:{shipped_models() / BACKBONE}",
        processor=materials.processor,
        benchmark=benchmark,
        sample=recipe.sample,
        every=recipe.every,
        max_new_tokens=LONGEST_REPLY,
        folder=folder / _FOLDER,
        say=say,
    ).add_to(trainer)
    last = _last_checkpoint(folder)
    say(f"{style}: {tune.course.steps} steps" + ("" if last is None else f", from {last.name} on"))
    with without_bars():
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    if not _is_done(folder, recipe):
        raise DataError(
            f"{folder / _FOLDER}: expected a point at the last step, found none; see what was said above"
        )


def _arguments(folder: Path, course: Course, recipe: CurvesRecipe, seed: int, device: str) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=str(folder),
        max_steps=course.steps,
        per_device_train_batch_size=course.batch,
        learning_rate=course.rate,
        warmup_steps=course.warmup,
        weight_decay=course.decay,
        adam_beta2=0.95,
        lr_scheduler_type="cosine_with_min_lr",
        lr_scheduler_kwargs={"min_lr_rate": _LOWEST_RATE},
        logging_steps=recipe.every,
        save_steps=recipe.keep,
        save_total_limit=2,
        report_to=[],
        seed=seed,
        use_cpu=device == "cpu",
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )


def _last_checkpoint(folder: Path) -> Path | None:
    """The last checkpoint that was written to its end."""
    if not folder.is_dir():
        return None
    found = [one for one in folder.iterdir() if is_checkpoint(one) and what_is_missing(one) is None]
    return max(found, key=lambda one: step_of(one) or 0, default=None)
