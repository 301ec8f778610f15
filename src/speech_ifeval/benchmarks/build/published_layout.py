"""A benchmark as the published release lays it out, for the programs that read that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks.forms.published import CLOSED_FILE, CREATIVE_FILE, THOUGHT_FILE, TWIN_FILE
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Item

PUBLISHED_FOLDER = "published"
_ENCODER = msgspec.json.Encoder()
_FILES = {
    CATEGORIES[0]: CLOSED_FILE,
    TWIN_CATEGORY: TWIN_FILE,
    CATEGORIES[1]: CREATIVE_FILE,
    CATEGORIES[2]: THOUGHT_FILE,
}


def write_published(items: Iterable[Item], folder: Path) -> None:
    """Write the release's files, one for every category there is. Speaker, source and wording have no place in
    them.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    folder.mkdir()
    kept = tuple(items)
    for category, name in _FILES.items():
        rows = list(_rows(item for item in kept if item.category == category))
        if rows:
            (folder / name).write_bytes(_ENCODER.encode_lines(rows))


def _rows(items: Iterable[Item]) -> Iterator[dict[str, Any]]:
    for item in items:
        row: dict[str, Any] = {"audio_filepath": item.clip}
        if item.transcript is not None:
            row["textual_audio"] = item.transcript
        row |= {"instruction": item.instruction, "dataset": item.dataset, "metric": item.metric}
        if item.category != CATEGORIES[2]:  # rows of chain of thought have no number: their order is theirs
            row["id"] = int(item.id.rpartition("/")[2])
        if item.category in CATEGORIES[:2]:
            row["instruction_id_list"] = [constraint.id for constraint in item.constraints]
            row["kwargs"] = [constraint.kwargs for constraint in item.constraints]
        if item.label is not None:
            row["label"] = item.label
        if item.licence is not None:
            row["licence"] = item.licence
        yield row
