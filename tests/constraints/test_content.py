from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.errors import ConstraintError

PLACEHOLDERS = "detectable_content:number_placeholders"
POSTSCRIPT = "detectable_content:postscript"


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("[name] [address]", 2, True),
        ("[name]", 2, False),
        ("[a] [b] [c]", 2, True),  # at least
        ("no brackets", 0, True),
        ("[]", 1, True),
        ("[[a]]", 1, True),  # from the first opening to the first closing bracket
        ("[[a]]", 2, False),
        ("[a\nb]", 1, False),  # on one line
        ("[a\r\u2028b]", 1, True),  # a line ends at a newline only
        ("[a\n[b]", 1, True),
        ("] [", 1, False),
        ("[\ud800]", 1, True),
    ],
)
def test_placeholders(rules: str, text: str, number: int, expected: bool) -> None:
    assert compile(PLACEHOLDERS, rules=rules, num_placeholders=number).check(text) is expected


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "marker", "expected"),
    [
        ("Bye.\n\nP.S. Call.", "P.S.", True),
        ("Bye. p.s. call", "P.S.", True),  # anywhere, in any case
        ("P. S. Call", "P.S.", True),
        ("P.\nS. Call", "P.S.", True),
        ("P.  S. Call", "P.S.", False),
        ("P.S Call", "P.S.", False),
        ("PS: Call", "P.S.", False),
        ("P.P.S. Call", "P.S.", True),  # holds P.S.
        ("P.P.S Call", "P.P.S", True),
        ("P.P.S. Call", "P.P.S", True),
        ("P. P. S Call", "P.P.S", True),
        ("P.S. Call", "P.P.S", False),
        ("P.P.S Call", " P.P.S ", True),
        ("P.P.S. Call", "P.P.S.", True),  # any other marker is taken as it is
        ("P. P.S. Call", "P.P.S.", False),
        ("paps: ", "P.P.S:", False),
        ("paps: ", "P.PS:", True),  # a full stop is any character
        ("PS: Call", "PS:", True),
        ("N.B.", "n.b.", True),
        ("\ud800 p.s.", "P.S.", True),
    ],
)
def test_postscript(rules: str, text: str, marker: str, expected: bool) -> None:
    assert compile(POSTSCRIPT, rules=rules, postscript_marker=marker).check(text) is expected


@pytest.mark.parametrize(
    ("id", "text", "kwargs", "reason", "near"),
    [
        (PLACEHOLDERS, "[a]", {"num_placeholders": 2}, "1 placeholder in square", "off-by-one"),
        (PLACEHOLDERS, "[a]", {"num_placeholders": 3}, "1 placeholder in square", None),
        (PLACEHOLDERS, "][", {"num_placeholders": 1}, "0 placeholders in square", "off-by-one"),
        (PLACEHOLDERS, "<name> and {town}", {"num_placeholders": 2}, "0 placeholders", "other-brackets"),
        (POSTSCRIPT, "Bye", {"postscript_marker": "P.S."}, "no postscript with P.S.", None),
        (POSTSCRIPT, "PS: call", {"postscript_marker": "P.S."}, "ps instead of P.S.", "other-marker"),
        (POSTSCRIPT, "P.S. call", {"postscript_marker": "P.P.S"}, "p.s instead of P.P.S", "other-marker"),
        (POSTSCRIPT, "Postscript: call", {"postscript_marker": "P.S."}, "postscript instead", "other-marker"),
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
        (PLACEHOLDERS, {"num_placeholders": -1}, "0 or more"),
        (PLACEHOLDERS, {}, "missing"),
        (POSTSCRIPT, {"postscript_marker": "P(S"}, "holds '\\('"),
        (POSTSCRIPT, {"postscript_marker": "**P.S.**"}, "only literals"),
        (POSTSCRIPT, {"postscript_marker": " "}, "not empty"),
    ],
)
def test_what_cannot_be_compiled(id: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstraintError, match=message):
        compile(id, **kwargs)


def pieces(*some: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(some), max_size=20).map("".join)


@given(pieces("[", "]", "\n", "a", "\r", " ", "\u2028"))
def test_placeholders_like_the_plain_form(text: str) -> None:
    # The shortest stretch from an opening bracket to a closing one on its line, found one after the other.
    number = len(re.findall(r"\[(?:(?!\n|\]).)*\]", text, re.DOTALL))
    if text.strip():
        assert compile(PLACEHOLDERS, num_placeholders=number).check(text)
        assert not compile(PLACEHOLDERS, num_placeholders=number + 1).check(text)


@given(pieces("p", "P", ".", "s", "S", "S.", "p.", " ", "\n", "\u2003", "ſ"))
def test_postscript_like_the_plain_form(text: str) -> None:
    lines = text.lower()
    forms = {"P.S.": r"p[.]\s{0,1}s[.]", "P.P.S": r"p[.]\s{0,1}p[.]\s{0,1}s", "s.p": "s.p"}
    for marker, form in forms.items():
        expected = bool(text.strip()) and bool(re.findall(rf"\s*{form}.*", lines))
        assert compile(POSTSCRIPT, postscript_marker=marker).check(text) is expected


@pytest.mark.parametrize(
    "wall", ["[", "]", "[]", "[\n", "[ ", "p.", "p. ", "p.p. ", " ", "\n", "Σ", "\ud800", "İ"]
)
@pytest.mark.parametrize(
    ("id", "kwargs"),
    [
        (PLACEHOLDERS, {"num_placeholders": 400_000}),
        (POSTSCRIPT, {"postscript_marker": "P.S."}),
        (POSTSCRIPT, {"postscript_marker": "P.P.S"}),
        (POSTSCRIPT, {"postscript_marker": "p.p.p.p.x"}),
    ],
)
def test_a_megabyte_of_anything(wall: str, id: str, kwargs: dict[str, Any]) -> None:
    text = wall * (1_000_000 // len(wall))
    check = compile(id, **kwargs).check
    started = time.perf_counter()
    check(text)
    assert time.perf_counter() - started < 2
