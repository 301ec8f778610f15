"""Runs of models that were trained on what they are asked: their mark, and the figures with and without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.training_record import (
    TrainedIds,
    TrainingRecord,
    contaminated_share,
    exposures,
    merged,
    read_training_record,
    write_training_record,
)
from speech_ifeval.errors import DataError
from speech_ifeval.metrics.following import ClipIndex, by_item, rates
from speech_ifeval.records import Item, Verdict
from speech_ifeval.results import Contamination

TRAINING_FILE = "trained-on.json"
# The first is in signatures, the second is what it follows from.
CONTAMINATED, TRAINED_ON = "contaminated", "trained_on"
_KINDS = ("wording", "id", "none")

Trained = TrainingRecord | TrainedIds


def training_of(folders: Iterable[Path], given: TrainingRecord | None) -> TrainingRecord | None:
    """Return what a run's model is known to have been trained on: what is given, and what its folders keep.

    Raises:
        DataError: a folder keeps what is no record.
    """
    kept = [folder / TRAINING_FILE for folder in folders]
    records = [] if given is None else [given]
    records += [read_training_record(path) for path in kept if path.is_file()]
    return merged(records) if records else None


def keep_training(folder: Path, record: TrainingRecord) -> None:
    """Keep a record in a run directory: who scores it again need not name it, and cannot forget it.

    Raises:
        OutputError: it cannot be written.
    """
    path = folder / TRAINING_FILE
    if not path.is_file() or read_training_record(path).digest != record.digest:
        write_training_record(path, record)


def training_settings(trained: Trained | None, items: Sequence[Item]) -> dict[str, Any]:
    """Return what a scoring's manifest holds of it; nothing where nothing is known.

    >>> asked = [Item("1", "", "", "", "")]
    >>> training_settings(TrainedIds("5f3a9c1e", ("a:b",)), asked)["contaminated"]
    '0/0-5f3a9c1e'
    """
    if trained is None:
        return {}
    share, demanding = contaminated_share(trained.ids, items)
    return {
        CONTAMINATED: f"{share}/{demanding}-{trained.digest}",
        TRAINED_ON: {"record": trained.digest, "ids": sorted(trained.ids)},
    }


def claimed_training(place: str, settings: Mapping[str, Any]) -> TrainedIds | None:
    """Return what a manifest that somebody else wrote says of it; `place` is what messages call the manifest.

    Raises:
        DataError: it is nothing that a scoring writes.
    """
    claimed = settings.get(TRAINED_ON)
    if claimed is None:
        return None
    try:
        return msgspec.convert(claimed, TrainedIds)
    except msgspec.ValidationError as error:
        raise DataError(
            f"{place}: {TRAINED_ON} is not what a scoring writes ({error}); score the run again"
        ) from None


def told_contaminated(settings: Mapping[str, Any]) -> str | None:
    """Say of a run's settings that it is contaminated; None where it is not known to be.

    >>> told_contaminated({"contaminated": "3/8-5f3a9c1e"})
    '3 of 8 items demand what the model was trained on (record 5f3a9c1e)'
    >>> told_contaminated({"contaminated": "0/8-5f3a9c1e"}) is told_contaminated({}) is None
    True
    """
    counts, _, record = str(settings.get(CONTAMINATED, "0/0-")).partition("-")
    share, _, demanding = counts.partition("/")
    if share == "0":
        return None
    return f"{share} of {demanding} items demand what the model was trained on (record {record})"


def contamination_of(
    trained: Trained | None, benchmark: Benchmark, items: Sequence[Item], verdicts: Sequence[Verdict]
) -> Contamination | None:
    """Return the following rates of a run's items by how much of them was trained on.

    None where nothing is known, or only the ids.
    """
    if not isinstance(trained, TrainingRecord):
        return None
    of_item = exposures(trained, benchmark, items)
    share, demanding = contaminated_share(trained.ids, items)
    groups = by_item(verdicts, lambda verdict: of_item.get(verdict.item), ClipIndex())
    return Contamination(
        record=trained.digest,
        items=demanding,
        contaminated=share,
        rates=rates(groups, [kind for kind in _KINDS if kind in groups]),
        same_kwargs=_with_the_same_kwargs(trained, items),
    )


def _with_the_same_kwargs(record: TrainingRecord, items: Sequence[Item]) -> int:
    known = {one.id: one.kwargs for one in record.constraints}
    return sum(
        any(one.kwargs and one.kwargs in known.get(one.id, ()) for one in item.constraints) for item in items
    )
