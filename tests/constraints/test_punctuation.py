from __future__ import annotations

import pytest

from speech_ifeval.constraints import RULE_SETS, compile

ID = "punctuation:no_comma"


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one and two", True),
        ("one, two", False),
        (",", False),
        ("1,000", False),
        ("一，二、三", True),  # other scripts' commas are other characters
        ("\ud800", True),
        ("", False),
        (" \n", False),
    ],
)
def test_no_comma(rules: str, text: str, expected: bool) -> None:
    assert compile(ID, rules=rules).check(text) is expected


@pytest.mark.parametrize(
    ("text", "reason", "near"),
    [
        ("one, two", "1 comma instead of none", "off-by-one"),
        ("one, two, three", "2 commas instead of none", None),
        ("1,000 or 2,000", "2 commas instead of none, inside numbers only", "commas-in-numbers"),
        ("1,000, then", "2 commas instead of none", None),
    ],
)
def test_why(text: str, reason: str, near: str | None) -> None:
    assert compile(ID).explain(text) == (False, reason, near)
