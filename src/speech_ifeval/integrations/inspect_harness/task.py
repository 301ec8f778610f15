"""Speech-IFEval as a task of Inspect's: ``inspect eval speech_ifeval/speech_ifeval``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.model import GenerateConfig
from inspect_ai.solver import generate

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.harness.questions import questions_for
from speech_ifeval.integrations.harness.settings import read_settings
from speech_ifeval.integrations.inspect_harness.samples import sample_of
from speech_ifeval.integrations.inspect_harness.scoring import following
from speech_ifeval.models import SYSTEM_PROMPT, Generation


@task
def speech_ifeval(
    benchmark: str = "bundled",
    input: Literal["audio", "transcript"] = "audio",
    audio_dir: str | None = None,
    system: str = SYSTEM_PROMPT,
    judge: str = "none",
    judge_args: dict[str, Any] | None = None,
    judge_repeats: int = 1,
    rules: str = "official",
    loose: bool = False,
) -> Task:
    """Speech-IFEval: does a model that hears still follow instructions about the form of its reply?

    Args:
        benchmark: a folder, or the name of a shipped benchmark.
        input: ``audio`` for a model that hears, ``transcript`` for a reference system.
        audio_dir: where the clips lie, None for beside the items.
        system: the system prompt; an empty one is none.
        judge: who decides on chain of thought, as `speech-ifeval score --judge` takes it; ``none`` is nobody.
        judge_args: the judge's arguments.
        judge_repeats: how often it is asked for each verdict.
        rules: the rule set.
        loose: IFEval's loose pass.

    Raises:
        UsageError: another input.
        SpeechIFEvalError: the benchmark or its audio cannot be read, or there is no such judge or rule set.

    Source: Lu et al., Speech-IFEval (arXiv 2505.19037).
    """
    if input not in ("audio", "transcript"):
        raise UsageError(f"-T input takes audio or transcript, found {input!r}")
    scored_by: dict[str, Any] = {
        "benchmark": benchmark,
        "judge": judge,
        "judge_args": judge_args or {},
        "judge_repeats": judge_repeats,
        "rules": rules,
        "loose": loose,
    }
    settings = read_settings({**scored_by, "audio_dir": audio_dir, "system": system})
    questions = questions_for(settings.encoded())
    prompts = questions.heard() if input == "audio" else questions.read()
    # Clips are read when they are sent, long after this; the folder is the system's to clean up.
    converted = Path(tempfile.mkdtemp(prefix="speech-ifeval-clips-"))
    named = f"{questions.benchmark.name}-{questions.benchmark.short_fingerprint}"
    usual = Generation()
    return Task(
        dataset=MemoryDataset([sample_of(prompt, converted) for prompt in prompts], name=named),
        solver=generate(),
        scorer=following(**scored_by),
        config=GenerateConfig(temperature=usual.temperature, max_tokens=usual.max_new_tokens),
        metadata={"signature": questions.signature, "input": input},
    )
