"""A scored run as a log of Inspect's, its metrics computed by Inspect from our verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.log import (
    EvalError,
    EvalLog,
    EvalPlan,
    EvalPlanStep,
    EvalSample,
    EvalSpec,
    EvalStats,
    recompute_metrics,
)
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    StopReason,
)

from speech_ifeval.analysis.exporting import FinishedRun
from speech_ifeval.integrations.inspect_harness.samples import facts_of
from speech_ifeval.integrations.inspect_harness.scoring import score_of
from speech_ifeval.models import Generation, Request
from speech_ifeval.records import Item, Response, Verdict

TASK = "speech_ifeval/speech_ifeval"
SCORER, METRIC = "following", "following_rates"
_STOPS: dict[str | None, StopReason] = {"stop": "stop", "length": "max_tokens", None: "unknown"}


def log_of(run: FinishedRun) -> EvalLog:
    """Return a scored run as a log: one sample an item, its score our verdict, the metrics those of our task.

    Clips are named, not held: where they lie is this machine's, and a log is passed on.
    """
    by_item: dict[str, list[Verdict]] = {}
    for verdict in run.scored.verdicts:
        by_item.setdefault(verdict.item, []).append(verdict)
    generation = run.asked.get("generation") or {}
    # A provider that Inspect knows and that never answers: it opens the model when the log is scored again.
    name = f"none/{run.scored.name}"
    log = EvalLog(
        status="success",
        # From plain values, because Inspect does not export the types of scorers and metrics.
        eval=EvalSpec.model_validate(
            {
                "created": run.written.isoformat(),
                "task": TASK,
                "task_registry_name": TASK,
                "task_args": {"benchmark": run.benchmark.name},
                "dataset": {
                    "name": str(run.scored.settings.get("benchmark")),
                    "samples": len(by_item),
                    "sample_ids": list(by_item),
                },
                "model": name,
                "model_generate_config": _generation(generation),
                "config": {},
                "packages": {"speech_ifeval": str(run.scored.settings.get("version"))},
                "metadata": {
                    "signature": run.scored.signature(),
                    "input": run.asked.get("input"),
                    "model": run.asked.get("model"),
                },
                "scorers": [{"name": SCORER, "metrics": [{"name": f"speech_ifeval/{METRIC}"}]}],
            }
        ),
        plan=EvalPlan(steps=[EvalPlanStep(solver="generate")]),
        stats=EvalStats(started_at=run.written.isoformat(), completed_at=run.written.isoformat()),
        samples=[_sample(run, run.benchmark.item(id), verdicts, name) for id, verdicts in by_item.items()],
    )
    recompute_metrics(log)
    return log


def _generation(said: Mapping[str, Any]) -> GenerateConfig:
    if not said:  # imported responses: nobody knows
        return GenerateConfig()
    made = Generation(**said)
    return GenerateConfig(
        max_tokens=made.max_new_tokens, temperature=made.temperature, top_p=made.top_p, seed=made.seed
    )


def _sample(run: FinishedRun, item: Item, verdicts: Sequence[Verdict], model: str) -> EvalSample:
    response = run.responses.get(item.id)
    asked = _messages(run, item)
    judgement = run.judgements.get((item.id, "reasoning"))
    score = score_of(verdicts, None if response is None else response.text, run.scored.signature())
    if judgement is not None and judgement.judge_reply is not None and score.metadata is not None:
        score.metadata["judge_reply"] = judgement.judge_reply
    output = ModelOutput(model=model) if response is None else _output(response, model)
    said: list[ChatMessage] = [choice.message for choice in output.choices]
    failure = None if response is None else response.error
    return EvalSample(
        id=item.id,
        epoch=1,
        input=asked,
        target=item.label or "",
        messages=[*asked, *said],
        output=output,
        scores={SCORER: score},
        metadata=facts_of(item),
        model_usage={} if output.usage is None else {model: output.usage},
        total_time=None if response is None else response.seconds,
        error=None if failure is None else EvalError(message=failure, traceback=failure, traceback_ansi=failure),
    )


def _messages(run: FinishedRun, item: Item) -> list[ChatMessage]:
    heard = run.asked.get("input") == "audio"
    text = Request(item.id, item.instruction, None, None if heard else item.transcript, None).text
    user = ChatMessageUser(content=f"[{item.clip}]\n\n{text}" if heard else text, metadata={"item": item.id})
    system = run.asked.get("system")
    return [user] if not system else [ChatMessageSystem(content=str(system)), user]


def _output(response: Response, model: str) -> ModelOutput:
    if response.text is None:
        return ModelOutput(model=model, error=response.error)
    message = ChatMessageAssistant(content=response.text, source="generate", model=model)
    choice = ChatCompletionChoice(message=message, stop_reason=_STOPS.get(response.finish_reason, "unknown"))
    usage = None
    if response.input_tokens is not None or response.output_tokens is not None:
        sent, made = response.input_tokens or 0, response.output_tokens or 0
        usage = ModelUsage(input_tokens=sent, output_tokens=made, total_tokens=sent + made)
    return ModelOutput(model=model, choices=[choice], completion=response.text, usage=usage, time=response.seconds)
