from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.judges import Judged, no_judge, parse_result, replay
from speech_ifeval.judges.replay import recorded_at, reply_hash
from speech_ifeval.pipeline.judging import keep_judgements
from tests.pipeline.conftest import ANSWERS, CLOSED, CREATIVE, THINKING, judge_rows, small, write_rows

__all__ = ["small"]  # the fixture
FIRST, SECOND = "chain-of-thought/0000", "chain-of-thought/0001"


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("Result: YES", True),
        ("Result: NO", False),
        ("It reasons.\n\nResult: YES\n", True),
        ("result: no.", False),
        ("**Result: YES**", True),
        ("**Result:** NO", False),
        ("Result: *YES*.", True),
        ("_Result: YES_", True),
        ("Result: NO\nResult: YES", True),  # the last line counts
        ("Result: YES or NO", None),
        ("Result: YESTERDAY", None),
        ("Result:", None),
        ("YES", None),
        ("Result: YES\nBut I am not sure.", None),
        ("The result: YES", None),
        ("Result: YES NO", None),
        ("Result: MAYBE", None),
        ("", None),
        (" \n ", None),
        ("\ud800", None),
    ],
)
def test_the_verdict_is_the_last_line(reply: str, verdict: bool | None) -> None:
    assert parse_result(reply) is verdict


@pytest.mark.parametrize("unit", ["*", " ", "Result: ", "\n", "_*", "Result: YES "])
def test_a_long_reply_is_read_in_no_time(unit: str) -> None:
    import time

    started = time.process_time()
    parse_result(unit * (1_000_000 // len(unit)) + "x")
    assert time.process_time() - started < 2


def test_recorded_replies_are_read_with_what_they_judged(small: Benchmark, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "r.jsonl", judge_rows({FIRST: "Good.\nResult: YES", SECOND: "What?"}))
    judge = replay([path], small)
    first, second = judge.judgements[FIRST, "reasoning"], judge.judgements[SECOND, "reasoning"]
    assert (first.verdict, first.reason, first.judge_reply) == (True, None, "Good.\nResult: YES")
    assert first.reply_hash == reply_hash(ANSWERS[FIRST])
    assert (second.verdict, second.reason) == (None, "the judge's reply does not end with Result: YES or NO")
    assert judge.label.startswith("replay-")


def test_the_label_is_the_contents(small: Benchmark, tmp_path: Path) -> None:
    rows = judge_rows({FIRST: "Result: YES", SECOND: "Result: NO"})
    label = replay([write_rows(tmp_path / "a.jsonl", rows)], small).label
    assert replay([write_rows(tmp_path / "b.jsonl", rows[::-1])], small).label == label
    parts = [write_rows(tmp_path / f"{n}.jsonl", [row]) for n, row in enumerate(rows)]
    assert replay(parts, small).label == label
    other = judge_rows({FIRST: "Result: YES", SECOND: "Result: YES"})
    assert replay([write_rows(tmp_path / "c.jsonl", other)], small).label != label


def test_rows_of_the_release_are_joined_by_what_was_asked(small: Benchmark, tmp_path: Path) -> None:
    rows = [
        {**row, "messages": [], "response": ANSWERS[id], "eval_response": "Result: YES"}
        for row, id in zip(THINKING, (FIRST, SECOND), strict=True)
    ]
    judge = replay([write_rows(tmp_path / "llm_eval@chain-of-thought.jsonl", rows)], small)
    assert sorted(judge.judgements) == [(FIRST, "reasoning"), (SECOND, "reasoning")]


@pytest.mark.parametrize(
    "row",
    [
        {**CREATIVE[0], "response": "YES", "eval_response": "Result: YES"},  # rules decide all of that item
        {**CLOSED[0], "response": "YES", "rule_eval_result": [True]},  # no judge said anything
        {"id": FIRST, "response": None, "eval_response": "Result: YES"},
        {"id": FIRST, "response": "a", "eval_response": None},
        {"id": "chain-of-thought/0099", "response": "a", "eval_response": "Result: YES"},
    ],
)
def test_rows_about_anything_else_are_passed_over(small: Benchmark, tmp_path: Path, row: dict[str, Any]) -> None:
    assert replay([write_rows(tmp_path / "r.jsonl", [row])], small) == no_judge


def test_two_judges_that_disagree_are_refused(small: Benchmark, tmp_path: Path) -> None:
    rows = [*judge_rows({FIRST: "Result: YES"}), *judge_rows({FIRST: "Result: NO"})]
    with pytest.raises(MismatchError, match=rf"r.jsonl:2: {FIRST} was judged before, and differently; keep the"):
        replay([write_rows(tmp_path / "r.jsonl", rows)], small)
    same = [*judge_rows({FIRST: "Result: YES"}), *judge_rows({FIRST: "Result: YES"})]
    assert replay([write_rows(tmp_path / "s.jsonl", same)], small).judgements[FIRST, "reasoning"].verdict


def test_whatever_holds_one_judges_replies_can_be_replayed(small: Benchmark, tmp_path: Path) -> None:
    responses, run = tmp_path / "responses", tmp_path / "run"
    report = write_rows(responses / "reports" / "r.jsonl", judge_rows({FIRST: "Result: YES"}))
    write_rows(responses / "a.jsonl", [{"id": FIRST, "response": ANSWERS[FIRST]}])
    recorded = [recorded_at(path, small) for path in (responses, responses / "reports", report)]
    assert recorded[0] == recorded[1] == recorded[2]
    keep_judgements(run, Judged("one", recorded[0].judgements))
    write_rows(run / "responses.jsonl", [{"id": FIRST, "text": "a"}])
    (run / "judgements.annotator-mia.jsonl").write_text("")
    assert recorded_at(run, small) == Judged("one", recorded[0].judgements)
    with pytest.raises(UsageError, match="no judgements at 'nowhere'"):
        recorded_at(Path("nowhere"), small)


def test_a_judge_keeps_its_name_where_it_is_replayed_until_it_is_edited(small: Benchmark, tmp_path: Path) -> None:
    report = write_rows(tmp_path / "r.jsonl", judge_rows({FIRST: "Result: YES", SECOND: "Result: NO"}))
    said = recorded_at(report, small).judgements
    keep_judgements(tmp_path, Judged("x.0194c2", said))
    path = tmp_path / "judgements.x.0194c2.jsonl"
    assert recorded_at(path, small).label == "x.0194c2"
    written = path.read_text()
    path.write_text("".join(reversed(written.splitlines(keepends=True))))
    assert recorded_at(path, small).label == "x.0194c2"  # the order is nobody's word
    path.write_text(written.replace('"verdict":false', '"verdict":true'))
    edited = recorded_at(path, small)
    assert re.fullmatch(r"x\.0194c2-edited-[0-9a-f]{8}", edited.label)
    keep_judgements(tmp_path / "other", edited)
    assert recorded_at(tmp_path / "other", small).label == edited.label
    (copied,) = (tmp_path / "other").glob("judgements.*.jsonl")
    copied.write_text(written)
    again = recorded_at(copied, small).label
    assert (again.count("-edited-"), again == edited.label) == (1, False)
    for name in ("judgements.a b|c.jsonl", "judgements.none.jsonl"):
        shutil.copy(path, tmp_path / name)
        assert recorded_at(tmp_path / name, small).label.startswith("replay-")  # that is no judge's name
    path.with_suffix(".manifest.json").unlink()
    assert recorded_at(path, small).label == "x.0194c2"  # nothing says what was written


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"id":', "r.jsonl:1: expected a JSON object, found text that is not JSON"),
        ({"id": FIRST, "response": "a", "eval_response": 3}, 'r.jsonl:1: the field "eval_response" must be'),
    ],
)
def test_a_broken_row_is_named(small: Benchmark, tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        replay([write_rows(tmp_path / "r.jsonl", [row])], small)
    assert message in str(caught.value)
