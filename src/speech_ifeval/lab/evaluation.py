"""The lab's models on a benchmark: one row of figures a model and a LoRA scale, made from runs like any others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.job import Run, Watching, evaluate
from speech_ifeval.lab.stages import ALIGNED, BACKBONE, TUNED
from speech_ifeval.lab.wordings import is_held_out
from speech_ifeval.metrics.following import ClipIndex, by_item, rates
from speech_ifeval.models import Generation
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.results import AnswerRate, Estimate, Rate

JUDGE = "heuristic"
LONGEST_REPLY = 200  # tokens; the longest lesson has some 130
SCALES = (0.0, 0.125, 0.25, 0.5, 0.75, 1.0)
SEEN, UNSEEN = "seen", "unseen"


class Figures(Struct, frozen=True):
    """What one model does on a benchmark.

    Attributes:
        model: its name; `scale` is the LoRA scale, None for a model without an adapter.
        run: the run directory.
        ifrate, forgetting, points: as in a run's summary; the last two are None for the reference itself.
        codes: following rates by code.
        wordings: following rates over all items by whether their wording was trained on: ``seen``, ``unseen``.
        tasks: the answers themselves, without a constraint, by task: WER or accuracy.
        signature: what the figures were made with.
    """

    model: str
    scale: float | None
    run: str
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    codes: dict[str, Rate]
    wordings: dict[str, Rate]
    tasks: dict[str, AnswerRate]
    signature: str


def run_model(
    model: str,
    arguments: dict[str, Any],
    reference: str,
    benchmark: Benchmark,
    folder: Path,
    watching: Watching | None = None,
) -> Run:
    """Evaluate a model as the lab does: the heuristic judge, replies of at most 200 tokens."""
    return evaluate(
        model,
        model_args=arguments,
        reference=reference,
        benchmark=benchmark,
        output_dir=folder,
        asking=Asking(generation=Generation(max_new_tokens=LONGEST_REPLY)),
        scoring=Scoring(judge=JUDGE),
        watching=watching,
    )


def evaluate_models(
    models: Path,
    benchmark: Benchmark,
    out: Path,
    *,
    scales: Sequence[float] = SCALES,
    watching: Watching | None = None,
    tell: Callable[[str], None] = lambda title: None,
) -> list[Figures]:
    """Evaluate backbone, self-aligned and corpus-style, the last at several LoRA scales.

    Args:
        models: the folder that holds the three.
        benchmark: what they are asked.
        out: the folder of the run directories; runs that are done are not asked again.
        scales: of the LoRA of corpus-style.
        watching: who is told how far a run is.
        tell: told what comes next.

    Returns:
        Rows in this order: backbone, self-aligned, corpus-style from scale 0 to 1.
    """
    reference = f"hf:{models / BACKBONE}"
    tell(ALIGNED)
    aligned = run_model(f"hf:{models / ALIGNED}", {}, reference, benchmark, out / ALIGNED, watching)
    rows = [_of_reference(aligned, benchmark), figures_of(aligned, ALIGNED, None, benchmark)]
    for scale in scales:
        tell(f"{TUNED} at LoRA scale {scale:g}")
        run = run_model(
            f"hf:{models / TUNED}",
            {"lora_scale": scale},
            reference,
            benchmark,
            out / f"{TUNED}@{scale:g}",
            watching,
        )
        rows.append(figures_of(run, TUNED, scale, benchmark))
    return rows


def figures_of(run: Run, model: str, scale: float | None, benchmark: Benchmark) -> Figures:
    """Return a run's row."""
    summary = run.summary
    return Figures(
        model,
        scale,
        str(run.folder),
        summary.ifrate,
        summary.forgetting,
        summary.points,
        summary.codes,
        _by_wording(run.folder, benchmark),
        {} if summary.task is None else {name: one.plain for name, one in summary.task.datasets.items()},
        summary.signature,
    )


def _of_reference(run: Run, benchmark: Benchmark) -> Figures:
    reference = run.summary.reference
    assert reference is not None  # `run_model` always has one
    task = reference.task
    return Figures(
        BACKBONE,
        None,
        str(run.folder / "reference"),
        reference.ifrate,
        None,
        None,
        reference.codes,
        _by_wording(run.folder / "reference", benchmark),
        {} if task is None else {name: one.plain for name, one in task.datasets.items()},
        reference.signature,
    )


def _by_wording(folder: Path, benchmark: Benchmark) -> dict[str, Rate]:
    def side(item: str) -> str | None:
        key = benchmark.item(item).wording
        return None if key is None else UNSEEN if is_held_out(key) else SEEN

    verdicts = load_scored(folder).verdicts
    return rates(by_item(verdicts, lambda verdict: side(verdict.item), ClipIndex()), (SEEN, UNSEEN))
