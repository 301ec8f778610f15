"""Paths, names, the fingerprint, and files no one should have to read."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.records import JUDGED_ID, Item

CLOSED = "closed_ended_questions.jsonl"


def test_official_counts(official: Benchmark) -> None:
    assert Counter(item.category for item in official) == {
        "closed-ended": 933,
        "closed-ended-plain": 933,
        "creative-writing": 400,
        "chain-of-thought": 200,
    }
    assert official.missing_categories == ()
    assert len({item.id for item in official}) == len(official) == 2466
    assert len({item.clip for item in official.in_category("creative-writing")}) == 274
    assert official.in_category("creative-writing")[0].id == "creative-writing/0934"
    assert official.in_category("chain-of-thought")[-1].id == "chain-of-thought/0199"


def test_official_twins_are_paired(official: Benchmark) -> None:
    for item in official.in_category("closed-ended"):
        assert item.twin is not None
        twin = official.item(item.twin)
        assert (twin.twin, twin.clip, twin.label) == (item.id, item.clip, item.label)
        assert item.constraints
        assert not twin.constraints


def test_official_chain_of_thought_is_judged(official: Benchmark) -> None:
    ids = {tuple(c.id for c in item.constraints) for item in official.in_category("chain-of-thought")}
    assert ids == {(JUDGED_ID,)}


def test_official_sources(official: Benchmark) -> None:
    sources = Counter({item.clip: item.source for item in official.in_category("closed-ended")}.values())
    assert (sources["IEMOCAP"], sources["MELD"], sources["LibriSpeech"], sources["MMAU"]) == (200, 103, 200, 333)
    assert all(item.licence is None for item in official)


def test_official_loads_fast(official: Benchmark) -> None:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        load_benchmark(official.root)
        seconds.append(time.perf_counter() - started)
    # 20 ms where nothing else runs; the bound leaves room for a busy machine.
    assert min(seconds) < 0.25


def test_fingerprint_is_of_the_content(official: Benchmark, tmp_path: Path) -> None:
    for file in official.root.glob("*.jsonl"):
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        reordered = [json.dumps(dict(reversed(row.items()))) for row in rows]
        (tmp_path / file.name).write_text("\r\n".join(reordered), encoding="utf-8")
    assert load_benchmark(tmp_path).fingerprint == official.fingerprint
    assert load_benchmark(tmp_path) == official


@pytest.mark.parametrize("field", ["instruction", "clip", "dataset", "transcript", "label", "metric", "id"])
def test_fingerprint_sees_every_field(field: str) -> None:
    items = load_benchmark("example").items
    changed = [msgspec.structs.replace(items[0], **{field: "changed"}), *items[1:]]
    assert fingerprint_of(changed) != fingerprint_of(items)


def test_item_looks_up_by_id() -> None:
    example = load_benchmark("example")
    assert example.item("creative-writing/0003").category == "creative-writing"
    with pytest.raises(UsageError, match=r"^example has no item 'x'; its 106 ids look like 'closed-ended/0000'$"):
        example.item("x")


def test_benchmark_survives_pickling() -> None:
    example = load_benchmark("example")
    assert pickle.loads(pickle.dumps(example)) == example


@pytest.mark.parametrize("name", ["offical", "no/such/folder", "x" * 5000, "a\0b", ""])
def test_unknown_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="one of the names bundled, example"):
        load_benchmark(name)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / CLOSED).write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file: expected the folder of a benchmark"):
        load_benchmark(tmp_path / CLOSED)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no benchmark: expected benchmark\.json and items\.jsonl"):
        load_benchmark(tmp_path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
_FIELDS = (*Item.__struct_fields__, "audio_filepath", "textual_audio", "instruction_id_list", "kwargs")
_IDS = st.sampled_from(["keywords:existence", "length_constraints:number_words", "startend:quotation", "x"])
_ROW = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(_FIELDS, _JSON)
    | {"id": st.integers(), "instruction": st.text(min_size=1), "audio_filepath": st.text(max_size=9)}
    | {"instruction_id_list": st.lists(_IDS, max_size=2), "kwargs": st.lists(_JSON, max_size=2)},
)
_LINES = st.lists(_ROW.map(lambda row: json.dumps(row).encode()) | st.binary(max_size=40), max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=_LINES)
@pytest.mark.parametrize("name", [CLOSED, "creative_writing.jsonl", "chain-of-thought.jsonl", "items.jsonl"])
def test_any_bytes_load_or_are_a_data_error(name: str, lines: list[bytes], tmp_path: Path) -> None:
    if name == "items.jsonl":
        header = {"name": "n", "schema_version": 1, "description": ""}
        (tmp_path / "benchmark.json").write_text(json.dumps(header), encoding="utf-8")
    (tmp_path / name).write_bytes(b"\n".join(lines))
    try:
        load_benchmark(tmp_path)
    except DataError as error:
        assert str(error).startswith(f"{tmp_path}{os.sep}{name}:")  # noqa: PT017
