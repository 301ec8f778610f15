"""The stage that scores, once more and in memory: nothing is read from a run directory, and nothing is written."""

from __future__ import annotations

from typing import Any, NamedTuple

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.judges import Judged
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.models.recorded import Intake
from speech_ifeval.pipeline.comparing import shown_settings
from speech_ifeval.pipeline.contamination import contamination_of
from speech_ifeval.pipeline.noting import count_replies, notes_of
from speech_ifeval.pipeline.scoring import Scoring, asked_items, settings_of, task_of
from speech_ifeval.pipeline.verdicts import Rules


class ScoredAgain(NamedTuple):
    """A run that was scored in memory, and what the manifest of its scoring would hold."""

    run: ScoredRun
    manifest: dict[str, Any]


def score_again(
    intake: Intake, benchmark: Benchmark, scoring: Scoring, judge: Judged, *, with_task: bool = True
) -> ScoredAgain:
    """Score responses as `speech_ifeval.score` does.

    Args:
        intake: the responses.
        benchmark: what they answer.
        scoring: how to score; its judge is not looked at.
        judge: what a judge has said of the responses; nobody is asked.
        with_task: whether the task level is computed, which takes the items' labels and instructions.

    Raises:
        UsageError, MissingExtraError: a constraint has no verifier here.
    """
    items = asked_items(benchmark, intake, scoring)
    rules = Rules(scoring.rules, scoring.loose, judge, scoring.missing == "fail")
    manifest = settings_of(benchmark, intake, scoring, judge, items)
    verdicts = [verdict for item in items for verdict in rules.verdicts(item, intake.responses.get(item.id))]
    run = ScoredRun(
        name=intake.name,
        verdicts=verdicts,
        settings=shown_settings(manifest),
        replies=count_replies(items, intake),
        notes=notes_of(items, judge, benchmark),
        task=task_of(items, intake, scoring, judge, benchmark) if with_task else None,
        contamination=contamination_of(scoring.trained_on, benchmark, items, verdicts),
    )
    return ScoredAgain(run, manifest)
