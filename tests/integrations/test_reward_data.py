"""Prompts of a benchmark or a pool; what is held out is in no training row; the record says what is in them."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pandas
import pytest
from datasets import Dataset

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.build import Plan, Row
from speech_ifeval.benchmarks.derived import of_items, with_items
from speech_ifeval.benchmarks.training_record import (
    TrainingRecord,
    exposures,
    merged,
    read_training_record,
    read_training_records,
    write_training_record,
)
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.integrations.reward_columns import asked_in_columns, asked_in_label
from speech_ifeval.integrations.reward_data import Prompt, as_dataset, prompts_of, split_prompts, text_benchmark
from speech_ifeval.records import JUDGED_ID, Item


@pytest.fixture(scope="module")
def bundled() -> Benchmark:
    return load_benchmark("bundled")


@pytest.fixture(scope="module")
def prompts(bundled: Benchmark) -> list[Prompt]:
    return prompts_of(bundled)


def test_every_item_that_rules_decide_is_a_prompt(bundled: Benchmark, prompts: list[Prompt]) -> None:
    decided = [item for item in bundled.items if item.constraints and item.constraints[0].id != JUDGED_ID]
    assert [prompt.item for prompt in prompts] == [item.id for item in decided]
    system, user = prompts[0].messages
    assert system == {"role": "system", "content": "Follow the given instructions."}
    assert user["content"] == f"Speech Input: {decided[0].transcript}\n\n{decided[0].instruction}"
    assert prompts_of(bundled, system=None)[0].messages == (user,)


def test_a_benchmark_without_such_items_is_refused(bundled: Benchmark) -> None:
    undecided = [item for item in bundled.items if not item.constraints or item.constraints[0].id == JUDGED_ID]
    with pytest.raises(UsageError, match=r"bundled\+undecided has no item that a rule decides"):
        prompts_of(of_items(bundled, undecided, "undecided"))


def test_rows_survive_the_tables_of_each_trainer(prompts: list[Prompt], tmp_path: Path) -> None:
    """Through Arrow and Parquet and back, the constraints are the same."""
    table = as_dataset([prompt.for_trl() for prompt in prompts])
    for prompt, row in zip(prompts, table, strict=True):
        assert asked_in_columns("row", row["instruction_id_list"], row["kwargs"]) == prompt.constraints
        assert row["prompt"] == list(prompt.messages)
    Dataset.from_list([prompt.for_verl() for prompt in prompts]).to_parquet(tmp_path / "verl.parquet")
    written = pandas.read_parquet(tmp_path / "verl.parquet").to_dict("records")
    for prompt, row in zip(prompts, written, strict=True):
        assert asked_in_label(row["reward_model"]["ground_truth"]) == prompt.constraints
    for prompt, row in zip(prompts, Dataset.from_list([one.for_open_instruct() for one in prompts]), strict=True):
        assert asked_in_label(row["ground_truth"]) == prompt.constraints
        assert row["dataset"] == "speech_ifeval"


def of(prompts: list[Prompt]) -> tuple[set[str], set[tuple[str, str]]]:
    ids = {id for prompt in prompts for id in prompt.ids}
    wordings = {
        (one.id, known_by[0])
        for prompt in prompts
        for one, known_by in zip(prompt.constraints, prompt.wordings, strict=True)
    }
    return ids, wordings


def test_held_out_ids_are_in_no_training_row(prompts: list[Prompt]) -> None:
    split = split_prompts(prompts, ids=0.25, seed=3)
    (trained, _), (tested, _) = of(split.train), of(split.test)
    assert not trained & tested
    assert len(tested) == 4  # a quarter of the 13 ids, rounded up
    assert split.record.ids == trained
    assert {prompt.item for prompt in (*split.train, *split.test)} == {prompt.item for prompt in prompts}


def test_held_out_wordings_are_in_no_training_row(prompts: list[Prompt]) -> None:
    split = split_prompts(prompts, wordings=0.25, seed=3)
    (ids, trained), (_, tested) = of(split.train), of(split.test)
    assert not trained & tested
    assert {id for id, _ in tested} <= ids
    for constraint in split.record.constraints:
        keys = {wording for wording in constraint.wordings if wording.startswith("en/")}
        assert keys == {wording for id, wording in trained if id == constraint.id}


def test_both_at_once_and_by_name(prompts: list[Prompt]) -> None:
    wording = "en/startend:quotation/01"
    split = split_prompts(prompts, ids=["keywords:existence"], wordings=[wording])
    for prompt in split.test:
        assert prompt.ids == ["keywords:existence"] or prompt.wordings[0][0] == wording
    assert "keywords:existence" not in split.record.ids
    text = "Wrap your entire response in double quotation marks."
    assert [one.item for one in split_prompts(prompts, wordings=[text]).test] == [
        prompt.item for prompt in prompts if wording in prompt.wordings[0]
    ]


def test_the_seed_decides(prompts: list[Prompt]) -> None:
    same = [split_prompts(prompts, ids=0.3, wordings=0.3, seed=5) for _ in range(2)]
    assert same[0] == same[1]
    assert split_prompts(prompts, ids=0.3, wordings=0.3, seed=6).record.digest != same[0].record.digest


@pytest.mark.parametrize(
    ("held_out", "said"),
    [
        ({}, "a split holds something out"),
        ({"ids": 1.0}, "a number from 0 and below 1, found 1.0"),
        ({"wordings": -0.1}, "a number from 0 and below 1, found -0.1"),
        ({"ids": "startend:quotation"}, "are a list, or a share such as 0.25, found 'startend:quotation'"),
        ({"ids": ["startend:quote"]}, "no prompt has 'startend:quote' among its ids, which look like 'change_"),
        ({"wordings": ["en/startend:quotation/99"]}, "no prompt has 'en/startend:quotation/99' among its word"),
        ({"ids": 0.99}, "the split leaves none of 230 prompts to train with"),
    ],
)
def test_a_split_that_cannot_be_made(prompts: list[Prompt], held_out: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        split_prompts(prompts, **held_out)  # type: ignore[arg-type]


def test_a_pool_needs_no_audio() -> None:
    rows = [Row(f"{number}", f"{name} found the red lamp near the river.", task="transcription")
            for number, name in enumerate(("Anna", "Ben", "Clara", "David"))]  # fmt: skip
    plan = Plan("lamps", "", closed_ended=12, creative_writing=8, chain_of_thought=0, seed=2)
    made = text_benchmark(rows, plan)
    prompts = prompts_of(made)
    assert len(prompts) == 20
    assert all(prompt.wordings[0][0].startswith("en/") for prompt in prompts)
    assert made == text_benchmark(rows, plan)
    assert split_prompts(prompts, ids=0.2).record.rows < 20


def test_a_record_knows_wordings_by_text_too(bundled: Benchmark, prompts: list[Prompt]) -> None:
    """A benchmark that names no wordings, as the published one, is known by its texts."""
    split = split_prompts(prompts, wordings=0.25, seed=3)
    unnamed = with_items(bundled, _without_wording, "unnamed")
    trained = {prompt.item for prompt in split.train}
    held_out = {prompt.item for prompt in split.test}
    for benchmark in (bundled, unnamed):
        found = exposures(split.record, benchmark, benchmark.items)
        assert all(found[item] == "wording" for item in trained)
        assert all(found[item] == "id" for item in held_out)
        judged = [item.id for item in benchmark.items if item.constraints and item.constraints[0].id == JUDGED_ID]
        assert {found[item] for item in judged} == {"none"}


def _without_wording(item: Item) -> Item:
    return msgspec.structs.replace(item, wording=None)


def test_a_record_is_read_as_it_was_written(prompts: list[Prompt], tmp_path: Path) -> None:
    one, other = (split_prompts(prompts, wordings=0.25, seed=seed, source="bundled").record for seed in (1, 2))
    write_training_record(tmp_path / "one.json", one)
    write_training_record(tmp_path / "other.json", other)
    assert read_training_record(tmp_path / "one.json") == one
    both = read_training_records([tmp_path / "one.json", tmp_path / "other.json"])
    assert both == merged([one, other])
    assert both is not None
    assert both.digest not in (one.digest, other.digest)
    for trained in one.constraints:
        (found,) = (each for each in both.constraints if each.id == trained.id)
        assert set(trained.wordings) <= set(found.wordings)
    assert read_training_records([]) is None
    assert merged([one, one]).digest == one.digest


def test_the_digest_is_of_what_was_demanded(prompts: list[Prompt]) -> None:
    record = split_prompts(prompts, ids=["startend:quotation"]).record
    shuffled = TrainingRecord(record.constraints[::-1], "elsewhere", 3, 9)
    assert shuffled.digest == record.digest
    assert TrainingRecord(record.constraints[1:]).digest != record.digest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ('{"constraints": []}', None),
        ('{"constraints": [{"id": 3}]}', '"constraints.*id" must be a text'),
        ('{"constraints": [], "kind": "summary"}', "kind"),
        ('{"constraints": [], "weights": 1}', '"weights" is not known'),
    ],
)
def test_a_file_that_is_no_record(content: str, said: str | None, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(content)
    if said is None:
        assert read_training_record(path).ids == frozenset()
        return
    with pytest.raises(DataError, match=f"record.json:1: .*{said}"):
        read_training_record(path)
    with pytest.raises(UsageError, match="no training record at"):
        read_training_record(tmp_path / "nowhere.json")


def test_kwargs_are_one_json_text_each(prompts: list[Prompt]) -> None:
    row = next(prompt for prompt in prompts if prompt.constraints[0].kwargs).for_trl()
    assert [json.loads(text) for text in row["kwargs"]]
    assert sorted(row) == ["instruction_id_list", "item", "kwargs", "prompt"]
