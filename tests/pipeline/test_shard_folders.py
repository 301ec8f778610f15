"""Shards beside each other: what a starting one looks at does not grow with their number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks.sharding import Shard
from speech_ifeval.errors import MismatchError
from speech_ifeval.pipeline.shard_folders import folder_of, refuse_strangers, relatives, shards_of
from speech_ifeval.runs import write_document, write_lines

SETTINGS = {"model": "a"}


def make(run: Path, count: int, settings: dict[str, Any] = SETTINGS) -> None:
    for index in range(1, count + 1):
        place = folder_of(run, Shard(index, count))
        write_document(place / "responses.manifest.json", settings)
        write_lines(place / "responses.jsonl", [{"id": "a", "text": "b"}])


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    seen: list[str] = []
    stat = os.stat

    def noting(path: Any, *args: Any, **options: Any) -> os.stat_result:
        seen.append(str(path))
        return stat(path, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", noting)
        yield seen


@pytest.mark.parametrize("count", [4, 60])
def test_a_shard_looks_into_few_of_its_neighbours(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, count)
    mine = Shard(3, count)
    with counted(monkeypatch) as seen:
        refuse_strangers(folder_of(tmp_path, mine), SETTINGS, ("model",))
        assert list(relatives(tmp_path, mine)) == []
    assert len(seen) < 10


def test_shards_of_another_number_are_relatives_and_folders_of_other_names_are_not(tmp_path: Path) -> None:
    make(tmp_path, 3)
    make(tmp_path, 2)
    (tmp_path / "shards" / "4-of-5").mkdir()  # not begun
    (tmp_path / "shards" / "notes").mkdir()
    assert [path.name for path in relatives(tmp_path, Shard(1, 3))] == ["1-of-2", "2-of-2"]
    assert [shard.label for shard, _ in shards_of(tmp_path)] == ["1/2", "2/2", "1/3", "2/3", "3/3"]


def test_a_stranger_is_refused_by_the_first_that_has_answers(tmp_path: Path) -> None:
    make(tmp_path, 3, {"model": "b"})
    (folder_of(tmp_path, Shard(1, 3)) / "responses.jsonl").write_bytes(b"")
    with pytest.raises(MismatchError, match="2-of-3.*model: 'b' there, 'a' now"):
        refuse_strangers(folder_of(tmp_path, Shard(3, 3)), SETTINGS, ("model",))
