"""Prompts to train on: of a benchmark, or of rows and a pool; split by ids and wordings; in trainers' forms."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.build import Plan, Pool, Row, compose, find_pool, load_pool
from speech_ifeval.benchmarks.contents import fingerprint_of, missing_categories
from speech_ifeval.benchmarks.training_record import TrainingRecord, record_of, wordings_of
from speech_ifeval.errors import MissingExtraError, UsageError
from speech_ifeval.integrations.reward_columns import IDS, KWARGS
from speech_ifeval.integrations.rewards import Reward
from speech_ifeval.models import SYSTEM_PROMPT, Request
from speech_ifeval.records import JUDGED_ID, Constraint

SOURCE = "speech_ifeval"  # verl's data_source, open-instruct's dataset


class Prompt(Struct, frozen=True):
    """A prompt and what its reply must follow.

    Attributes:
        item: the id of the item that it was made of.
        messages: as chat templates take them, ``role`` and ``content``.
        constraints: what is demanded, and `wordings` what each one's wording is known by, its key or text first.
    """

    item: str
    messages: tuple[dict[str, str], ...]
    constraints: tuple[Constraint, ...]
    wordings: tuple[tuple[str, ...], ...]

    @property
    def ids(self) -> list[str]:
        """The constraints' ids."""
        return [one.id for one in self.constraints]

    @property
    def kwargs(self) -> list[str]:
        """The constraints' kwargs, a JSON object each: a table would mix up the keys of objects."""
        return [json.dumps(one.kwargs, ensure_ascii=False, sort_keys=True) for one in self.constraints]

    def for_trl(self) -> dict[str, Any]:
        """Return a row of TRL's: ``prompt``, and the columns that `TRLReward` reads."""
        return {"prompt": list(self.messages), IDS: self.ids, KWARGS: self.kwargs, "item": self.item}

    def for_verl(self, data_source: str = SOURCE) -> dict[str, Any]:
        """Return a row of verl's, to be written as Parquet."""
        return {
            "data_source": data_source,
            "prompt": list(self.messages),
            "ability": "instruction following",
            "reward_model": {"style": "rule", "ground_truth": json.dumps({IDS: self.ids, KWARGS: self.kwargs})},
            "extra_info": {"item": self.item},
        }

    def for_open_instruct(self, dataset: str = SOURCE) -> dict[str, Any]:
        """Return a row of open-instruct's; `dataset` is the name of the verifier."""
        truth = [{"instruction_id": self.ids, KWARGS: [dict(one.kwargs) for one in self.constraints]}]
        return {"messages": list(self.messages), "ground_truth": repr(truth), "dataset": dataset}


def prompts_of(benchmark: Benchmark, *, system: str | None = SYSTEM_PROMPT) -> list[Prompt]:
    """Return the prompts of a benchmark's items as a text model is asked them: the transcript for the clip.

    Items that demand nothing, or what takes a judge, are left out.

    Args:
        benchmark: what the prompts are made of.
        system: the system prompt, None for none.

    Raises:
        UsageError: no item is left.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> prompts = prompts_of(load_benchmark("example"))
    >>> len(prompts), prompts[0].ids, prompts[0].messages[0]["content"]
    (56, ['change_case:english_capital'], 'Follow the given instructions.')
    """
    found = []
    for item in benchmark.items:
        if not item.constraints or any(one.id == JUDGED_ID for one in item.constraints):
            continue
        asked = Request(item.id, item.instruction, None, item.transcript, system)
        messages = [{"role": "user", "content": asked.text}]
        if asked.system is not None:
            messages.insert(0, {"role": "system", "content": asked.system})
        wordings = tuple(wordings_of(benchmark, item, at) for at in range(len(item.constraints)))
        found.append(Prompt(item.id, tuple(messages), item.constraints, wordings))
    if not found:
        raise UsageError(f"{benchmark.name} has no item that a rule decides; give another benchmark")
    return found


def text_benchmark(
    rows: Sequence[Row], plan: Plan, *, pool: Pool | None = None, seconds: Mapping[str, float] | None = None
) -> Benchmark:
    """Return a benchmark of rows, made in memory by the builder without any audio: what text models are asked.

    Args:
        rows: transcripts, and what may be asked about them; `Row.audio` names them.
        plan: how many of what, and the seed.
        pool: the wordings; None for the one that the plan names.
        seconds: how long each clip would be, by its name; 3 where it is not said.

    Raises:
        DataError, UsageError: as `speech_ifeval.benchmarks.build.compose`.

    >>> plan = Plan("boats", "", closed_ended=2, creative_writing=0, chain_of_thought=0)
    >>> made = text_benchmark([Row("1", "Seven boats sailed north.", task="transcription")], plan)
    >>> [item.id for item in made.in_category("closed-ended")]
    ['closed-ended/0000', 'closed-ended/0001']
    """
    if pool is None:
        pool = load_pool(plan.pool or find_pool(plan.language), plan.language)
    names = {row.audio: row.audio for row in rows}
    lengths = {name: (seconds or {}).get(name, 3.0) for name in names}
    items = compose(rows, lengths, names, pool, plan, lambda line: None).items
    return Benchmark(
        name=plan.name,
        items=items,
        fingerprint=fingerprint_of(items),
        root=Path(f"{plan.name} (in memory)"),  # no folder, and no clips
        missing_categories=missing_categories(items),
        licence=plan.licence,
        description=plan.description,
        language=pool.language,
    )


class Split(Struct, frozen=True):
    """Prompts to train on, prompts to test with, and the record of what the first demand."""

    train: list[Prompt]
    test: list[Prompt]
    record: TrainingRecord


def split_prompts(
    prompts: Sequence[Prompt],
    *,
    ids: float | Collection[str] = (),
    wordings: float | Collection[str] = (),
    seed: int = 0,
    source: str = "",
) -> Split:
    """Split prompts so that what is held out is never trained on.

    A prompt that demands anything held out is a test prompt.

    Args:
        prompts: as `prompts_of` returns them.
        ids: the constraint ids to hold out, or which share of them is drawn, rounded up.
        wordings: the wordings to hold out, by key or text; or which share of each id's is drawn, rounded up, so
            that an id with one wording is either trained on or tested.
        seed: of what is drawn: the same seed holds out the same.
        source: what the record says the prompts were made of.

    Raises:
        UsageError: nothing is held out, something that is to be is not there, or no prompt is left on one side.
        ConstraintError: a constraint of a prompt does not compile.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> split = split_prompts(prompts_of(load_benchmark("example")), ids=["startend:quotation"])
    >>> {id for prompt in split.test for id in prompt.ids}, "startend:quotation" in split.record.ids
    ({'startend:quotation'}, False)
    """
    for prompt in prompts:
        Reward().compile(prompt.constraints)
    known: dict[str, dict[str, tuple[str, ...]]] = {}
    for prompt in prompts:
        for one, known_by in zip(prompt.constraints, prompt.wordings, strict=True):
            known.setdefault(one.id, {}).setdefault(known_by[0], known_by)
    random = Random(seed)
    held_ids = _held("ids", ids, sorted(known), random)
    held_wordings = _held_wordings(wordings, known, random)
    if not held_ids and not any(held_wordings.values()):
        raise UsageError("a split holds something out: give ids or wordings, as names or as a share above 0")
    train: list[Prompt] = []
    test: list[Prompt] = []
    for prompt in prompts:
        held = any(
            one.id in held_ids or known_by[0] in held_wordings[one.id]
            for one, known_by in zip(prompt.constraints, prompt.wordings, strict=True)
        )
        (test if held else train).append(prompt)
    for side, made in (("train", train), ("test", test)):
        if not made:
            raise UsageError(f"the split leaves none of {len(prompts)} prompts to {side} with; hold out others")
    demanded = (pair for prompt in train for pair in zip(prompt.constraints, prompt.wordings, strict=True))
    return Split(train, test, record_of(demanded, source=source, rows=len(train), seed=seed))


def _held(what: str, asked: float | Collection[str], there: Sequence[str], random: Random) -> set[str]:
    """Return what is held out of what is there: what was named, or a share by lot."""
    if isinstance(asked, str):
        raise UsageError(f"{what} to hold out are a list, or a share such as 0.25, found {asked!r}")
    if isinstance(asked, Collection):
        unknown = sorted(set(asked) - set(there))
        if unknown:
            shown = ", ".join(map(repr, there[:3]))
            raise UsageError(f"no prompt has {unknown[0]!r} among its {what}, which look like {shown}; correct it")
        return set(asked)
    if not 0 <= asked < 1:
        raise UsageError(f"the share of {what} to hold out is a number from 0 and below 1, found {asked}")
    return set(random.sample(there, math.ceil(asked * len(there))))


def _held_wordings(
    asked: float | Collection[str], known: Mapping[str, Mapping[str, tuple[str, ...]]], random: Random
) -> dict[str, set[str]]:
    if isinstance(asked, Collection):
        every = sorted({name for of_id in known.values() for known_by in of_id.values() for name in known_by})
        named = _held("wordings", asked, every, random)
        return {
            id: {name for name, known_by in of_id.items() if not named.isdisjoint(known_by)}
            for id, of_id in known.items()
        }
    return {id: _held("wordings", asked, sorted(known[id]), random) for id in sorted(known)}


def as_dataset(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a ``datasets.Dataset``, which TRL takes.

    Raises:
        MissingExtraError: datasets is not installed.

    >>> as_dataset([{"prompt": "Hello?", "kwargs": ['{"num_words": 3}', "{}"]}])[0]["kwargs"]
    ['{"num_words": 3}', '{}']
    """
    try:
        from datasets import Dataset
    except ImportError:
        raise MissingExtraError("trl", "datasets", "a data set for a trainer") from None
    return Dataset.from_list([dict(row) for row in rows])
