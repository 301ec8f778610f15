"""Shards: the part of a benchmark that one of several processes answers, and how a scheduler says which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.selection import Selection, growing_order, limit_order
from speech_ifeval.errors import UsageError
from speech_ifeval.records import TWIN_CATEGORY, Item

AUTO = "auto"
_MOST = 1_000_000
_ARRAY = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT")
_TASKS = ("SLURM_PROCID", "SLURM_NTASKS")
# Transcripts with metadata say when each part is heard, [00:00:00 - 00:00:05]; others are as long as speech is.
_UNTIL = re.compile(r"\[\d\d:\d\d:\d\d - (\d\d):([0-5]\d):([0-5]\d)\]", re.ASCII)
_CHARACTERS_PER_SECOND = 15
_REPLY_SECONDS = 2  # that an item counts beside its clip's: a reply takes time however short the clip is


class Shard(Struct, frozen=True, forbid_unknown_fields=True):
    """One of several parts of a run, counted from 1.

    Attributes:
        index: which, from 1 to `count`.
        count: how many there are.

    Raises:
        UsageError: an index outside of 1 to `count`.

    >>> Shard(2, 4).label, Shard(2, 4).folder_name
    ('2/4', '2-of-4')
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= _MOST:
            raise UsageError(f"expected 1 to {_MOST:,} shards, found {self.count}; give --shard I/N")
        if not 1 <= self.index <= self.count:
            raise UsageError(
                f"there is no shard {self.index}/{self.count}: shards are counted from 1, from 1/{self.count} to "
                f"{self.count}/{self.count}"
            )

    @property
    def label(self) -> str:
        """What `--shard` takes."""
        return f"{self.index}/{self.count}"

    @property
    def folder_name(self) -> str:
        """The name of its run directory."""
        return f"{self.index}-of-{self.count}"

    def part(self, selection: Selection, benchmark: Benchmark) -> tuple[Item, ...]:
        """Return what this shard answers of a selection, twins included, in the benchmark's order.

        >>> from speech_ifeval.benchmarks import load_benchmark
        >>> example, few = load_benchmark("example"), Selection(sample=12)
        >>> parts = [Shard(index, 3).part(few, example) for index in (1, 2, 3)]
        >>> [len(part) for part in parts], sum(map(len, parts)) == len(few.with_twins(example))
        ([7, 5, 4], True)
        """
        dealt = deal(benchmark, self.count, first_items=selection.limit is not None)
        return tuple(item for item in selection.with_twins(benchmark) if dealt[item.id] == self.index)


def parse_shard(text: str, environment: Mapping[str, str]) -> Shard:
    """Read what `--shard` was given: ``I/N``, or ``auto`` for what Slurm says.

    ``auto`` goes by the job array (SLURM_ARRAY_TASK_ID, _MIN, _MAX, _COUNT), whatever number it begins with; where
    there is none, by the task of the step (SLURM_PROCID of SLURM_NTASKS).

    Args:
        text: as on the command line.
        environment: the process's variables.

    Raises:
        UsageError: it is neither, or Slurm's variables do not say how many shards there are.

    >>> parse_shard("2/4", {}).index
    2
    >>> array = {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "3"}
    >>> parse_shard("auto", {**array, "SLURM_ARRAY_TASK_COUNT": "4"}).label
    '1/4'
    """
    text = text.strip()
    if text != AUTO:
        found = re.fullmatch(r"(\d{1,9})\s*/\s*(\d{1,9})", text, re.ASCII)
        if found is None:
            raise UsageError(f"--shard takes I/N, counted from 1, such as 2/8, or {AUTO}, found {text!r}")
        return Shard(int(found[1]), int(found[2]))
    if _ARRAY[0] in environment:
        return _of_array(environment)
    if all(name in environment for name in _TASKS):
        rank, count = (_number(environment, name) for name in _TASKS)
        if count < 1 or rank >= count:
            raise UsageError(
                f"--shard auto: expected {_TASKS[0]} below {_TASKS[1]}, found {rank} and {count}; give --shard I/N"
            )
        return Shard(rank + 1, count)
    raise UsageError(
        f"--shard auto: expected Slurm's variables, an array's ({_ARRAY[0]}) or a step's ({_TASKS[0]}), found "
        "neither; start it with sbatch --array or srun, or give --shard I/N"
    )


def _of_array(environment: Mapping[str, str]) -> Shard:
    missing = [name for name in _ARRAY if name not in environment]
    if missing:
        raise UsageError(f"--shard auto: {_ARRAY[0]} is set, and {missing[0]} is not; give --shard I/N")
    id, first, last, count = (_number(environment, name) for name in _ARRAY)
    if count == 1:
        raise UsageError(
            f"--shard auto: an array of one task ({_ARRAY[0]}={id}) does not say how many shards there are; give "
            f"--shard {id}/N"
        )
    # The step of --array=0-14:2; a list with gaps, such as 1,5,7, has none.
    step, rest = divmod(last - first, count - 1) if count > 1 else (0, 1)
    place, off = divmod(id - first, step) if step else (0, 1)
    if step < 1 or rest or off or not 0 <= place < count:
        raise UsageError(
            f"--shard auto: expected an array without gaps, found the task {id} of {count} from {first} to "
            f"{last}; give --shard I/N"
        )
    return Shard(place + 1, count)


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment[name].strip()
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise UsageError(f"--shard auto: expected a whole number in {name}, found {text!r}; give --shard I/N")
    return int(text)


def deal(benchmark: Benchmark, count: int, *, first_items: bool = False) -> dict[str, int]:
    """Return the shard of every item, from 1, by id.

    Items are dealt in rounds, each a category's next `count` in the order in which selections grow: one for every
    shard, the longest clip, by what the transcripts say, to the shard that has had the least to hear. So the
    counts of a category differ by at most one between shards, in every sample too, and what a smaller sample gives
    to a shard, every larger one gives it as well. A question and its twin stay together.

    Args:
        benchmark: what is dealt; nothing else decides.
        count: how many shards.
        first_items: grow as ``--limit`` does, instead of as ``--sample``.

    >>> from collections import Counter
    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> sorted(Counter(deal(load_benchmark("example"), 4).values()).values())
    [26, 26, 27, 27]
    """
    return dict(_dealt(benchmark, count, first_items))


@lru_cache(maxsize=16)
def _dealt(benchmark: Benchmark, count: int, first_items: bool) -> dict[str, int]:
    twins = {item.twin: item for item in benchmark if item.category == TWIN_CATEGORY}
    units = [item for item in benchmark if not _goes_along(item, benchmark)]
    rounds: list[list[tuple[Item, ...]]] = []  # each holds at most one unit for every shard, all of a category
    filling: dict[str, list[tuple[Item, ...]]] = {}
    for item in limit_order(units) if first_items else growing_order(units):
        if len(filling.get(item.category, ())) in (0, count):
            filling[item.category] = []
            rounds.append(filling[item.category])
        filling[item.category].append((item, twins[item.id]) if item.id in twins else (item,))
    length = [0] * count
    places: dict[str, int] = {}
    for members in rounds:
        lightest = sorted(range(count), key=length.__getitem__)
        for place, unit in zip(lightest, sorted(members, key=_length, reverse=True), strict=False):
            length[place] += _length(unit)
            places.update((item.id, place + 1) for item in unit)
    return places


def _length(unit: tuple[Item, ...]) -> int:
    return sum(_REPLY_SECONDS + stated_seconds(item) for item in unit)


def _goes_along(item: Item, benchmark: Benchmark) -> bool:
    return item.category == TWIN_CATEGORY and item.twin in benchmark.by_id


def stated_seconds(item: Item) -> int:
    """Return how long an item's clip is by its transcript: by the times in it, else by the length of its text.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> stated_seconds(load_benchmark("bundled").item("closed-ended/0000"))
    3
    """
    transcript = item.transcript or ""
    ends = [
        3600 * int(hours) + 60 * int(minutes) + int(seconds)
        for hours, minutes, seconds in _UNTIL.findall(transcript)
    ]
    return max(ends) if ends else len(transcript) // _CHARACTERS_PER_SECOND
