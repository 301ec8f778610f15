"""Where the shards of a run lie, what they may take from each other, and whether they are of one run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks.sharding import Shard
from speech_ifeval.errors import MismatchError
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE, SHARDS_FOLDER, is_run
from speech_ifeval.runs import differences, read_manifest

# How the run that the shards belong to is to be scored; written by each shard into its own directory.
SCORING_FILE = "scoring.json"
_NAME = re.compile(r"([1-9]\d{0,8})-of-([1-9]\d{0,8})")


def folder_of(run: Path, shard: Shard | None) -> Path:
    """Return the directory that a shard of a run is written in; that of the run itself where there is none.

    >>> folder_of(Path("runs/a"), Shard(2, 4)).as_posix()
    'runs/a/shards/2-of-4'
    """
    return run if shard is None else run / SHARDS_FOLDER / shard.folder_name


def shards_of(run: Path) -> list[tuple[Shard, Path]]:
    """Return the shards that lie in a run directory, by N and I; other folders are let be.

    >>> shards_of(Path("nowhere"))
    []
    """
    return [(shard, path) for shard, path in _named(run) if is_run(path)]


def _named(run: Path) -> list[tuple[Shard, Path]]:
    # Looked into later, where it matters: a thousand shards that start would else ask for a million files.
    found = []
    folder = run / SHARDS_FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        name = _NAME.fullmatch(path.name)
        if name is not None and int(name[1]) <= int(name[2]):
            found.append((Shard(int(name[1]), int(name[2])), path))
    return sorted(found, key=lambda one: (one[0].count, one[0].index))


def relatives(run: Path, shard: Shard | None) -> Iterator[Path]:
    """Yield the directories that may hold answers to what is asked here: the run's, and those of another N.

    Shards of the same N are left out: what they hold is theirs.
    """
    if shard is not None and is_run(run):
        yield run
    for other, path in _named(run):
        if (shard is None or other.count != shard.count) and is_run(path):
            yield path


def _has_answers(run: Path) -> bool:
    responses = run / RESPONSES_FILE
    return responses.is_file() and responses.stat().st_size > 0


def refuse_strangers(folder: Path, manifest: dict[str, Any], compared: Sequence[str]) -> None:
    """Stop a shard whose settings are not those of the shards beside it; one that has answers speaks for all.

    Raises:
        MismatchError: names the keys that differ.
    """
    for other, path in _named(folder.parent.parent):
        if path.name == folder.name or not is_run(path) or not _has_answers(path):
            continue
        standing = read_manifest(path / RUN_FILE) or {}
        rows = [row for key in compared for row in differences(key, standing.get(key), manifest.get(key))]
        if rows:
            raise MismatchError(
                f"{path}, the shard {other.label} of the same run, was made with other settings "
                f"({'; '.join(rows)}); give another --output-dir, or delete the shards that are not wanted"
            )
        return
