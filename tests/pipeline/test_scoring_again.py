"""A run directory that is scored again, in part, by two processes, or with what others wrote into it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import DataError, OutputError, UsageError
from speech_ifeval.models.recorded import locate, read_responses
from speech_ifeval.pipeline.comparing import compare
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.runs import locked

EXAMPLE = load_benchmark("example")


def scored(folder: Path, name: str = "tuned", with_reference: bool = True, rules: str = "official") -> Path:
    reference = [locate("example:reference")] if with_reference else []
    _, run = score(
        [locate(f"example:{name}")],
        EXAMPLE,
        output_dir=folder,
        reference=reference,
        scoring=Scoring(rules=rules),
    )
    return run


def test_scoring_again_without_a_reference_keeps_the_one_that_is_there(tmp_path: Path) -> None:
    run = scored(tmp_path / "run")
    before = (run / "summary.json").read_bytes()
    summary, _ = score([run], EXAMPLE)
    assert summary.forgetting is not None
    assert (run / "summary.json").read_bytes() == before
    careful, _ = score([run], EXAMPLE, scoring=Scoring(rules="careful"))
    assert careful.reference is not None
    assert "rules:careful" in careful.reference.signature


def test_compare_says_why_it_leaves_forgetting_out(tmp_path: Path) -> None:
    with_it, without = scored(tmp_path / "a"), scored(tmp_path / "b", with_reference=False)
    comparison = compare([with_it, without])
    assert [run.forgetting for run in comparison.runs] == [None, None]
    assert [note for note in comparison.notes if str(without) in note and "--reference" in note]


def test_compare_leaves_forgetting_out_where_the_reference_was_scored_otherwise(tmp_path: Path) -> None:
    runs = [scored(tmp_path / "a"), scored(tmp_path / "b", "reference")]
    for run in runs:
        shutil.move(run / "reference", tmp_path / f"reference-of-{run.name}")
        score([run], EXAMPLE, scoring=Scoring(rules="careful"))
        shutil.move(tmp_path / f"reference-of-{run.name}", run / "reference")
    comparison = compare(runs, scoring="careful")
    assert comparison.runs[0].forgetting is None
    assert [note for note in comparison.notes if note.startswith("Δ is left out") and "careful" in note]


@pytest.mark.parametrize("change", ["cut", "doubled"])
def test_compare_refuses_verdicts_that_are_not_one_a_constraint(tmp_path: Path, change: str) -> None:
    whole, other = scored(tmp_path / "a"), scored(tmp_path / "b")
    path = next(other.glob("verdicts.*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1] if change == "cut" else [*lines, lines[0]]))
    with pytest.raises(DataError, match="cut short" if change == "cut" else "doubles"):
        compare([whole, other])


def test_a_run_directory_among_other_paths_brings_its_judges_replies(tmp_path: Path) -> None:
    run = scored(tmp_path / "a", with_reference=False)
    responses = (run / "responses.jsonl").read_text().splitlines(keepends=True)
    moved = [line for line in responses if json.loads(line)["id"] == "closed-ended/0000"]
    (run / "responses.jsonl").write_text("".join(line for line in responses if line not in moved))
    rest = tmp_path / "rest.jsonl"
    rest.write_text(json.dumps({"id": "closed-ended/0000", "response": "x"}) + "\n")
    summary, _ = score([run, rest], EXAMPLE, output_dir=tmp_path / "both")
    assert summary.categories["chain-of-thought"].unscored == 0


def test_a_path_named_twice_is_refused(tmp_path: Path) -> None:
    folder = locate("example:tuned")
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(UsageError, match="named twice"):
        read_responses([folder, link], EXAMPLE)


def test_edited_judge_replies_are_another_judges(tmp_path: Path) -> None:
    run = scored(tmp_path / "a", with_reference=False)
    before = json.loads((run / "summary.json").read_bytes())["settings"]["judge"]
    path = run / f"judgements.{before}.jsonl"
    path.write_text(path.read_text().replace('"verdict":false', '"verdict":true'))
    after, _ = score([run], EXAMPLE)
    assert after.categories["chain-of-thought"].rate == 100
    assert after.settings["judge"] not in (before, "none")


def test_a_run_directory_has_one_process_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "run"), pytest.raises(OutputError, match="another process"):
        scored(tmp_path / "run")
    assert scored(tmp_path / "run").exists()


def test_what_pythons_json_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text('{"id": "closed-ended/0000", "response": "NaN", "score": NaN, "other": -Infinity}\n')
    assert read_responses([path], EXAMPLE).responses["closed-ended/0000"].text == "NaN"


def test_a_packed_file_is_said_to_be_packed(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl.gz"
    path.write_bytes(b"\x1f\x8b")
    with pytest.raises(UsageError, match="unpack it first"):
        read_responses([path], EXAMPLE)
