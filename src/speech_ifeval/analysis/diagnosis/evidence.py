"""What checks look at: a run's items, replies, verdicts and answers, and those of its reference system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.analysis.sensitivity import System, sensitivity_of
from speech_ifeval.analysis.twins import Twin, twins_of
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.constraints import split_thoughts
from speech_ifeval.judges import Judged
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.following import ClipIndex
from speech_ifeval.metrics.summaries import ScoredRun, summarise
from speech_ifeval.pipeline.answers import answers_of
from speech_ifeval.records import TWIN_CATEGORY, Item, Response, Verdict
from speech_ifeval.results import Sensitivity, Summary

NO_REFERENCE = "no reference: name its run with --reference"
NO_TWINS = "no item was asked without its constraint as well (twins): run the model without --no-twins"
NO_JUDGE = "no judge says which answers are right: score the run with --judge first"


@dataclass(frozen=True)
class Reply:
    """One reply: to what, as it came, and its `answer` without thoughts (empty where the thoughts never end)."""

    item: Item
    response: Response
    text: str = field(repr=False)
    answer: str = field(repr=False)
    closed: bool


@dataclass(frozen=True)
class SystemRun:
    """One system's scored run.

    Attributes:
        name: the system's.
        benchmark: what was asked.
        responses: by item id.
        scored: its verdicts and what they were made with.
        judged: what the judge said, by whom the verdicts on chain of thought were made.
    """

    name: str
    benchmark: Benchmark
    responses: Mapping[str, Response] = field(repr=False)
    scored: ScoredRun = field(repr=False)
    judged: Judged = field(repr=False)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The scored items, in the benchmark's order."""
        wanted = {verdict.item for verdict in self.scored.verdicts}
        return tuple(item for item in self.benchmark if item.id in wanted)

    @cached_property
    def plain_items(self) -> tuple[Item, ...]:
        """Their twins without the constraint; none where none was answered at all."""
        wanted = {item.id for item in self.items}
        twins = [item for item in self.benchmark if item.category == TWIN_CATEGORY and item.twin in wanted]
        return tuple(twins) if any(item.id in self.responses for item in twins) else ()

    @cached_property
    def asked(self) -> tuple[Item, ...]:
        """Everything that was asked: the scored items, and their twins."""
        return (*self.items, *self.plain_items)

    @cached_property
    def replies(self) -> tuple[Reply, ...]:
        """Every reply there is to what was asked."""
        found = []
        for item in self.asked:
            response = self.responses.get(item.id)
            if response is not None and response.text is not None:
                split = split_thoughts(response.text)
                found.append(Reply(item, response, response.text, split.answer, split.closed))
        return tuple(found)

    @cached_property
    def by_id(self) -> Mapping[str, Reply]:
        """The replies by their item's id."""
        return {reply.item.id: reply for reply in self.replies}

    @cached_property
    def followed(self) -> Mapping[str, bool | None]:
        """Whether an item's constraints are all followed: no if one is not, unscored if one is and none fails."""
        found: dict[str, bool | None] = {}
        for verdict in self.scored.verdicts:
            before = found.get(verdict.item, True)
            if before is not False:
                found[verdict.item] = False if verdict.followed is False else before and verdict.followed
        return found

    @cached_property
    def failures(self) -> Mapping[str, Verdict]:
        """The constraint that an item does not follow, by its id; of several one missed by more than a hair."""
        found: dict[str, Verdict] = {}
        for verdict in self.scored.verdicts:
            before = found.get(verdict.item)
            if verdict.followed is False and (before is None or before.near_miss is not None):
                found[verdict.item] = verdict if before is None or verdict.near_miss is None else before
        return found

    def why(self, item: str) -> str:
        """Say which constraint an item does not follow, and why not."""
        verdict = self.failures[item]
        return f"{verdict.constraint}: {verdict.reason or 'not followed'}"

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """What is known of the answers themselves, constrained or not."""
        wanted = {item.id for item in self.asked}
        found = answers_of(self.benchmark, self.responses, self.judged.judgements)
        return tuple(answer for answer in found if answer.item in wanted)

    @cached_property
    def twins(self) -> tuple[Twin, ...]:
        """The questions that were answered without and with their constraint."""
        return tuple(twins_of(self.benchmark, self.responses, self.answers))

    @cached_property
    def twin(self) -> Mapping[str, Twin]:
        """The twins by the id of the constrained item."""
        return {twin.id: twin for twin in self.twins}

    @property
    def system(self) -> System:
        """The same, as `speech_ifeval.analysis.sensitivity` takes it."""
        return System(self.name, self.judged.label, list(self.twins), list(self.answers))


@dataclass(frozen=True)
class Evidence:
    """All that a check may look at.

    Attributes:
        run: the run that is diagnosed.
        reference: its reference system's; None where there is none, and `no_reference` says why.
        seed: of the bootstrap of word error rates.
    """

    run: SystemRun
    reference: SystemRun | None = None
    no_reference: str = NO_REFERENCE
    seed: int = 0
    clip_index: ClipIndex = field(default_factory=ClipIndex, repr=False)

    @cached_property
    def summary(self) -> Summary:
        """The figures of the run, Δ where there is a reference."""
        return summarise(self.run.scored, None if self.reference is None else self.reference.scored)

    @cached_property
    def sensitivity(self) -> Sensitivity | None:
        """What constraints do to its answers; None where there are no twins."""
        if not self.run.twins:
            return None
        theirs = self.reference.system if self.reference is not None and self.reference.twins else None
        return sensitivity_of(self.run.system, self.run.benchmark, reference=theirs, seed=self.seed)

    def named(self, name: str) -> Evidence:
        """Return the same evidence of a run that is called otherwise."""
        run = replace(self.run, name=name, scored=replace(self.run.scored, name=name))
        return replace(self, run=run)

    def clips(self, items: Iterable[Any]) -> NDArray[np.int64]:
        """Number the clips of items, answers or verdicts: whatever has a `clip`."""
        return np.array([self.clip_index[item.clip] for item in items], dtype=np.int64)
