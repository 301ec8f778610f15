"""One model at several scales of what training changed in it: the runs of a sweep.

A model of the ``hf:`` kind is loaded once. Its LoRA is rescaled in place, or, where all weights were tuned, its
language model's weights are set between those of its base and its own. A worker is started once a scale, a server
is asked under one name a scale. Every scale has a run directory, beside the others', so that the reference system
answers once, and a sweep that was stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speech_ifeval.analysis.lora_sweep import ScaledRun, sweep_of
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.job import RUNS_FOLDER, AnyModel, evaluate, open_any, slug, usual_settings
from speech_ifeval.models import Model, accepts, open_model
from speech_ifeval.models.transformers_models.lora import ALL, Part
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.results import Sweep

SCALE = "{scale}"
LORA_SCALE = "lora_scale"
MOST_SCALES = 101
SCALES = tuple(number / 8 for number in range(9))


def parse_scales(text: str) -> list[float]:
    """Read scales: ``first:last:step``, the last included where steps lead to it, or numbers separated by commas.

    Raises:
        UsageError: what was written is neither, or too many.

    >>> parse_scales("0:1:0.25"), parse_scales("0,0.5,1")
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0])
    """
    try:
        if ":" in text:
            first, last, step = (float(part) for part in text.split(":"))
            within = step > 0 and 0 <= last - first < MOST_SCALES * step  # of no more steps than are allowed
            count = round((last - first) / step) + 1 if within else 0
            scales = [round(first + number * step, 10) for number in range(count)]
            scales = [one for one in scales if one <= last + 1e-9]
        else:
            scales = [float(part) for part in text.split(",")]
    except ValueError:
        scales = []
    if not 0 < len(scales) <= MOST_SCALES or not all(abs(one) < 1e6 for one in scales):
        raise UsageError(
            f"expected scales such as 0:1:0.125 or 0,0.5,1, at most {MOST_SCALES} of them, found {text!r}"
        )
    return list(dict.fromkeys(scales))


@dataclass(frozen=True)
class _Swept:
    """What is evaluated for one point: a model, or its specification with arguments, and what it is then."""

    model: AnyModel
    arguments: Mapping[str, Any] | None
    part: Part
    scale: float
    lora: list[dict[str, Any]]


def sweep(
    model: str,
    scales: Sequence[float] = SCALES,
    benchmark: str | Path | Benchmark = "bundled",
    *,
    model_args: Mapping[str, Any] | None = None,
    base: str | None = None,
    parts: Sequence[Part] = (ALL,),
    reference: AnyModel | None = None,
    reference_args: Mapping[str, Any] | None = None,
    asking: Asking | None = None,
    scoring: Scoring | None = None,
    output_dir: str | Path | None = None,
    tell: Callable[[str], None] = lambda title: None,
    **settings: Any,
) -> Sweep:
    """Evaluate a model at several scales, and put the runs side by side.

    Args:
        model: a specification: ``hf:`` or ``lab:`` with a LoRA, ``hf:`` of a fully tuned model with `base`, a
            worker that declares a scale, or a server's model with ``{scale}`` in its name.
        scales: 1 is as trained, 0 without what training changed.
        benchmark: what is asked: a benchmark, its folder, or its name.
        model_args: of the model's adapter, without the scale.
        base: the model that a fully tuned one was tuned from, as ``hf:`` takes it.
        parts: which layers are scaled, one curve each; what is not in a part is as trained.
        reference, reference_args, asking, scoring: as for `speech_ifeval.evaluate`.
        output_dir: the folder of the run directories; by default ``runs/sweep-<name>``.
        tell: told which point comes next.
        settings: whatever else `speech_ifeval.evaluate` takes: selection, conditions, watching, ….

    Raises:
        UsageError: the model has nothing to scale, or no such part.
        SpeechIFEvalError: what `speech_ifeval.evaluate` raises; what was written is kept, and the same call goes
            on.

    Source: arXiv 2505.19037, the experiment with SALMONN's LoRA scaled at test time.

    >>> sweep("lab:corpus-style", [0.5], model_args={"lora_scale": 1})
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: lora_scale is what a sweep varies; leave it out of the model's arguments
    """
    arguments = dict(model_args or {})
    if LORA_SCALE in arguments:
        raise UsageError(f"{LORA_SCALE} is what a sweep varies; leave it out of the model's arguments")
    if not scales or not parts:
        raise UsageError("a sweep needs at least one scale and one part")
    reference, asking, scoring = usual_settings(model, reference, asking, scoring)
    benchmark = load_benchmark(benchmark)
    folder = Path(output_dir or RUNS_FOLDER / f"sweep-{slug(model)}")
    runs = []
    with ExitStack() as stack:
        for point in _points(model, arguments, base, scales, parts, benchmark, stack):
            title = f"{point.scale:.12g}" + ("" if point.part == ALL else f" of {point.part}")
            tell(f"{model} at scale {title}")
            if isinstance(point.model, Model) and reference is not None and not isinstance(reference, Model):
                # The model stays open from point to point, so its reference may as well: each is loaded once.
                reference = stack.enter_context(open_any(reference, reference_args, benchmark))
                reference_args = None
            name = slug(title.replace(" of ", "@").replace("-", "minus ", 1 if point.scale < 0 else 0))
            run = evaluate(
                point.model,
                model_args=point.arguments,
                benchmark=benchmark,
                output_dir=folder / name,
                reference=reference,
                reference_args=reference_args,
                asking=asking,
                scoring=scoring,
                **settings,
            )
            runs.append(ScaledRun(run.folder, str(point.part), point.scale, point.lora))
    return sweep_of(runs, benchmark, model)


def _points(
    model: str,
    arguments: dict[str, Any],
    base: str | None,
    scales: Sequence[float],
    parts: Sequence[Part],
    benchmark: Benchmark,
    stack: ExitStack,
) -> Iterator[_Swept]:
    by_name = SCALE in model
    if (by_name or not _is_local(model)) and (list(parts) != [ALL] or base is not None):
        raise UsageError(f"{model}: parts and a base are for models of hf: and lab:, whose layers are at hand")
    if by_name:
        for scale in scales:
            yield _Swept(model.replace(SCALE, f"{scale:.12g}"), arguments, ALL, scale, [])
    elif not _is_local(model):
        if not accepts(model, LORA_SCALE):
            raise UsageError(
                f"{model} declares no LoRA scale: expected a model of hf: or lab: with an adapter, a worker that "
                f"takes {LORA_SCALE}, or a server's name for every scale, as in openai:my-model-{SCALE}"
            )
        for scale in scales:
            yield _Swept(model, {**arguments, LORA_SCALE: scale}, ALL, scale, [])
    elif base is None:
        opened = stack.enter_context(_open(model, {**arguments, LORA_SCALE: scales[0]}, benchmark))
        for part in parts:
            for scale in scales:
                at = opened.rescaled(scale, part)
                yield _Swept(at, None, part, scale, at.settings["lora"])
    else:
        yield from _interpolated(model, arguments, base, scales, parts, benchmark, stack)


def _interpolated(
    model: str,
    arguments: dict[str, Any],
    base: str,
    scales: Sequence[float],
    parts: Sequence[Part],
    benchmark: Benchmark,
    stack: ExitStack,
) -> Iterator[_Swept]:
    from speech_ifeval.models.transformers_models import Checkpoint, load
    from speech_ifeval.models.transformers_models.interpolation import Interpolation

    opened = stack.enter_context(_open(model, arguments, benchmark))
    before = load(Checkpoint(base.removeprefix("hf:"), device="cpu"))
    between = Interpolation(opened.weights, dict(before.model.named_parameters()), base)
    for part in parts:
        for scale in scales:
            between.set(scale, part)
            yield _Swept(opened.interpolated(scale, part, before.revision), None, part, scale, [])


def _is_local(model: str) -> bool:
    return model.partition(":")[0] in ("hf", "lab")


def _open(model: str, arguments: dict[str, Any], benchmark: Benchmark) -> Any:
    opened: Model = open_model(model, arguments, benchmark=benchmark)
    return opened
