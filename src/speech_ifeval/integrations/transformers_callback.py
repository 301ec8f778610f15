"""Instruction following during a training by transformers' `Trainer`: a callback.

>>> from speech_ifeval.integrations.transformers_callback import SpeechIFEvalCallback
>>> callback = SpeechIFEvalCallback(reference="lab:backbone", every=500, sample=60)
>>> callback.plan.sample
60
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import (  # noqa: TID253 - who imports this module trains with it
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from speech_ifeval.analysis.training_curve import MARGIN, THRESHOLD
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import SpeechIFEvalError, UsageError
from speech_ifeval.experiments.monitoring import LONGEST_REPLY, MAX_SECONDS, SAMPLE, Monitor, Plan
from speech_ifeval.job import AnyModel
from speech_ifeval.models import Generation, Model
from speech_ifeval.models.transformers_models.live import live_model
from speech_ifeval.models.transformers_models.loading import takes_audio
from speech_ifeval.models.transformers_models.memory import free_memory
from speech_ifeval.models.transformers_models.untouched import random_state_kept
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.results import Estimate, TrainingCurve, TrainingPoint

PREFIX = "eval_speech_ifeval_"  # what begins with eval_ stands under eval/ in TensorBoard and Weights & Biases
BEST = f"{PREFIX}best"
FOLDER = "speech-ifeval"
BATCH_SIZE = 8
_LOGGER = logging.getLogger(__name__)


class SpeechIFEvalCallback(TrainerCallback):
    """Evaluates the model that is being trained, and leaves everything as it was.

    Every point is a fixed, nested sample of the benchmark, asked in bounded time and scored. IFrate, Δ and points
    against the reference, the task level, with 95 % intervals, go to the log history and whatever the Trainer
    reports to, and into ``points.jsonl`` of the callback's folder, with a run directory for each point.

    Give the callback to the Trainer with `add_to`: the Trainer's own log is where the figures go. Among
    ``callbacks=[…]`` it works too, but TensorBoard and Weights & Biases are told nothing.

    Args:
        reference: the reference system: a run directory, or a model such as ``hf:PATH``, which is asked once,
            before the first step, and kept. Without one there is neither Δ nor a warning.
        reference_args: its adapter's arguments.
        processor: the model's processor; by default the Trainer's ``processing_class``.
        benchmark: a benchmark, its folder, or its name.
        sample: so many items with a constraint, spread over categories and codes; their twins come along.
        every: so many steps between two points; None leaves it to the Trainer's evaluations.
        at_start, at_evaluations, at_end: whether there is a point before the first step, with each evaluation of
            the Trainer, after the last step.
        max_seconds: after which no further batch of an evaluation is begun. The largest part of the nested sample
            that is answered whole then counts, with the reference on the same items.
        max_new_tokens: the longest reply.
        batch_size: requests at once.
        judge: who judges chain of thought and answers; the heuristic one asks nobody.
        audio_dir: the folder of the clips; None looks in and beside the benchmark's.
        chat_template: as for ``hf:``, for models that have none.
        folder: where points and runs go; by default ``speech-ifeval`` in the Trainer's output folder.
        threshold: Δ in percent; there is a warning where its whole interval is below.
        stop_on_warning: whether a warning ends the training.
        margin: by how many points the task level of the best checkpoint may be below the best task level so far.
        say: told what a user should read; by default a warning of the logger of this module.

    Raises:
        UsageError: a number out of its range.
    """

    def __init__(
        self,
        *,
        reference: AnyModel | Path | None = None,
        reference_args: Mapping[str, Any] | None = None,
        processor: Any = None,
        benchmark: str | Path | Benchmark = "bundled",
        sample: int = SAMPLE,
        every: int | None = None,
        at_start: bool = True,
        at_evaluations: bool = True,
        at_end: bool = True,
        max_seconds: float = MAX_SECONDS,
        max_new_tokens: int = LONGEST_REPLY,
        batch_size: int = BATCH_SIZE,
        judge: str = "heuristic",
        audio_dir: Path | None = None,
        chat_template: str | None = None,
        folder: str | Path | None = None,
        threshold: float = THRESHOLD,
        stop_on_warning: bool = False,
        margin: float = MARGIN,
        say: Callable[[str], None] = _LOGGER.warning,
    ) -> None:
        for name, value in (("every", every), ("batch_size", batch_size)):
            if value is not None and value < 1:
                raise UsageError(f"{name} takes a whole number from 1, found {value}")
        self.plan = Plan(
            benchmark=benchmark,
            sample=sample,
            max_seconds=max_seconds,
            asking=Asking(generation=Generation(max_new_tokens=max_new_tokens)),
            scoring=Scoring(judge=judge),
            conditions=Conditions(audio_dir=audio_dir),
            reference=reference,
            reference_args=reference_args,
            threshold=threshold,
            margin=margin,
        )
        self._processor, self._chat_template, self._batch_size = processor, chat_template, batch_size
        self._every, self._at_start = every, at_start
        self._at_evaluations, self._at_end = at_evaluations, at_end
        self._folder = None if folder is None else Path(folder)
        self._stop_on_warning = stop_on_warning
        self._say = say
        self._log: Callable[[dict[str, float]], None] | None = None
        self._monitor: Monitor | None = None
        self._last: tuple[int, dict[str, float]] | None = None
        self._training = False  # on every rank, while only rank 0 has a monitor

    def add_to(self, trainer: Any) -> SpeechIFEvalCallback:
        """Add this callback to a Trainer, whose log it then writes to, and return it."""
        self._log = trainer.log
        trainer.add_callback(self)
        return self

    @property
    def points(self) -> list[TrainingPoint]:
        """The points so far, by step; those of rank 0 only."""
        return [] if self._monitor is None else list(self._monitor.points)

    def curve(self, model: str = "training") -> TrainingCurve:
        """Return the points so far as a curve.

        Raises:
            UsageError: no training was begun.
        """
        if self._monitor is None:
            raise UsageError("there is no curve before a training has begun; call trainer.train() first")
        return self._monitor.curve(model)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make sure of everything before the first step."""
        model = kwargs["model"]
        refuse_sharded(model, args)
        if self._every is None and not (self._at_evaluations and _evaluates(args)):
            raise UsageError(
                "SpeechIFEvalCallback would never evaluate: give it every=STEPS, or the Trainer an eval_strategy"
            )
        self._processor = checked_processor(self._processor, kwargs.get("processing_class"), model)
        if self._log is None and state.is_world_process_zero:
            self._say(
                "SpeechIFEvalCallback was given to the Trainer without add_to(trainer): its figures go to the log "
                "history and its own folder, and not to TensorBoard or Weights & Biases"
            )
        self._last = None
        folder = self._folder or Path(args.output_dir or ".") / FOLDER

        def begin() -> None:
            self._monitor = Monitor(self.plan, folder, self._say)
            with random_state_kept():
                self._monitor.begin(state.global_step)
            free_memory()

        _on_rank_0(state, begin)
        self._training = True
        if self._at_start and state.global_step == 0:
            self._figures(args, state, control, model, first=True)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Evaluate where it is time."""
        due = self._every is not None and state.global_step % self._every == 0
        # Not in on_train_end: the best checkpoint's weights may have taken the place of the last ones by then.
        last = self._at_end and (control.should_training_stop or state.global_step >= state.max_steps)
        if due or last:
            self._figures(args, state, control, kwargs["model"])

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Evaluate with the Trainer, and put the figures among its metrics, for `metric_for_best_model`."""
        if self._at_evaluations and self._training:
            found = self._figures(args, state, control, kwargs["model"])
            if metrics is not None:
                metrics.update(found)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Evaluate what another callback has ended, unless the weights are those of the best checkpoint by now."""
        if self._training and self._at_end and not args.load_best_model_at_end:
            self._figures(args, state, control, kwargs["model"])
        self._training = False

    def _figures(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any,
        first: bool = False,
    ) -> dict[str, float]:
        """Return the figures of this step, made once and logged once."""
        if self._last is not None and self._last[0] == state.global_step:
            return self._last[1]
        found, warned = _on_rank_0(state, lambda: self._measured(args, state, model, first))
        self._last = (state.global_step, found)
        if found:
            self._tell(state, control, found)
        if warned and self._stop_on_warning and not first:
            control.should_training_stop = True
        return dict(found)

    def _measured(
        self, args: TrainingArguments, state: TrainerState, model: Any, first: bool
    ) -> tuple[dict[str, float], bool]:
        monitor = self._monitor
        assert monitor is not None  # `on_train_begin` made it on this rank
        try:
            with random_state_kept():
                point = monitor.point(self._opened(model, state.global_step), state.global_step, state.epoch)
        except SpeechIFEvalError as error:
            if first:
                raise
            # A training of days does not end because it could not be looked at.
            self._say(f"step {state.global_step} was not evaluated, the training goes on: {error}")
            return {}, False
        finally:
            free_memory()
        return {**figures_of_point(point), BEST: float(monitor.choice())}, monitor.is_warned()

    def _opened(self, model: Any, step: int) -> Model:
        name = str(getattr(model.config, "name_or_path", "") or type(model).__name__)
        name = name.rstrip("/").rpartition("/")[2]
        return live_model(
            model,
            self._processor,
            name=f"{name}-step-{step}",
            chat_template=self._chat_template,
            batch_size=self._batch_size,
        )

    def _tell(self, state: TrainerState, control: TrainerControl, found: dict[str, float]) -> None:
        if self._log is None:
            state.log_history.append({**found, "epoch": state.epoch, "step": state.global_step})
            return
        wanted = control.should_log  # `Trainer.log` takes it that the step's own log has been written
        self._log(dict(found))
        control.should_log = wanted


def figures_of_point(point: TrainingPoint) -> dict[str, float]:
    """Return a point's figures under the names they are logged by; what does not exist is left out.

    >>> from speech_ifeval.results import Estimate
    >>> point = TrainingPoint(
    ...     5, None, None, "r", 60, 60, 2.0, Estimate(80.0, 70.0, 90.0, 60, 0), None, None,
    ...     Estimate(None, None, None, 0, 0), "",
    ... )
    >>> list(figures_of_point(point))[:2]
    ['eval_speech_ifeval_ifrate', 'eval_speech_ifeval_ifrate_low']
    """
    named: tuple[tuple[str, Estimate | None], ...] = (
        ("ifrate", point.ifrate),
        ("delta", point.forgetting),
        ("points", point.points),
        ("task", point.task),
    )
    found: dict[str, float] = {}
    for name, estimate in named:
        if estimate is not None:
            ends = (("", estimate.value), ("_low", estimate.low), ("_high", estimate.high))
            found |= {f"{PREFIX}{name}{end}": value for end, value in ends if value is not None}
    return {**found, f"{PREFIX}items": float(point.items), f"{PREFIX}seconds": point.seconds}


def checked_processor(given: Any, of_trainer: Any, model: Any) -> Any:
    """Return the processor that turns requests into the model's inputs.

    Args:
        given: the callback's, or None.
        of_trainer: the Trainer's ``processing_class``, or None.
        model: what it is for.

    Raises:
        UsageError: there is none, or one that takes no audio for a model that does.
    """
    found = of_trainer if given is None else given
    where = "its processing_class" if given is None else "processor="
    if not hasattr(found, "apply_chat_template"):
        what = "none" if found is None else type(found).__name__
        raise UsageError(
            "SpeechIFEvalCallback needs the model's processor: expected it as processor= of the callback or as "
            f"processing_class= of the Trainer, found {what}; give processor=AutoProcessor.from_pretrained(…)"
        )
    hears = any(getattr(found, name, None) is not None for name in ("feature_extractor", "audio_processor"))
    if takes_audio(model.config) and not hears:
        raise UsageError(
            f"{type(model).__name__} takes audio, and {where} ({type(found).__name__}) does not: expected the "
            "model's processor; give processor=AutoProcessor.from_pretrained(…)"
        )
    return found


def refuse_sharded(model: Any, args: Any) -> None:
    """Refuse a model no rank of which has all weights: one rank alone cannot generate with it.

    Raises:
        UsageError: weights are spread by FSDP, DeepSpeed ZeRO-3 or tensor parallelism.
    """
    how = _sharded_by(model, args)
    if how is not None:
        raise UsageError(
            f"SpeechIFEvalCallback cannot evaluate under {how}: no process has all weights. Leave it out, and let "
            "`speech-ifeval watch` evaluate the checkpoints as they appear"
        )


def _sharded_by(model: Any, args: Any) -> str | None:
    from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

    if getattr(args, "fsdp", None) or os.environ.get("ACCELERATE_USE_FSDP", "").lower() in ("1", "true"):
        return "FSDP"
    stage_3: bool = is_deepspeed_zero3_enabled()  # type: ignore[no-untyped-call]
    if stage_3 or any(hasattr(one, "ds_id") for one in model.parameters()):
        return "DeepSpeed ZeRO-3"
    if any(hasattr(one, "device_mesh") and hasattr(one, "placements") for one in model.parameters()):
        return "FSDP or tensor parallelism"
    return None


def _evaluates(args: TrainingArguments) -> bool:
    return str(getattr(args.eval_strategy, "value", args.eval_strategy)) != "no"


def _on_rank_0(state: TrainerState, work: Callable[[], Any]) -> Any:
    """Do something on rank 0, and return what it returned, or raise what it raised, on every rank."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return work()
    told: list[Any] = [None, None]
    if state.is_world_process_zero:
        try:
            told = [work(), None]
        except BaseException as error:
            told = [None, f"{type(error).__name__} on rank 0: {error}"]
            dist.broadcast_object_list(told, src=0)  # nobody waits for a figure that never comes
            raise
    dist.broadcast_object_list(told, src=0)
    if told[1] is not None:
        raise UsageError(told[1])
    return told[0]
