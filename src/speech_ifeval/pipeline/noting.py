"""What stands beside the figures: how many replies there were, and what is to be known of them and their judge."""

from __future__ import annotations

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.constraints import split_thoughts
from speech_ifeval.judges import Judged
from speech_ifeval.models.recorded import Intake
from speech_ifeval.pipeline.judging import judge_notes
from speech_ifeval.records import JUDGED_ID, Item


def count_replies(items: list[Item], intake: Intake) -> dict[str, int]:
    """Count the replies to these items, and those of each kind that calls for care."""
    counts = dict.fromkeys(
        (
            *("items", "answered", "missing", "failed", "empty", "truncated"),
            *("with_thoughts", "unclosed_thoughts", "audio_cut"),
        ),
        0,
    )
    for item in items:
        counts["items"] += 1
        response = intake.responses.get(item.id)
        if response is None:
            counts["missing"] += 1
        elif response.text is None:
            counts["failed"] += 1
        else:
            counts["answered"] += 1
            split = split_thoughts(response.text)
            counts["empty"] += not split.answer.strip()
            counts["truncated"] += response.finish_reason == "length"
            counts["audio_cut"] += response.audio_cut is True
            counts["with_thoughts"] += split.thoughts is not None
            counts["unclosed_thoughts"] += not split.closed
    return counts


def notes_of(items: list[Item], judge: Judged, benchmark: Benchmark) -> list[str]:
    """Return what benchmark and judge lack, and what is to be known of the judgements."""
    notes = [f"the benchmark holds no {category} items" for category in benchmark.missing_categories]
    judged = any(constraint.id == JUDGED_ID for item in items for constraint in item.constraints)
    if judged and not judge.judgements:
        notes.append(
            "chain of thought is unscored: it takes a judge, and no recorded replies of one lie beside the "
            "responses (reports/*.jsonl, or --judge replay:PATH)"
        )
    return notes + judge_notes(judge, benchmark)
