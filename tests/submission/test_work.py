"""What a submission makes others do is reckoned first: a file that is small and takes hours is refused at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.errors import DataError, OutputError
from speech_ifeval.judges import reply_hash
from speech_ifeval.records import Constraint, Judgement, Response
from speech_ifeval.submission import packing
from speech_ifeval.submission.archive import LIMITS, Limits
from speech_ifeval.submission.contents import PackedItem, ScoredHow
from speech_ifeval.submission.packing import submit
from speech_ifeval.submission.reading import read_submission
from speech_ifeval.submission.verifying import verify
from speech_ifeval.submission.work import Answered, work_of
from tests.command_line import invoke
from tests.submission.forging import Members, Rows, members_of, with_rows, write

PLAIN = ScoredHow("official", False, "unscored", None, 0)
LONG = "a " * (1 << 19)
GROUP = 100_000  # characters: the intervals of the one group of answers
MANY_WORDS = {"id": "length_constraints:number_words", "kwargs": {"num_words": 10**6, "relation": "at least"}}
SECONDS = 5.0  # of the processor, to refuse a file: reading it is all that was done


def words(count: int) -> dict[str, list[str]]:
    return {"keywords": [f"é{number:x}" for number in range(count)]}


def asks(*constraints: dict[str, Any]) -> Callable[[Rows], None]:
    """Let the first item demand these."""

    def change(rows: Rows) -> None:
        next(row for row in rows if row.get("constraints"))["constraints"] = list(constraints)

    return change


def all_ask(constraint: dict[str, Any]) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        for row in rows:
            if row.get("constraints"):
                row["constraints"] = [constraint]

    return change


def one_long_reply(rows: Rows) -> None:
    next(row for row in rows if row["id"] == "closed-ended/0000")["text"] = LONG


HOSTILE: dict[str, dict[str, Callable[[Rows], None]]] = {
    "many words in a long reply": {
        "items.jsonl": asks({"id": "keywords:existence", "kwargs": words(12_000)}),
        "run/responses.jsonl": one_long_reply,
    },
    "a long phrase that nearly occurs": {
        "items.jsonl": asks({"id": "keywords:existence", "kwargs": {"keywords": ["a " * 50_000 + "é"]}}),
        "run/responses.jsonl": one_long_reply,
    },
    "many constraints on a long reply": {
        "items.jsonl": asks(*[MANY_WORDS] * 2_000),
        "run/responses.jsonl": one_long_reply,
    },
    "words to prepare": {"items.jsonl": all_ask({"id": "keywords:existence", "kwargs": words(8_500)})},
}


def forged(packed: Path, target: Path, changes: dict[str, Callable[[Rows], None]]) -> Path:
    members: Members = members_of(packed)
    for name, change in changes.items():
        members = with_rows(members, name, change)
    return write(target, members, mended=True)


@pytest.mark.parametrize("changes", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_would_take_hours_is_refused_at_once(
    packed: Path, tmp_path: Path, changes: dict[str, Callable[[Rows], None]]
) -> None:
    file = forged(packed, tmp_path / "hostile.zip", changes)
    start = time.process_time()
    with pytest.raises(DataError) as refused:
        verify(file)
    assert time.process_time() - start < SECONDS
    assert str(refused.value).startswith("hostile.zip: ")
    assert "expected at most 536,870,912 characters × constraints to score again, found" in str(refused.value)


def test_what_is_reckoned_is_what_is_refused(packed: Path) -> None:
    submission = read_submission(packed)
    sides = [side.answered for side in (submission.run, submission.reference) if side is not None]
    work = work_of(submission.items, submission.header.scoring, sides)
    assert len(sides) == 2
    assert work * 20 < LIMITS.work, "an honest file is far from the limit"
    assert read_submission(packed, Limits(work=work)).items == submission.items
    with pytest.raises(DataError, match=rf"at most {work - 1:,} .* found {work:,}; score fewer"):
        read_submission(packed, Limits(work=work - 1))


def test_a_run_that_nobody_would_verify_is_not_packed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "LIMITS", Limits(work=1_000))
    with pytest.raises(
        OutputError, match=r"makes a submission that nobody verifies: expected at most 1,000 .*--limit"
    ):
        submit(run, tmp_path / "run.submission.zip")
    assert list(tmp_path.iterdir()) == []


ITEM = PackedItem(
    id="a", category="closed-ended", clip="a.wav", dataset="d", instruction='Choose the answer from "x", "y".',
    transcript="t" * 512, label="x", metric="wer",
)  # fmt: skip
TEN = [Response("a", "0123456789")]


def said(**fields: Any) -> list[Judgement]:
    return [Judgement("a", "transcript", None, reply_hash("0123456789"), **{"judge_reply": "abc", **fields})]


@pytest.mark.parametrize(
    ("constraint", "scoring", "expected"),
    [
        (Constraint("punctuation:no_comma"), PLAIN, 1_010),
        (Constraint("keywords:existence", {"keywords": ["ab", "cd"]}), PLAIN, 3 * 1_010),
        (Constraint("combination:repeat_prompt", {"prompt_to_repeat": "p" * 64}), PLAIN, 4 * 1_010),
        (Constraint("acme:nested", {"n": {"a": [1, 2], "b": {}}}), PLAIN, 5 * 1_010),
        (Constraint("punctuation:no_comma"), ScoredHow("official", True, "unscored", None, 0), 1_080),
        (Constraint("language:response_language", {"language": "de"}), PLAIN, 2 * (1_010 + 40 * 1_010)),
        (Constraint("change_case:english_capital"), PLAIN, 1_010),
        (Constraint("change_case:english_capital"), ScoredHow("ifeval", False, "unscored", None, 0), 41_410),
        (Constraint("reasoning:chain_of_thought"), PLAIN, 1_010),
    ],
)
def test_a_demand_counts_for_every_character_of_its_reply(
    constraint: Constraint, scoring: ScoredHow, expected: int
) -> None:
    item = PackedItem("a", "creative-writing", "a.wav", "d", (constraint,))
    once = work_of([item], scoring, [Answered("none", TEN, [])])
    assert once - GROUP == expected
    twice = work_of([item], scoring, [Answered("none", TEN, [])] * 2)
    assert twice - once == once - work_of([item], scoring, []), "a reference counts as the run does"


@pytest.mark.parametrize(
    ("judge", "judgements", "expected"),
    [
        ("none", [], 0),
        ("gpt.123456", said(), 3 * 512 + 21_000 + 10 + 3),
        ("gpt.123456", said(earlier_replies=("12", "34")), 3 * 512 + 21_000 + 3 * 10 + 7),
        ("gpt.123456", said(extracted="e" * 10), 3 * 512 + 21_000 + 10 + 3 + 10 * 3),
        ("heuristic-1", said(), 3 * 512 + 3 * 10 + 21_000 + 10 + 3),
    ],
)
def test_a_judgement_counts_by_what_was_said(judge: str, judgements: list[Judgement], expected: int) -> None:
    assert work_of([ITEM], PLAIN, [Answered(judge, TEN, judgements)]) - GROUP == expected


def test_a_refusal_is_one_line_and_exits_with_3(packed: Path, tmp_path: Path) -> None:
    done = invoke("verify", forged(packed, tmp_path / "hostile.zip", HOSTILE["many words in a long reply"]))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("error: hostile.zip: expected at most ")
    assert done.err.count("\n") <= 2, done.err
