"""What a model was trained on by a reward: ids, kwargs, wordings; and which items of a benchmark demand these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.demands import demand_of
from speech_ifeval.benchmarks.rows import read_document
from speech_ifeval.errors import UsageError
from speech_ifeval.records import Constraint, Item
from speech_ifeval.runs import write_document

KIND: Literal["speech-ifeval training record"] = "speech-ifeval training record"
_DIGITS = 8
_ENCODER = msgspec.json.Encoder(order="deterministic")

Exposure = Literal["wording", "id", "none"]


class TrainedConstraint(Struct, frozen=True, forbid_unknown_fields=True):
    """A constraint that was trained on.

    Attributes:
        id: its id.
        kwargs: each set of kwargs that it was demanded with.
        wordings: in which words: keys of a pool, and texts with the kwargs' values taken out.
    """

    id: str
    kwargs: tuple[dict[str, Any], ...] = ()
    wordings: tuple[str, ...] = ()


class TrainingRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """What the training rows of a model demanded: the content of a file beside them.

    Attributes:
        constraints: one of each id.
        source: what the rows were made of.
        rows: how many there were.
        seed: of the split.

    >>> record = TrainingRecord((TrainedConstraint("startend:quotation"),), source="bundled-83df997de3d2")
    >>> record.ids, record.digest
    (frozenset({'startend:quotation'}), 'e85cfac8')
    """

    constraints: tuple[TrainedConstraint, ...]
    source: str = ""
    rows: int = 0
    seed: int | None = None
    kind: Literal["speech-ifeval training record"] = KIND
    record_version: Literal[1] = 1

    @property
    def ids(self) -> frozenset[str]:
        """The ids that were trained on."""
        return frozenset(one.id for one in self.constraints)

    @property
    def digest(self) -> str:
        """Eight digits that signatures have of it: of what was demanded, whatever its order and source."""
        content = sorted(
            (one.id, sorted(map(_ENCODER.encode, one.kwargs)), sorted(one.wordings)) for one in self.constraints
        )
        return hashlib.sha256(_ENCODER.encode(content)).hexdigest()[:_DIGITS]


class TrainedIds(Struct, frozen=True, forbid_unknown_fields=True):
    """As much of a record as a signature depends on: its digest and the ids, sorted."""

    record: str
    ids: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The record's."""
        return self.record


_RECORD = msgspec.json.Decoder(TrainingRecord)


def read_training_record(path: Path) -> TrainingRecord:
    """Read a record, as `write_training_record` writes it.

    Raises:
        UsageError: there is no such file.
        DataError: it is no record.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "trained-on.json"
    ...     write_training_record(path, TrainingRecord((TrainedConstraint("startend:quotation"),)))
    ...     sorted(read_training_record(path).ids)
    ['startend:quotation']
    """
    if not path.is_file():
        raise UsageError(
            f"no training record at {str(path)!r}: expected the file that was written beside the training rows; "
            "check the path"
        )
    return read_document(path, _RECORD)


def read_training_records(paths: Iterable[Path]) -> TrainingRecord | None:
    """Read records as one; None where there is none.

    Raises:
        UsageError, DataError: as `read_training_record`.
    """
    records = [read_training_record(path) for path in paths]
    return merged(records) if records else None


def write_training_record(path: Path, record: TrainingRecord) -> None:
    """Write a record.

    Raises:
        OutputError: it cannot be written.
    """
    write_document(path, record)


def record_of(
    demanded: Iterable[tuple[Constraint, Iterable[str]]],
    *,
    source: str = "",
    rows: int = 0,
    seed: int | None = None,
) -> TrainingRecord:
    """Return the record of constraints that were demanded, each with what its wording is known by.

    >>> made = record_of([(Constraint("startend:quotation"), ["Quote it."])] * 2)
    >>> made.constraints
    (TrainedConstraint(id='startend:quotation', kwargs=({},), wordings=('Quote it.',)),)
    """
    trained = (TrainedConstraint(one.id, (one.kwargs,), tuple(known_by)) for one, known_by in demanded)
    return TrainingRecord(_one_of_each(trained), source, rows, seed)


def _one_of_each(trained: Iterable[TrainedConstraint]) -> tuple[TrainedConstraint, ...]:
    kwargs: dict[str, dict[bytes, dict[str, Any]]] = {}
    wordings: dict[str, set[str]] = {}
    for one in trained:
        kwargs.setdefault(one.id, {}).update({_ENCODER.encode(each): each for each in one.kwargs})
        wordings.setdefault(one.id, set()).update(one.wordings)
    return tuple(
        TrainedConstraint(id, tuple(kwargs[id][key] for key in sorted(kwargs[id])), tuple(sorted(wordings[id])))
        for id in sorted(kwargs)
    )


def merged(records: Iterable[TrainingRecord]) -> TrainingRecord:
    """Return one record of all: a model that was trained twice was trained on both.

    >>> one, two = (record_of([(Constraint(id), [])]) for id in ("a:b", "c:d"))
    >>> sorted(merged([one, two]).ids), merged([one, one]) == one
    (['a:b', 'c:d'], True)
    """
    distinct = list({one.digest: one for one in records}.values())
    if len(distinct) == 1:
        return distinct[0]
    together = _one_of_each(trained for one in distinct for trained in one.constraints)
    return TrainingRecord(together, "; ".join(one.source for one in distinct), sum(one.rows for one in distinct))


def wordings_of(benchmark: Benchmark, item: Item, index: int) -> tuple[str, ...]:
    """Return what the wording of an item's constraint is known by: its key, where it has one, and its text."""
    demand = demand_of(benchmark, item, index)
    return tuple(dict.fromkeys((demand.wording, demand.text)))


def exposures(record: TrainingRecord, benchmark: Benchmark, items: Iterable[Item]) -> dict[str, Exposure]:
    """Return, for each of the items that demands something, how much of it was trained on.

    ``wording``: one of its constraints in these very words; ``id``: one of its constraints in other words; else
    ``none``.
    """
    wordings = {one.id: frozenset(one.wordings) for one in record.constraints}
    found: dict[str, Exposure] = {}
    for item in items:
        for index, constraint in enumerate(item.constraints):
            known = wordings.get(constraint.id)
            exposure: Exposure = "none"
            if known is not None:
                exposure = "id" if known.isdisjoint(wordings_of(benchmark, item, index)) else "wording"
            if item.id not in found or _RANK[exposure] > _RANK[found[item.id]]:
                found[item.id] = exposure
    return found


_RANK: dict[Exposure, int] = {"none": 0, "id": 1, "wording": 2}


def contaminated_share(ids: Iterable[str], items: Iterable[Item]) -> tuple[int, int]:
    """Return how many of the items demand a constraint that was trained on, and how many demand any.

    >>> items = [Item(name, "", "", "", "", (Constraint(id),)) for name, id in (("1", "a:b"), ("2", "c:d"))]
    >>> contaminated_share(["a:b"], items)
    (1, 2)
    """
    trained = frozenset(ids)
    demanding = [item for item in items if item.constraints]
    return sum(any(one.id in trained for one in item.constraints) for item in demanding), len(demanding)
