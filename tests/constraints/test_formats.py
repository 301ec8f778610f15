from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.errors import ConstraintError

ANSWER = "detectable_format:constrained_response"
HIGHLIGHTS = "detectable_format:number_highlighted_sections"
SECTIONS = "detectable_format:multiple_sections"


def sections(splitter: str, number: int) -> dict[str, Any]:
    return {"section_spliter": splitter, "num_sections": number}


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My answer is yes.", True),
        ("My answer is no.", True),
        ("My answer is maybe.", True),
        ("Well. My answer is maybe. Or so.", True),  # anywhere
        ("My answer is yes", False),
        ("my answer is yes.", False),
        ("My answer is  yes.", False),
        ("yes", False),
        ("\ud800", False),
    ],
)
def test_constrained_response(rules: str, text: str, expected: bool) -> None:
    assert compile(ANSWER, rules=rules).check(text) is expected


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("*one* and *two*", 2, True),
        ("*one* and *two*", 3, False),
        ("**one**", 1, True),
        ("**one**", 2, False),  # single pairs around nothing, one double pair
        ("**one** and **two**", 2, True),
        ("**one** and **two**", 3, False),
        ("*one\ntwo*", 1, False),  # on one line
        ("*one\r\u2028two*", 1, True),  # a line ends at a newline only
        ("* *", 1, False),
        ("* * *a*", 1, True),
        ("* a*b*", 1, True),
        ("* point\n* point", 1, False),
        ("*a*b*", 2, False),  # an asterisk belongs to one highlight
        ("***a***", 1, True),
        ("***a***", 2, True),  # once as single, once as double
        ("****a****", 1, False),
        ("******a**", 1, True),
        ("nothing", 0, True),
        ("*\ud800*", 1, True),
    ],
)
def test_highlights(rules: str, text: str, number: int, expected: bool) -> None:
    assert compile(HIGHLIGHTS, rules=rules, num_highlights=number).check(text) is expected


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "kwargs", "expected"),
    [
        ("SECTION 1\na\nSECTION 2\nb", sections("SECTION", 2), True),
        ("SECTION1 SECTION2", sections("SECTION", 2), True),
        ("SECTION  1", sections("SECTION", 1), False),  # one space at most
        ("SECTION\n1", sections("SECTION", 1), True),
        ("Section 1", sections("SECTION", 1), False),
        ("SECTION I", sections("SECTION", 1), False),
        ("SUBSECTION 1", sections("SECTION", 1), True),
        ("SECTION ١", sections("SECTION", 1), True),  # any script's digits
        ("SECTION 12 3", sections("SECTION", 1), True),
        ("none", sections("SECTION", 0), True),
        ("Day 1", sections(" Day ", 1), True),
        ("Part A 1 Part B 2", sections("Part .", 2), True),  # a full stop is any character
        ("1 11 1", sections("1", 2), False),
        ("1 1 1 1", sections(".", 2), True),
        ("\ud800 1", sections("\ud800", 1), True),
    ],
)
def test_sections(rules: str, text: str, kwargs: dict[str, Any], expected: bool) -> None:
    assert compile(SECTIONS, rules=rules, **kwargs).check(text) is expected


@pytest.mark.parametrize(
    ("id", "text", "kwargs", "reason", "near"),
    [
        (ANSWER, "MY ANSWER IS YES.", {}, "in another case", "wrong-case"),
        (ANSWER, "My answer is: no", {}, "'My answer is: no' instead of", "other-punctuation"),
        (ANSWER, "no", {}, "none of My answer is yes.", None),
        (HIGHLIGHTS, "*a*", {"num_highlights": 2}, "1 highlighted section instead", "off-by-one"),
        (HIGHLIGHTS, "*a*", {"num_highlights": 3}, "1 highlighted section instead", None),
        (HIGHLIGHTS, "# A\n## B", {"num_highlights": 2}, "0 highlighted sections instead", "other-markup"),
        (HIGHLIGHTS, "_a_ and `b`", {"num_highlights": 2}, "marked in another way", "other-markup"),
        (SECTIONS, "Day 1", sections("Day", 2), "1 section marked Day and a number", "off-by-one"),
        (SECTIONS, "Day 1", sections("Day", 3), "1 section marked Day and a number", None),
        (SECTIONS, "DAY 1 DAY 2", sections("Day", 2), "0 sections marked Day", "wrong-case"),
        (SECTIONS, "Day one, Day two", sections("Day", 2), "have no number", "unnumbered-sections"),
    ],
)
def test_why(id: str, text: str, kwargs: dict[str, Any], reason: str, near: str | None) -> None:
    explanation = compile(id, **kwargs).explain(text)
    assert not explanation.followed
    assert reason in explanation.reason
    assert explanation.near_miss == near


@pytest.mark.parametrize(
    ("id", "kwargs", "message"),
    [
        (ANSWER, {"options": ["a"]}, "takes no kwargs"),
        (HIGHLIGHTS, {"num_highlights": -1}, "0 or more"),
        (SECTIONS, sections("Part (", 1), "holds '\\('"),
        (SECTIONS, sections("**Day", 1), "only literals"),
        (SECTIONS, sections("", 1), "not empty"),
        (SECTIONS, {"section_splitter": "Day", "num_sections": 1}, "did you mean section_spliter"),
    ],
)
def test_what_cannot_be_compiled(id: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstraintError, match=message):
        compile(id, **kwargs)


def pieces(*some: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(some), max_size=24).map("".join)


def plain_highlights(text: str) -> int:
    """Walk the text: an asterisk (or two), then none and no newline, then as many again."""
    number = 0
    for mark in ("*", "**"):
        start = text.find(mark)
        while start >= 0:
            inside = re.compile("[^*\n]*").match(text, start + len(mark))
            assert inside is not None
            if text.startswith(mark, inside.end()):
                number += bool(inside[0].strip())
                start = text.find(mark, inside.end() + len(mark))
            else:
                start = text.find(mark, start + 1)
    return number


@given(pieces("*", "**", "***", "a", " ", "\n", "\r", "\u2003", "\x1c"))
def test_highlights_like_the_plain_form(text: str) -> None:
    number = plain_highlights(text)
    if text.strip():
        assert compile(HIGHLIGHTS, num_highlights=number).check(text)
        assert not compile(HIGHLIGHTS, num_highlights=number + 1).check(text)


@given(
    pieces("Day", "day", "Da", "1", "2", " ", "\n", "\u2003", "٣", "."),
    st.sampled_from(["Day", "1", "D.y", ".", "1.", ".1", "y 1", "2 "]),
)
def test_sections_like_the_plain_form(text: str, splitter: str) -> None:
    word = splitter.strip()
    number = len(re.split(rf"(?:\s|){word}(?:\s|)[0-9٣]+(?:\s|)", text)) - 1
    if text.strip():
        assert compile(SECTIONS, **sections(splitter, number)).check(text)
        assert not compile(SECTIONS, **sections(splitter, number + 1)).check(text)


WALLS = ["*", "**a", "*a", "* ", "*\n", "**\n", "***a", "a", " ", "\n", "Day 1", "Day", "1", "1 ", "\ud800", "\t*"]


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize(
    ("id", "kwargs"),
    [
        (ANSWER, {}),
        (HIGHLIGHTS, {"num_highlights": 3}),
        (HIGHLIGHTS, {"num_highlights": 400_000}),
        (SECTIONS, sections("Day", 150_000)),
        (SECTIONS, sections("1", 3)),
        (SECTIONS, sections("..", 10**6)),
    ],
)
def test_a_megabyte_of_anything(wall: str, id: str, kwargs: dict[str, Any]) -> None:
    text = wall * (1_000_000 // len(wall))
    check = compile(id, **kwargs).check
    started = time.perf_counter()
    check(text)
    assert time.perf_counter() - started < 2
