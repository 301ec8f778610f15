"""Which replies people are asked about, and what they see: never the model, a judge's verdict or an item's id."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, cast

from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import code_of
from speech_ifeval.constraints import split_thoughts
from speech_ifeval.errors import UsageError
from speech_ifeval.judges.replay import reply_hash, use_of
from speech_ifeval.models.recorded import is_run, read_responses
from speech_ifeval.pipeline.preflight import AUDIO_FOLDERS
from speech_ifeval.records import TWIN_CATEGORY, USES, Item, Response

Use = Literal["reasoning", "accuracy", "transcript"]


class Task(Struct, frozen=True):
    """One question to a person.

    Attributes:
        item: the item's id; never shown.
        use: what is asked: does it reason, is it right, which part is the transcript.
        question: the instruction, without the constraint where the item has a twin.
        reply: what is judged, as judges see it: without its thoughts.
        label: the right answer, for accuracy.
        clip: the audio file, None where it is not at hand.
        reply_hash: SHA-256 of the whole reply, in hexadecimal.
        raw: the whole reply.
    """

    item: str
    use: Use
    question: str
    reply: str
    label: str | None
    clip: Path | None
    reply_hash: str
    raw: str


def tasks_of(
    run: Path,
    benchmark: Benchmark,
    *,
    sample: int,
    seed: int = 0,
    uses: Sequence[str] = USES,
    audio_dir: Path | None = None,
) -> list[Task]:
    """Draw a sample of a run's replies for people to judge.

    The sample takes the uses in turn, and within each spreads over data sets, codes, and with or without
    constraint. A smaller sample of the same seed is part of every larger one. One use comes after the other, in
    an order of the seed's.

    Args:
        run: a run directory.
        benchmark: what it answers.
        sample: how many replies.
        seed: which sample, and which order.
        uses: what to ask; those of `USES` that the run has replies for.
        audio_dir: the folder of the clips; None looks in and beside the benchmark's folder.

    Raises:
        UsageError: no run directory, a use that is none, a number below 1, or nothing to ask about.
        DataError, MismatchError: what reading the responses raises.
    """
    if sample < 1:
        raise UsageError(f"--sample takes a whole number from 1, found {sample}")
    unknown = [use for use in uses if use not in USES]
    if unknown:
        raise UsageError(f"--use takes {', '.join(USES)}; found {unknown[0]!r}")
    if not is_run(run):
        raise UsageError(
            f"{str(run)!r} is no run directory, and labels are kept in one: make it with `speech-ifeval score`"
        )
    if audio_dir is not None and not audio_dir.is_dir():
        raise UsageError(f"no folder of clips at {str(audio_dir)!r}; check --audio-dir")
    responses = read_responses([run], benchmark).responses
    asked = [
        (item, use, responses[item.id])
        for item in benchmark.items
        if (use := use_of(item)) in uses and item.id in responses and _says_something(responses[item.id])
    ]
    if not asked:
        raise UsageError(f"{run} holds no reply to judge for {', '.join(uses)}: it needs items with a label")
    folders = [audio_dir] if audio_dir is not None else [benchmark.root / name for name in AUDIO_FOLDERS]
    chosen = _spread([(item, cast(Use, use)) for item, use, _ in asked], str(seed))[:sample]
    replies = {item.id: response for item, _, response in asked}
    tasks = [_task(item, use, replies[item.id], benchmark, folders) for item, use in chosen]
    return sorted(tasks, key=lambda task: (USES.index(task.use), _lot(f"order {seed}", task.item)))


def _says_something(response: Response) -> bool:
    # Nobody is asked about an empty reply, neither a judge nor a person.
    return response.text is not None and bool(split_thoughts(response.text).answer.strip())


def _task(item: Item, use: Use, response: Response, benchmark: Benchmark, folders: Iterable[Path]) -> Task:
    raw = response.text or ""
    twin = None if item.twin is None or item.category == TWIN_CATEGORY else benchmark.by_id.get(item.twin)
    return Task(
        item=item.id,
        use=use,
        question=(item if twin is None or use == "reasoning" else twin).instruction,
        reply=split_thoughts(raw).answer.strip(),
        label=item.label if use == "accuracy" else None,
        clip=next((path for folder in folders if (path := folder / item.clip).is_file()), None),
        reply_hash=reply_hash(raw),
        raw=raw,
    )


def _spread(asked: Sequence[tuple[Item, Use]], seed: str) -> list[tuple[Item, Use]]:
    """The order in which samples grow: by turns over the uses, evenly over the strata of each."""
    strata: dict[tuple[Use, str, str | None, bool], list[Item]] = defaultdict(list)
    codes = {item.id: code_of(item) for item, _ in asked}
    for item, use in asked:
        # A twin has no constraint: its code is that of the item it is the twin of, where that was asked as well.
        code = codes[item.id] if item.constraints or item.twin is None else codes.get(item.twin)
        strata[use, item.dataset, code, bool(item.constraints)].append(item)
    by_use: dict[Use, list[tuple[float, str, Item]]] = defaultdict(list)
    for (use, *_), stratum in strata.items():
        ranked = sorted(stratum, key=lambda item: _lot(seed, item.id))
        by_use[use] += [
            ((rank + 0.5) / len(ranked), _lot(seed, item.id), item) for rank, item in enumerate(ranked)
        ]
    turns: list[tuple[int, int, Item, Use]] = []
    for use, places in by_use.items():
        places.sort(key=lambda place: place[:2])
        turns += [(turn, USES.index(use), item, use) for turn, (_, _, item) in enumerate(places)]
    turns.sort(key=lambda turn: turn[:2])
    return [(item, use) for _, _, item, use in turns]


def _lot(seed: str, id: str) -> str:
    return hashlib.sha256(f"{seed}/{id}".encode()).hexdigest()
