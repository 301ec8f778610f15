from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile

ID = "combination:two_responses"


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tea\n******\ncoffee", True),
        ("tea******coffee", True),
        ("******\ntea\n******\ncoffee\n******", True),  # empty pieces at the ends
        ("tea\n******\n tea ", False),  # the same
        ("tea\n******\nTea", True),
        ("tea", False),
        ("tea\n******\n", False),
        ("tea\n*****\ncoffee", False),
        ("tea\n*******\ncoffee", True),  # the seventh asterisk belongs to the second reply
        ("tea\n*******\ntea", True),
        ("tea\n******\n******\ncoffee", False),  # an empty piece between
        ("tea\n************\ncoffee", False),
        ("tea******coffee******milk", False),
        ("******", False),
        ("************ ******tea", False),
        ("\ud800******\ud801", True),
    ],
)
def test_two_responses(rules: str, text: str, expected: bool) -> None:
    assert compile(ID, rules=rules).check(text) is expected


@pytest.mark.parametrize(
    ("text", "reason", "near"),
    [
        ("tea\n******\ntea", "the two replies are the same", "same-reply"),
        ("tea", "1 reply instead of 2", None),
        ("tea\n---\ncoffee", "separated by --- instead of ******", "other-separator"),
        ("tea\n*****\ncoffee", "separated by ***** instead of ******", "other-separator"),
        ("a******b******c", "3 replies instead of 2", "off-by-one"),
        ("a******b******c******d", "4 replies instead of 2", None),
        ("a************b", "an empty reply between two separators ******", "empty-reply-between"),
        ("******", "0 replies instead of 2", None),
    ],
)
def test_why(text: str, reason: str, near: str | None) -> None:
    assert compile(ID).explain(text) == (False, reason, near)


def plain(text: str) -> bool:
    pieces = text.split("*" * 6)
    for place, piece in enumerate(pieces):
        if not piece.strip() and 0 < place < len(pieces) - 1:
            return False
    filled = [piece.strip() for piece in pieces if piece.strip()]
    return len(filled) == 2 and len(set(filled)) == 2


@given(st.lists(st.sampled_from(["*", "******", "a", "b", " ", "\n", "\u2003"]), max_size=12).map("".join))
def test_like_the_plain_form(text: str) -> None:
    assert compile(ID).check(text) is (bool(text.strip()) and plain(text))


@pytest.mark.parametrize("wall", ["*", "a******", "****** ", " ", "a", "\ud800"])
def test_a_megabyte_of_anything(wall: str) -> None:
    text = wall * (1_000_000 // len(wall))
    started = time.perf_counter()
    compile(ID).check(text)
    assert time.perf_counter() - started < 2
