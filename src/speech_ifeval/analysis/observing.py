"""A scored run as outcomes by item: which constraints are followed, which answers are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.following import ClipIndex, by_item
from speech_ifeval.models.recorded import read_responses
from speech_ifeval.pipeline.answers import answers_of
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.judging import NO_JUDGE, choose_judge, kept_judge


@dataclass(frozen=True)
class Observed:
    """What is known of a run under one condition.

    Attributes:
        name: the model's.
        benchmark: what it was asked, under this condition.
        settings: of its scoring.
        followed: whether each scored item follows all its constraints, by the item's id.
        plain, constrained: the answers to twins and to constrained items, by the constrained item's id.
        unscored: items whose constraints are unscored.
    """

    name: str
    benchmark: Benchmark = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    followed: Mapping[str, bool] = field(repr=False)
    plain: Mapping[str, Answer] = field(repr=False)
    constrained: Mapping[str, Answer] = field(repr=False)
    unscored: int = 0


def observe(run: Path, benchmark: Benchmark, *, rules: str, judge: str) -> Observed:
    """Read a run that was scored.

    Args:
        run: the run directory.
        benchmark: what it answers.
        rules: the rule set, and
        judge: the label of the judge, of the scoring that is meant.

    Raises:
        UsageError, DataError, MismatchError: what reading it raises.
    """
    scored = load_scored(run, f"{rules}.{judge}")
    intake = read_responses([run], benchmark)
    judged = choose_judge(kept_judge(run, judge) or NO_JUDGE, intake, benchmark)
    groups = by_item(scored.verdicts, lambda verdict: "all", ClipIndex())
    found = {str(key): bool(one) for key, one in zip(groups["all"].keys, groups["all"].followed, strict=True)}
    asked = [
        one for one in answers_of(benchmark, intake.responses, judged.judgements) if one.item in intake.responses
    ]
    return Observed(
        name=intake.name,
        benchmark=benchmark,
        settings=scored.settings,
        followed=found,
        plain={answer.pair: answer for answer in asked if not answer.constrained},
        constrained={answer.pair: answer for answer in asked if answer.constrained},
        unscored=groups["all"].unscored,
    )
