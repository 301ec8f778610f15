"""A judge's recorded words, read once more by the code that asked, say what was concluded from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from speech_ifeval.endpoints import CallError
from speech_ifeval.judges import Question, Use
from speech_ifeval.judges.cache import ReplyCache, Said
from speech_ifeval.judges.criteria import load_rubrics
from speech_ifeval.judges.language_judge import LanguageJudge
from speech_ifeval.judges.rereading import reread, same_finding
from speech_ifeval.judges.wording import token_in
from speech_ifeval.records import Judgement, Message

REPLY = "It counts the voices first, then says: hello world."


def judged(folder: Path, use: Use, said: Sequence[str | None], repeats: int = 1) -> Judgement:
    """Judge by the real judge, whose replies are `said`: TOKEN is the question's, None a call that fails."""
    replies: Iterator[str | None] = iter(said)

    def ask(messages: Sequence[Message], repeat: int) -> Said:
        reply = next(replies)
        if reply is None:
            raise CallError("connection refused")
        return Said(reply.replace("TOKEN", str(token_in(messages[:2]))), "cut" in reply)

    settings: dict[str, Any] = {}
    judge = LanguageJudge(
        "scripted",
        ask,
        rubrics=load_rubrics(),
        settings=settings,
        cache=ReplyCache(folder, "scripted", settings),
        repeats=repeats,
    )
    label = "hello" if use == "accuracy" else None
    return next(iter(judge.judge([Question("a", use, "Who speaks?", REPLY, "0" * 64, label)])))


YES, NO = "It does.\nResult TOKEN: YES", "It does not.\nResult TOKEN: NO"
CASES: dict[str, tuple[Use, list[str | None], int]] = {
    "yes": ("reasoning", [YES], 1),
    "no": ("accuracy", [NO], 1),
    "read at the second try": ("reasoning", ["Hm.", YES], 1),
    "never read": ("reasoning", ["Hm.", "Well."], 1),
    "cut off": ("reasoning", ["cut", "cut again"], 1),
    "another token": ("reasoning", ["Result 00000000: YES", NO], 1),
    "a majority": ("accuracy", [YES, NO, YES], 3),
    "a majority with a second try": ("reasoning", [NO, "Hm.", YES, NO], 3),
    "evenly divided": ("reasoning", [YES, NO], 2),
    "a transcript": ("transcript", ['Result TOKEN: "hello world"'], 1),
    "no transcript": ("transcript", ["Result TOKEN: NONE"], 1),
    "a transcript that does not stand in the reply": ("transcript", ['Result TOKEN: "good bye"'], 1),
    "a call that failed": ("reasoning", [None], 1),
    "a call that failed after a reply": ("reasoning", [YES, None], 2),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("whole", [True, False], ids=["with messages", "messages withheld"])
def test_what_was_concluded_is_concluded_again(tmp_path: Path, case: str, whole: bool) -> None:
    one = judged(tmp_path, *CASES[case])
    token = token_in(one.messages)
    assert token is not None
    kept = one if whole else replace(one, messages=())
    found = reread(kept, REPLY, REPLY, token)
    assert found is not None
    assert same_finding(one, found), (one, found)


@pytest.mark.parametrize(
    ("case", "change"),
    [
        ("yes", {"verdict": False}),
        ("yes", {"verdict": None}),
        ("yes", {"flags": ("not-a-substring",)}),
        ("never read", {"verdict": True}),
        ("a majority", {"verdicts": (True, True, True)}),
        ("evenly divided", {"verdict": True}),
        ("a transcript", {"extracted": "hello"}),
        ("a transcript that does not stand in the reply", {"extracted": "good bye"}),
    ],
)
def test_another_conclusion_is_told_from_it(tmp_path: Path, case: str, change: dict[str, Any]) -> None:
    one = judged(tmp_path, *CASES[case])
    claimed = replace(one, **change)
    found = reread(claimed, REPLY, REPLY, token_in(one.messages))
    assert found is not None
    assert not same_finding(claimed, found)


def test_a_reply_too_many_or_too_few_is_told(tmp_path: Path) -> None:
    one = judged(tmp_path, "reasoning", [YES])
    token = token_in(one.messages)
    with pytest.raises(CallError, match="1 more replies"):
        reread(replace(one, earlier_replies=(str(one.judge_reply),)), REPLY, REPLY, token)
    found = reread(replace(one, verdicts=(True, True)), REPLY, REPLY, token)
    assert found is not None
    assert found.verdict is None


def test_without_words_nothing_is_concluded() -> None:
    assert reread(Judgement("a", "reasoning", True, "0" * 64, None), REPLY, REPLY, None) is None
