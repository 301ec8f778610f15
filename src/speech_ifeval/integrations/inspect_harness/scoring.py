"""Our verdicts as Inspect's scores, and its metric of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from inspect_ai.scorer import CORRECT, INCORRECT, Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import TaskState

from speech_ifeval.constraints import split_thoughts
from speech_ifeval.integrations.harness.figures import Outcome, figures, outcome_of
from speech_ifeval.integrations.harness.questions import questions_for, told
from speech_ifeval.integrations.harness.settings import read_settings
from speech_ifeval.records import Verdict


@metric(scores="unreduced")
def following_rates() -> Metric:
    """IFrate and the following rates of the three categories, in percent, each with its standard error.

    Clips are the sampling unit, and several epochs are several outcomes of one clip. What is unscored does not
    count; a rate of which nothing is scored is left out.
    """

    def compute(scores: list[SampleScore]) -> Value:
        return dict(figures(_outcome(score) for score in scores))

    return compute


def _outcome(score: SampleScore) -> Outcome:
    about = score.sample_metadata or {}
    return Outcome(
        str(score.sample_id), str(about.get("category")), str(about.get("clip")), score.score.value == CORRECT
    )


@scorer(metrics=[following_rates()])
def following(
    benchmark: str = "bundled",
    judge: str = "none",
    judge_args: dict[str, Any] | None = None,
    judge_repeats: int = 1,
    rules: str = "official",
    loose: bool = False,
) -> Scorer:
    """Whether a reply follows all its constraints: C or I, and not scored where a verdict could not be had.

    Args:
        benchmark: a folder, or the name of a shipped benchmark; samples are found in it by their ids.
        judge: who decides on chain of thought, as `speech-ifeval score --judge` takes it.
        judge_args: the judge's arguments.
        judge_repeats: how often it is asked for each verdict.
        rules: the rule set.
        loose: IFEval's loose pass.

    The verdicts on the single constraints are in the score's metadata.
    """
    settings = read_settings(
        {
            "benchmark": benchmark,
            "judge": judge,
            "judge_args": judge_args or {},
            "judge_repeats": judge_repeats,
            "rules": rules,
            "loose": loose,
        }
    ).encoded()

    async def score(state: TaskState, target: Target) -> Score:
        questions = questions_for(settings)
        reply, error = (state.output.completion, None) if state.output.choices else (None, state.output.error)
        if questions.asks_a_judge:  # its calls wait for a network: other samples go on
            verdicts = await asyncio.to_thread(questions.verdicts, str(state.sample_id), reply, error)
        else:
            verdicts = questions.verdicts(str(state.sample_id), reply, error)
        return score_of(verdicts, reply, questions.signature)

    return score


def score_of(verdicts: Sequence[Verdict], reply: str | None, signature: str) -> Score:
    """Return verdicts on one reply as a score of Inspect's."""
    followed = outcome_of(verdicts).followed
    answer = None if reply is None else split_thoughts(reply).answer
    metadata = {"verdicts": told(verdicts), "signature": signature}
    explanation = "\n".join(_line(verdict) for verdict in verdicts)
    if followed is None:
        reason = "no_response" if reply is None else "grader_failed"
        return Score.unscored(reason=reason, answer=answer, explanation=explanation, metadata=metadata)
    return Score(
        value=CORRECT if followed else INCORRECT, answer=answer, explanation=explanation, metadata=metadata
    )


def _line(verdict: Verdict) -> str:
    said = {True: "followed", False: "not followed", None: "unscored"}[verdict.followed]
    why = f" ({verdict.reason})" if verdict.reason else ""
    return f"{verdict.code or '–'} {verdict.constraint}: {said}{why}"
