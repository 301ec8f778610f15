"""The sample that people see: blind, spread, nested, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.judges.replay import reply_hash
from speech_ifeval.records import USES
from tests.annotation.conftest import sampled, write_run
from tests.spoken import write_tone

EXAMPLE = load_benchmark("example")


def test_a_sample_takes_the_uses_in_turn_and_is_nested(run_folder: Path) -> None:
    few, more = sampled(run_folder, 12), sampled(run_folder, 27)
    assert Counter(task.use for task in few) == dict.fromkeys(USES, 4)
    assert {task.item for task in few} < {task.item for task in more}
    assert [task.use for task in more] == sorted((task.use for task in more), key=USES.index)


def test_the_order_hangs_on_the_seed_and_on_nothing_else(run_folder: Path) -> None:
    orders = [[task.item for task in sampled(run_folder, 50, seed=seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_a_sample_is_spread_over_strata(run_folder: Path) -> None:
    found = Counter(
        (task.use, EXAMPLE.item(task.item).dataset, bool(EXAMPLE.item(task.item).constraints))
        for task in sampled(run_folder, 60)
    )
    everything = Counter(
        (task.use, EXAMPLE.item(task.item).dataset, bool(EXAMPLE.item(task.item).constraints))
        for task in sampled(run_folder, 10_000)
    )
    assert set(found) == set(everything)


def test_the_question_is_shown_without_its_constraint(run_folder: Path) -> None:
    tasks = {task.item: task for task in sampled(run_folder, 10_000)}
    assert tasks["closed-ended/0000"].question == EXAMPLE.item("closed-ended-plain/0000").instruction
    assert tasks["chain-of-thought/0000"].question == EXAMPLE.item("chain-of-thought/0000").instruction
    assert {task.item for task in tasks.values() if task.label is not None} == {
        task.item for task in tasks.values() if task.use == "accuracy"
    }


def test_thoughts_are_not_shown_as_they_are_not_to_a_judge(tmp_path: Path) -> None:
    said = "<think>First, this. Then, that.</think> Answer."
    run = write_run(tmp_path / "run", replies={"closed-ended/0000": said, "chain-of-thought/0000": said})
    tasks = {task.item: task for task in sampled(run, 10_000)}
    assert tasks["closed-ended/0000"].reply == tasks["chain-of-thought/0000"].reply == "Answer."
    assert tasks["closed-ended/0000"].reply_hash == reply_hash(said)


def test_nobody_is_asked_about_an_empty_reply(tmp_path: Path) -> None:
    replies = {"closed-ended/0000": " \n", "chain-of-thought/0000": "<think>Hm.</think>"}
    run = write_run(tmp_path / "run", replies=replies)
    assert {task.item for task in sampled(run, 10_000)}.isdisjoint(replies)


def test_clips_are_played_where_they_are_at_hand(run_folder: Path, tmp_path: Path) -> None:
    clip = EXAMPLE.item("closed-ended/0000").clip
    write_tone((tmp_path / "clips" / clip), 440)
    tasks = sampled(run_folder, 10_000, audio_dir=tmp_path / "clips")
    assert {task.clip for task in tasks if EXAMPLE.item(task.item).clip == clip} == {tmp_path / "clips" / clip}
    assert {task.clip for task in tasks if EXAMPLE.item(task.item).clip != clip} == {None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sample": 0}, "--sample takes a whole number from 1, found 0"),
        ({"uses": ("taste",)}, "--use takes reasoning, accuracy, transcript; found 'taste'"),
        ({"audio_dir": Path("nowhere")}, "no folder of clips at 'nowhere'"),
    ],
)
def test_a_wrong_call_is_refused(run_folder: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        sampled(run_folder, **({"sample": 5} | options))  # type: ignore[arg-type]


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no run directory, and labels are kept in one"):
        sampled(tmp_path)
