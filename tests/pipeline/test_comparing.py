from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.comparing import compare, load_scored
from speech_ifeval.pipeline.scoring import Scoring, score

SHARED = Scoring(judge="none")


@pytest.fixture(scope="module")
def example() -> Benchmark:
    return load_benchmark("example")


@pytest.fixture(scope="module")
def tuned(example: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tuned"
    return score([locate("example:tuned")], example, output_dir=folder, reference=[locate("example:reference")])[1]


@pytest.fixture(scope="module")
def untuned(example: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "untuned"
    return score([locate("example:reference")], example, output_dir=folder)[1]


def rows_of(run: Path) -> dict[str, Any]:
    lines = next(run.glob("verdicts.*.jsonl")).read_text("utf-8").splitlines()
    return {row["item"]: row for row in map(json.loads, lines)}


def test_two_runs_side_by_side(tuned: Path, untuned: Path) -> None:
    comparison = compare([tuned, untuned])
    assert [run.name for run in comparison.runs] == ["tuned", "untuned"]
    assert all(run.signature.startswith("benchmark:example-") for run in comparison.runs)
    (pair,) = comparison.pairs
    assert (pair.first, pair.second) == (0, 1)
    first, second = (run.ifrate.value for run in comparison.runs)
    assert first is not None
    assert second is not None
    assert pair.ifrate.value == pytest.approx(second - first)
    ours, theirs = rows_of(tuned), rows_of(untuned)
    flipped = {item for item in ours if ours[item]["followed"] != theirs[item]["followed"]}
    assert {flip.item for flip in comparison.flips} == flipped
    assert pair.gained + pair.lost == len(flipped)
    assert all(
        flip.followed == (ours[flip.item]["followed"], theirs[flip.item]["followed"]) for flip in comparison.flips
    )
    assert comparison.family
    assert "judge replies were recorded run by run, and do not say which judge wrote them" in comparison.notes


def test_the_other_way_round_has_the_other_sign(tuned: Path, untuned: Path) -> None:
    one, other = compare([tuned, untuned]).pairs[0], compare([untuned, tuned]).pairs[0]
    assert one.ifrate.value == pytest.approx(-(other.ifrate.value or 0))
    assert (one.gained, one.lost) == (other.lost, other.gained)


def test_references_once_for_all_or_one_a_run(tuned: Path, untuned: Path) -> None:
    reference = tuned / "reference"
    once = compare([tuned, untuned], references=[reference])
    each = compare([tuned, untuned], references=[reference, reference])
    assert once == each
    assert [run.reference for run in once.runs] == ["reference", "reference"]
    assert once.runs[1].forgetting is not None
    assert once.runs[1].forgetting.value == pytest.approx(0)
    assert once.pairs[0].forgetting is not None
    with pytest.raises(UsageError, match="--reference was given 3 times for 2 runs: give it once, or once a run"):
        compare([tuned, untuned], references=[reference] * 3)


def test_references_beside_the_runs_are_found(tuned: Path, untuned: Path, tmp_path: Path) -> None:
    assert compare([tuned, untuned]).runs[0].forgetting is None  # only one of them has one
    other = tmp_path / "other"
    shutil.copytree(untuned, other)
    shutil.copytree(tuned / "reference", other / "reference")
    assert all(run.forgetting is not None for run in compare([tuned, other]).runs)


@pytest.mark.parametrize("count", [2, 3, 20])
def test_up_to_twenty_runs(tuned: Path, tmp_path: Path, count: int) -> None:
    runs = [tmp_path / f"run{n:02}" for n in range(count)]
    for run in runs:
        shutil.copytree(tuned, run, ignore=shutil.ignore_patterns("reference"))
    comparison = compare(runs)
    assert len(comparison.pairs) == count * (count - 1) // 2
    assert [(pair.first, pair.second) for pair in comparison.pairs] == list(
        itertools.combinations(range(count), 2)
    )
    assert comparison.flips == []
    assert all(run.rank == (1, count) for run in comparison.runs)


def test_runs_of_one_name_are_told_apart(tuned: Path, untuned: Path, tmp_path: Path) -> None:
    for name, run in (("a", tuned), ("b", untuned)):
        shutil.copytree(run, tmp_path / name / "run", ignore=shutil.ignore_patterns("reference"))
    names = [run.name for run in compare([tmp_path / "a" / "run", tmp_path / "b" / "run"]).runs]
    assert names == ["a/run", "b/run"]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([], "compare takes 2 to 20 runs, found 0"),
        (["tuned"], "compare takes 2 to 20 runs, found 1"),
        (["tuned"] * 21, "compare takes 2 to 20 runs, found 21"),
        (["tuned", "tuned"], "the same run directory is named twice"),
        (["tuned", "tuned/../tuned"], "the same run directory is named twice"),
        (["tuned", "nowhere"], "no scored run at '.*nowhere': score the responses first with"),
        (["tuned", "tuned/summary.json"], "no scored run at"),
    ],
)
def test_wrong_calls_are_said(tuned: Path, runs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        compare([tuned.parent / run for run in runs])


def test_several_scorings_are_chosen_between(
    tuned: Path, untuned: Path, tmp_path: Path, example: Benchmark
) -> None:
    runs = [tmp_path / "tuned", tmp_path / "untuned"]
    for source, run in zip((tuned, untuned), runs, strict=True):
        shutil.copytree(source, run, ignore=shutil.ignore_patterns("reference"))
        for rules in ("official", "careful"):
            score([run], example, scoring=Scoring(rules=rules, judge="none"))
    with pytest.raises(UsageError, match=r"holds several scorings 'official'; .* name one with --scoring"):
        compare(runs)
    with pytest.raises(UsageError, match=r"holds no scoring 'ifeval.none'; it holds careful.none, "):
        compare(runs, scoring="ifeval.none")
    assert all("|rules:careful|" in run.signature for run in compare(runs, scoring="careful.none").runs)


@pytest.mark.parametrize(
    ("scoring", "what"),
    [
        (Scoring(rules="careful"), "rules: 'official' against 'careful'"),
        (Scoring(loose=True), "loose: 'no' against 'yes'"),
        (Scoring(missing="fail"), "missing: 'unscored' against 'fail'"),
        (Scoring(limit=3), "subset: 'all' against 'limit-3'"),
    ],
)
def test_runs_scored_otherwise_are_not_compared(
    tuned: Path, tmp_path: Path, example: Benchmark, scoring: Scoring, what: str
) -> None:
    other = score([locate("example:reference")], example, output_dir=tmp_path / "other", scoring=scoring)[1]
    with pytest.raises(MismatchError, match="cannot be compared") as caught:
        compare([tuned, other])
    assert what in str(caught.value)
    assert str(tuned) in str(caught.value)
    assert str(other) in str(caught.value)


def test_runs_on_other_benchmarks_are_not_compared(
    tuned: Path, small: Benchmark, answers: Callable[..., Path], tmp_path: Path
) -> None:
    other = score([answers()], small, output_dir=tmp_path / "other")[1]
    with pytest.raises(MismatchError, match=r"benchmark: 'example-.*' against 'speech-ifeval-"):
        compare([tuned, other])


def test_another_judge_is_noted(tuned: Path, tmp_path: Path, example: Benchmark) -> None:
    other = score([locate("example:reference")], example, output_dir=tmp_path / "other", scoring=SHARED)[1]
    comparison = compare([tuned, other])
    assert any(note.startswith("judge differs: replay-") for note in comparison.notes)
    assert comparison.pairs[0].ifrate.value is None
    assert comparison.runs[1].ifrate.why == "no scored item in chain-of-thought"


def test_a_scoring_that_was_cut_short_is_refused(tuned: Path, untuned: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    shutil.copytree(untuned, short)
    path = next(short.glob("verdicts.*.jsonl"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"jsonl:\d+: expected 66 verdicts, found \d+; .*score. command again"):
        compare([tuned, short])


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (".jsonl", b'{"item": 3}\n', ':1: the field "item" must be a text'),
        (".jsonl", b"{}\n", ":1: the field"),
        (".jsonl", b"nonsense\n", ":1: expected a JSON object, found text that is not JSON"),
        (".jsonl", b"", ":1: expected verdicts, found none; score the run again"),
        (".manifest.json", b"{", ":1: expected JSON"),
        (".manifest.json", b"[]", ":1: expected a JSON object"),
        (".manifest.json", b"\xff\xfe", ":1: expected JSON"),
    ],
)
def test_broken_files_are_named(untuned: Path, tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(untuned, run)
    path = next(run.glob(f"verdicts.*{suffix}"))
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_scored(run)
    assert f"{path}{message}" in str(caught.value)
