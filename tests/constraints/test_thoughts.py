from __future__ import annotations

import pytest

from speech_ifeval.constraints import compile, split_thoughts


@pytest.mark.parametrize(
    ("reply", "answer", "thoughts", "closed"),
    [
        ("YES", "YES", None, True),
        ("", "", None, True),
        ("<think>a</think>YES", "YES", "a", True),
        ("  \n<think>a</think>\n\n YES", "YES", "a", True),
        ("<think>a</think><think>b</think>YES", "YES", "ab", True),
        ("<think></think>", "", "", True),
        ("<think>a", "", "a", False),
        ("<think>a</think><think>b", "", "ab", False),
        ("a</think>YES", "YES", "a", True),  # the template has swallowed the opening tag
        ("YES <think>a</think>", "YES <think>a</think>", None, True),  # part of the answer
        ("<THINK>a</THINK>YES", "<THINK>a</THINK>YES", None, True),
    ],
)
def test_leading_thoughts_are_split_off(reply: str, answer: str, thoughts: str | None, closed: bool) -> None:
    assert split_thoughts(reply) == (answer, thoughts, closed)


def test_a_million_thoughts_are_split_in_one_pass() -> None:
    assert split_thoughts("<think></think>" * 60_000 + "YES").answer == "YES"


def test_a_missing_reply_is_no_failed_one() -> None:
    quoted = compile("startend:quotation")
    with pytest.raises(AttributeError):
        quoted.check(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="several texts"):
        quoted.check_many("abc")
