"""Does a speech-aware language model still follow instructions, and what did speech training cost it?

>>> import speech_ifeval as sif
>>> check = sif.compile("detectable_format:number_bullet_lists", num_bullets=2)
>>> check.check("* one\\n* two")
True

Importing this package loads nothing but the standard library; each name is loaded when it is first read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speech_ifeval.analysis.citation.citing import cite
    from speech_ifeval.analysis.diagnosis.diagnosing import diagnose
    from speech_ifeval.analysis.ranking import leaderboard
    from speech_ifeval.analysis.reproduction.reproducing import reproduce
    from speech_ifeval.analysis.wording import wording_effects
    from speech_ifeval.benchmarks import Benchmark, Defect, find_defects, load_benchmark
    from speech_ifeval.benchmarks.selection import Selection
    from speech_ifeval.benchmarks.sharding import Shard
    from speech_ifeval.benchmarks.training_record import TrainingRecord, read_training_record
    from speech_ifeval.constraints import (
        Compiled,
        Explanation,
        compile,
        constraint,
        definitions,
        split_thoughts,
    )
    from speech_ifeval.errors import (
        ConstraintError,
        DataError,
        IncompleteError,
        MismatchError,
        MissingExtraError,
        ModelError,
        OutputError,
        RefutedError,
        RunInterruptedError,
        RunPreemptedError,
        SpeechIFEvalError,
        UsageError,
    )
    from speech_ifeval.experiments.checkpoint_watch import watch
    from speech_ifeval.experiments.isolating import isolate
    from speech_ifeval.experiments.laddering import ladder
    from speech_ifeval.experiments.sweeping import sweep
    from speech_ifeval.job import Run, evaluate
    from speech_ifeval.merged_runs import merge
    from speech_ifeval.models import Generation, Model, Request, adapter, open_model
    from speech_ifeval.models.ray_engine.cluster import RayCluster
    from speech_ifeval.pipeline.asking import Asking
    from speech_ifeval.pipeline.comparing import compare
    from speech_ifeval.pipeline.generating import Conditions
    from speech_ifeval.pipeline.scoring import Scoring, score
    from speech_ifeval.pipeline.stream import score_stream
    from speech_ifeval.records import Constraint, Item, Judgement, Response, Verdict
    from speech_ifeval.results import (
        Citation,
        Comparison,
        Diagnosis,
        Estimate,
        Isolation,
        Ladder,
        Leaderboard,
        Rate,
        Reproduction,
        Submitted,
        Summary,
        Sweep,
        TrainingCurve,
        Verification,
        WordingEffects,
    )
    from speech_ifeval.submission.packing import submit
    from speech_ifeval.submission.verifying import verify

_HOMES = {
    "Asking": "pipeline.asking",
    "Benchmark": "benchmarks",
    "Citation": "results",
    "Comparison": "results",
    "Compiled": "constraints",
    "Conditions": "pipeline.generating",
    "Constraint": "records",
    "ConstraintError": "errors",
    "DataError": "errors",
    "Defect": "benchmarks",
    "Diagnosis": "results",
    "Estimate": "results",
    "Explanation": "constraints",
    "Generation": "models",
    "IncompleteError": "errors",
    "Isolation": "results",
    "Item": "records",
    "Judgement": "records",
    "Ladder": "results",
    "Leaderboard": "results",
    "MismatchError": "errors",
    "MissingExtraError": "errors",
    "Model": "models",
    "ModelError": "errors",
    "OutputError": "errors",
    "Rate": "results",
    "Reproduction": "results",
    "RayCluster": "models.ray_engine.cluster",
    "RefutedError": "errors",
    "Request": "models",
    "Response": "records",
    "Run": "job",
    "RunInterruptedError": "errors",
    "RunPreemptedError": "errors",
    "Scoring": "pipeline.scoring",
    "Selection": "benchmarks.selection",
    "Shard": "benchmarks.sharding",
    "SpeechIFEvalError": "errors",
    "Submitted": "results",
    "Summary": "results",
    "Sweep": "results",
    "TrainingCurve": "results",
    "TrainingRecord": "benchmarks.training_record",
    "UsageError": "errors",
    "Verdict": "records",
    "Verification": "results",
    "WordingEffects": "results",
    "adapter": "models",
    "cite": "analysis.citation.citing",
    "compare": "pipeline.comparing",
    "compile": "constraints",
    "constraint": "constraints",
    "definitions": "constraints",
    "diagnose": "analysis.diagnosis.diagnosing",
    "evaluate": "job",
    "find_defects": "benchmarks",
    "isolate": "experiments.isolating",
    "ladder": "experiments.laddering",
    "leaderboard": "analysis.ranking",
    "load_benchmark": "benchmarks",
    "merge": "merged_runs",
    "open_model": "models",
    "read_training_record": "benchmarks.training_record",
    "reproduce": "analysis.reproduction.reproducing",
    "score": "pipeline.scoring",
    "score_stream": "pipeline.stream",
    "split_thoughts": "constraints",
    "submit": "submission.packing",
    "sweep": "experiments.sweeping",
    "verify": "submission.verifying",
    "watch": "experiments.checkpoint_watch",
    "wording_effects": "analysis.wording",
}

__all__ = [
    "Asking",
    "Benchmark",
    "Citation",
    "Comparison",
    "Compiled",
    "Conditions",
    "Constraint",
    "ConstraintError",
    "DataError",
    "Defect",
    "Diagnosis",
    "Estimate",
    "Explanation",
    "Generation",
    "IncompleteError",
    "Isolation",
    "Item",
    "Judgement",
    "Ladder",
    "Leaderboard",
    "MismatchError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "OutputError",
    "Rate",
    "RayCluster",
    "RefutedError",
    "Reproduction",
    "Request",
    "Response",
    "Run",
    "RunInterruptedError",
    "RunPreemptedError",
    "Scoring",
    "Selection",
    "Shard",
    "SpeechIFEvalError",
    "Submitted",
    "Summary",
    "Sweep",
    "TrainingCurve",
    "TrainingRecord",
    "UsageError",
    "Verdict",
    "Verification",
    "WordingEffects",
    "adapter",
    "cite",
    "compare",
    "compile",
    "constraint",
    "definitions",
    "diagnose",
    "evaluate",
    "find_defects",
    "isolate",
    "ladder",
    "leaderboard",
    "load_benchmark",
    "merge",
    "open_model",
    "read_training_record",
    "reproduce",
    "score",
    "score_stream",
    "split_thoughts",
    "submit",
    "sweep",
    "verify",
    "watch",
    "wording_effects",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
