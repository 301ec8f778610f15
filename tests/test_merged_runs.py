"""Shards and their merge: one run in the end, whatever was lost, doubled, torn or answered under another N."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import speech_ifeval as sif
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import DataError, IncompleteError, MismatchError, SpeechIFEvalError, UsageError
from speech_ifeval.job import ShardRun, Watching
from speech_ifeval.pipeline.scoring import Scoring
from tests.spoken import spoken_rows, write_models, write_spoken

FEW = Selection(sample=9)


@pytest.fixture
def spoken(tmp_path: Path) -> Benchmark:
    write_models(tmp_path)
    return write_spoken(tmp_path / "tones", spoken_rows(closed=8, creative=6, thinking=4))


@pytest.fixture
def answer(spoken: Benchmark, tmp_path: Path) -> Callable[..., sif.Run]:
    """Evaluates a model that hears against one that reads, into ``run`` unless it is told otherwise."""

    def evaluate(shard: str | None = None, run: str = "run", model: str = "hears", **settings: Any) -> sif.Run:
        return sif.evaluate(
            f"py:{tmp_path}/own.py:{model}",
            reference=f"py:{tmp_path}/own.py:reads",
            reference_args={"hears": "false"},
            benchmark=spoken,
            output_dir=tmp_path / run,
            shard=shard,
            **settings,
        )

    return evaluate


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]


def replies(folder: Path) -> list[tuple[Any, ...]]:
    """What was answered, without how long it took, in the order of the ids."""
    return sorted((row["id"], row.get("text"), row.get("error"), row["fingerprint"]) for row in lines(folder))


def same_run(merged: Path, single: Path) -> None:
    """The verdicts, figures and report are equal byte for byte, and so is what was answered."""
    for name in ("", "reference"):
        assert replies(merged / name) == replies(single / name)
        verdicts = {path.name: path.read_bytes() for path in (single / name).glob("verdicts.*")}
        assert verdicts
        assert {path.name: path.read_bytes() for path in (merged / name).glob("verdicts.*")} == verdicts
    for name in ("summary.json", "report.md"):
        assert (merged / name).read_bytes() == (single / name).read_bytes()
    manifests = [json.loads((run / "responses.manifest.json").read_text()) for run in (merged, single)]
    assert manifests[0] == manifests[1]


def test_shards_in_any_order_become_the_run_of_one_process(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    for shard in ("3/3", "1/3", "2/3"):
        assert isinstance(answer(shard), ShardRun)
    assert not (tmp_path / "run/responses.jsonl").exists()
    merged = sif.merge(tmp_path / "run", benchmark=spoken)
    single = answer(run="single")
    same_run(merged.folder, single.folder)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    sif.merge(tmp_path / "run", benchmark=spoken)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    # It is a run like any other: the plain command finds nothing to do.
    said: list[str] = []
    answer(watching=Watching(say=said.append))
    assert said[0] == f"model hears: all {len(spoken)} items are answered; nothing to do"


def test_the_manifests_of_shards_differ_in_the_shard_alone(answer: Callable[..., sif.Run], tmp_path: Path) -> None:
    answer("1/2", selection=FEW)
    answer("2/2", selection=FEW)
    one, other = (
        json.loads((tmp_path / f"run/shards/{index}-of-2/responses.manifest.json").read_text()) for index in (1, 2)
    )
    assert (one.pop("shard"), other.pop("shard")) == ({"index": 1, "count": 2}, {"index": 2, "count": 2})
    assert one == other


def test_a_shard_has_no_figures_and_says_what_comes_next(answer: Callable[..., sif.Run], tmp_path: Path) -> None:
    part = answer("1/2", selection=FEW)
    with pytest.raises(UsageError, match=r"no figures of its own.+speech-ifeval merge"):
        part.ifrate  # noqa: B018
    assert "ShardRun" in part._repr_html_()


def test_what_is_missing_is_named_by_shard_and_joined_all_the_same(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for shard in ("1/4", "2/4", "4/4"):
        answer(shard)
    path = run / "shards/2-of-4/responses.jsonl"
    kept = path.read_bytes()
    path.write_bytes(kept[:-20])  # torn in its last line, as by a kill
    with pytest.raises(IncompleteError) as error:
        sif.merge(run, benchmark=spoken)
    said = str(error.value)
    part = [len(sif.Shard(index, 4).part(Selection(), spoken)) for index in (2, 3)]
    assert f"shard 2/4 1 of {part[0]}, shard 3/4 {part[1]} of {part[1]} (not begun)" in said
    assert "again with --shard 2/4, --shard 3/4, then merge again" in said
    assert len(lines(run)) == len(spoken) - 1 - part[1]
    assert not (run / "summary.json").exists()
    partial = sif.merge(run, benchmark=spoken, partial=True)
    assert partial.summary.replies["missing"] > 0
    answer("2/4")  # mends its torn line
    answer("3/4")
    same_run(sif.merge(run, benchmark=spoken).folder, answer(run="single").folder)


def test_another_n_and_none_take_over_what_is_answered(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    answer("1/3")
    for shard in ("1/2", "2/2"):
        answer(shard)
    first = {row["id"]: row["seconds"] for row in lines(tmp_path / "run/shards/1-of-3")}
    later = {row["id"]: row["seconds"] for index in (1, 2) for row in lines(tmp_path / f"run/shards/{index}-of-2")}
    assert {
        id: later[id] for id in first
    } == first  # to the last digit of how long it took: nobody was asked again
    said: list[str] = []
    merged = sif.merge(tmp_path / "run", benchmark=spoken, watching=Watching(say=said.append))
    assert "answered twice" not in said[0]  # what was taken over is a copy
    same_run(merged.folder, answer(run="single").folder)
    # And without any shard, from shards alone.
    shutil.copytree(tmp_path / "run/shards", tmp_path / "plain/shards")
    said.clear()
    answer(run="plain", watching=Watching(say=said.append))
    rows = {row["id"]: row["seconds"] for row in lines(tmp_path / "plain")}
    assert {id: rows[id] for id in first} == first


def test_a_merged_run_grows_by_shards_of_a_larger_sample(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    for shard in ("1/2", "2/2"):
        answer(shard, selection=FEW)
    few = sif.merge(tmp_path / "run", benchmark=spoken)
    assert "|subset:sample-9|items:9|" in few.summary.signature
    before = {row["id"]: row["seconds"] for row in lines(tmp_path / "run")}
    answer("1/2")
    with pytest.raises(MismatchError, match=r"selection\.sample: None there, 9 now"):
        sif.merge(tmp_path / "run", benchmark=spoken)
    answer("2/2")
    whole = sif.merge(tmp_path / "run", benchmark=spoken)
    after = {row["id"]: row["seconds"] for row in lines(tmp_path / "run")}
    assert {id: after[id] for id in before} == before
    same_run(whole.folder, answer(run="single").folder)


def test_copies_from_several_machines_are_merged_into_another_directory(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    answer("1/2", run="one")
    answer("2/2", run="two")
    with pytest.raises(UsageError, match="name it with --output-dir"):
        sif.merge(tmp_path / "one", tmp_path / "two", benchmark=spoken)
    merged = sif.merge(tmp_path / "one", tmp_path / "two", benchmark=spoken, output_dir=tmp_path / "all")
    same_run(merged.folder, answer(run="single").folder)
    assert not (tmp_path / "one/responses.jsonl").exists()


def test_two_texts_for_the_same_inputs_are_counted_and_the_first_is_kept(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for shard in ("1/2", "2/2"):
        answer(shard)
    rows = lines(run / "shards/1-of-2")
    other = run / "shards/2-of-2/responses.jsonl"
    doubled = [
        {**rows[0], "text": "Something else."},
        {**rows[1], "text": None, "error": "died"},
        {**rows[2], "seconds": 9.0},
    ]
    other.write_text("".join(json.dumps(row) + "\n" for row in doubled) + other.read_text())
    said: list[str] = []
    sif.merge(run, benchmark=spoken, watching=Watching(say=said.append))
    assert "2 answered twice, the first is kept" in said[0]
    assert f"1 of these have two different texts for the same inputs ({rows[0]['id']})" in said[1]
    assert {row["id"]: row["text"] for row in lines(run)}[rows[0]["id"]] == rows[0]["text"]


def test_failed_requests_are_no_gap_and_a_later_reply_takes_their_place(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    for shard in ("1/2", "2/2"):
        answer(shard, model="poisoned", model_args={"batch_size": 1})
    said: list[str] = []
    run = sif.merge(tmp_path / "run", benchmark=spoken, watching=Watching(say=said.append))
    assert "1 failed, asked again by the same commands" in said[0]
    assert run.summary.replies["failed"] == 1
    same_run(run.folder, answer(run="single", model="poisoned", model_args={"batch_size": 1}).folder)


def change(path: Path, **keys: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def other_fingerprint(run: Path) -> None:
    row = lines(run / "shards/1-of-2")[0]
    path = run / "shards/2-of-2/responses.jsonl"
    path.write_text(json.dumps({**row, "fingerprint": "0" * 24}) + "\n" + path.read_text())


def unknown_item(run: Path) -> None:
    path = run / "shards/2-of-2/responses.jsonl"
    path.write_text(path.read_text() + json.dumps({"id": "closed-ended/9999", "text": "?"}) + "\n")


def broken_line(run: Path) -> None:
    path = run / "shards/2-of-2/responses.jsonl"
    path.write_text('{"id": \n' + path.read_text())


def renamed(run: Path) -> None:
    (run / "shards/2-of-2").rename(run / "shards/1-of-3")


def judged_elsewhere(run: Path) -> None:
    for index in (1, 2):
        change(run / f"shards/{index}-of-2/scoring.json", judge="openai:x", judge_args=["base_url"])


def changed_manifest(**keys: Any) -> Callable[[Path], None]:
    return lambda run: change(run / "shards/2-of-2/responses.manifest.json", **keys)


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (changed_manifest(model={"function": "x"}), MismatchError, r"2-of-2 is no part of .+model\."),
        (changed_manifest(system=None), MismatchError, "system: 'Follow the given instructions.' there, None now"),
        (changed_manifest(benchmark="other-1"), MismatchError, "benchmark: "),
        (changed_manifest(name="other"), MismatchError, "name: 'hears' there, 'other' now"),
        (changed_manifest(selection={"limit": 2}), MismatchError, "selection.limit: None there, 2 now"),
        (
            changed_manifest(shard=None),
            MismatchError,
            "expected the manifest of the shard 2/2, found that of None",
        ),
        (renamed, MismatchError, "expected the manifest of the shard 1/3"),
        (other_fingerprint, MismatchError, "was answered there for other inputs than in"),
        (unknown_item, DataError, "1 of .+ responses answer no item of tones, the first 'closed-ended/9999'"),
        (broken_line, DataError, "2-of-2/responses.jsonl:1: "),
        (lambda run: shutil.rmtree(run / "shards"), UsageError, "expected shards in shards/I-of-N, found none"),
        (
            lambda run: change(run / "shards/2-of-2/scoring.json", rules="careful"),
            MismatchError,
            "to be scored otherwise than .+rules: 'official' there, 'careful' now.+options of merge",
        ),
        (
            judged_elsewhere,
            UsageError,
            r"judged by openai:x with arguments of its own \(base_url\)",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused_and_nothing_written(
    spoil: Callable[[Path], Any],
    kind: type[SpeechIFEvalError],
    message: str,
    answer: Callable[..., sif.Run],
    spoken: Benchmark,
    tmp_path: Path,
) -> None:
    for shard in ("1/2", "2/2"):
        answer(shard, selection=FEW)
    spoil(tmp_path / "run")
    with pytest.raises(kind, match=message):
        sif.merge(tmp_path / "run", benchmark=spoken)
    assert not (tmp_path / "run/responses.jsonl").exists()


def test_what_is_given_to_merge_goes_before_what_shards_were_given(
    answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path
) -> None:
    scoring = Scoring(judge="heuristic", seed=3)
    for shard in ("1/2", "2/2"):
        answer(shard, scoring=scoring)
    assert "|judge:heuristic" in sif.merge(tmp_path / "run", benchmark=spoken).summary.signature
    other = sif.merge(tmp_path / "run", benchmark=spoken, judge="none", rules="careful").summary.signature
    assert "|rules:careful|" in other
    assert "|judge:none|" in other


def test_a_shard_of_other_settings_stops_before_it_asks(answer: Callable[..., sif.Run], tmp_path: Path) -> None:
    answer("1/2")
    with pytest.raises(MismatchError, match=r"1-of-2, the shard 1/2 of the same run.+system"):
        answer("2/2", asking=sif.Asking(system=None))
    assert not (tmp_path / "run/shards/2-of-2/responses.jsonl").exists()


def test_a_shard_without_items_is_done(answer: Callable[..., sif.Run], spoken: Benchmark, tmp_path: Path) -> None:
    said: list[str] = []
    few = Selection(sample=3)
    for index in range(1, 7):
        answer(f"{index}/6", selection=few, watching=Watching(say=said.append))
    empty = sum(not sif.Shard(index, 6).part(few, spoken) for index in range(1, 7))
    assert empty >= 3
    assert sum("has no items; nothing to do" in line for line in said) == 2 * empty  # model and reference
    assert "|items:3|" in sif.merge(tmp_path / "run", benchmark=spoken).summary.signature


def test_scoring_shards_that_are_not_merged_names_the_command(
    answer: Callable[..., sif.Run], tmp_path: Path
) -> None:
    run = answer("1/2").folder
    with pytest.raises(UsageError, match=r"shards that are not merged yet: speech-ifeval merge"):
        sif.score([run], sif.load_benchmark(tmp_path / "tones"))
