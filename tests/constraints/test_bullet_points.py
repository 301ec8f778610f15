from __future__ import annotations

import sys

import pytest

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.constraints.bullet_points import count_bullets, count_stars_and_dashes

ID = "detectable_format:number_bullet_lists"


@pytest.mark.parametrize(
    ("text", "official", "ifeval"),
    [
        ("* one\n* two", 2, 2),
        ("- one\n- two", 2, 2),
        ("• one\n• two", 2, 0),
        ("1. one\n2. two", 2, 0),
        ("* one\n- two\n• three\n4) four", 4, 2),
        ("**one**\n**two**", 0, 0),
        ("one\ntwo", 0, 0),
        ("  * one\n\t- two", 2, 2),
        ("one * two - three", 0, 0),
        ("* one\\n* two", 2, 1),  # a literal backslash-n is a newline in `official` only
        ("*\n* two", 1, 1),  # a lone star takes the next line along
        ("*\n- two", 2, 2),  # but not another mark's
        ("*", 0, 0),
        ("* ", 1, 1),
        ("---", 1, 1),
        ("-", 1, 1),
        ("2024 was a year", 1, 0),
        ("٣ three", 1, 0),  # digits are Unicode's
        ("\u00a0* one", 1, 1),  # and so is white space
        ("one\r* two", 0, 0),  # a line ends at a newline only
        ("\x0b* one", 1, 1),
        ("\n\n* one\n\n\n* two\n", 2, 2),
        ("*\ud800", 1, 1),
    ],
)
def test_counted_lines(text: str, official: int, ifeval: int) -> None:
    assert (count_bullets(text), count_stars_and_dashes(text)) == (official, ifeval)
    for rules, expected in zip(RULE_SETS, (official, official, ifeval), strict=True):
        followed = [number for number in range(6) if compile(ID, rules=rules, num_bullets=number).check(text)]
        assert followed == [expected]


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "number", "reason", "near"),
    [
        ("* a\n* b\n* c\n* d", 5, "4 bullets instead of 5", "off-by-one"),
        ("* a\n* b", 1, "2 bullets instead of 1", "off-by-one"),
        ("* a", 5, "1 bullet instead of 5", None),
        ("none", 1, "0 bullets instead of 1", None),  # no list at all is not nearly one
        ("* a", 0, "1 bullet instead of 0", "off-by-one"),
        ("", 0, "the reply is empty", None),
    ],
)
def test_why(rules: str, text: str, number: int, reason: str, near: str | None) -> None:
    assert compile(ID, rules=rules, num_bullets=number).explain(text) == (False, reason, near)


@pytest.mark.parametrize("enough", [0, 1, 2, 3, sys.maxsize])
def test_counting_may_stop_early_but_not_short(enough: int) -> None:
    text = "* a\n- b\n*\n- c\n1. d"
    for count in (count_bullets, count_stars_and_dashes):
        full = count(text)
        assert min(full, enough) <= count(text, enough) <= full
