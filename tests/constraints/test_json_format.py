from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.constraints.json_format import MAX_DEPTH, MAX_DIGITS, depth, missing_closers

ID = "detectable_format:json_format"

official = compile(ID).check
careful = compile(ID, rules="careful").check


@pytest.mark.parametrize(
    ("text", "expected", "in_careful"),
    [
        ('{"a": 1}', True, True),
        ("[]", True, True),
        ("\n {} \t", True, True),
        ('"text"', True, True),  # scalars are JSON
        ("12.5e-3", True, True),
        ("true", True, True),
        ("null", True, True),
        ("NaN", True, False),  # Python's, not JSON's
        ("[-Infinity]", True, False),
        ("Infinity", True, False),
        ("nan", False, False),
        ("True", False, False),
        ("'text'", False, False),
        ("{'a': 1}", False, False),
        ("{a: 1}", False, False),
        ('{"a": 1,}', False, False),
        ("[1 2]", False, False),
        ("01", False, False),
        ("+1", False, False),
        ('{"a": 1} and more', False, False),
        ('Here: {"a": 1}', False, False),
        ('{"a": 1', False, False),
        ('{"a": "one\ntwo"}', False, False),  # a control character in a string
        ("```json\n{}\n```", True, True),
        ("```JSON\n{}\n```", True, True),
        ("```\n{}\n```", True, True),
        ("```Json{}", True, True),
        ("{}```", True, True),
        ("```jsonc\n{}\n```", False, False),
        ("```json\n```json\n{}\n```", False, False),  # each fence is taken off once
        ("```json```{}```", True, True),  # and in one order
        ("```json\n```", False, False),
        ('{"\\ud800": "\\ud800"}', True, True),
        ('"\ud800"', True, True),
        ("\ufeff{}", False, False),
        ("\u00a0{}", True, True),
        ("", False, False),
    ],
)
def test_json_reply(text: str, expected: bool, in_careful: bool) -> None:
    assert [compile(ID, rules=rules).check(text) for rules in RULE_SETS] == [expected, in_careful, expected]


@pytest.mark.parametrize(
    ("text", "reason", "near"),
    [
        ('{"a": [1, 2', "lacks only the closing ]}", "unclosed-json"),
        ('{"a": "b', 'breaks off inside a string; lacks "}', "unclosed-json"),
        ('```json\n{"a": 1\n```', "lacks only the closing }", "unclosed-json"),
        ('Here: {"a": 1}', "text outside the JSON", "text-outside-json"),
        ('{"a": 1} I hope this helps.', "text outside the JSON", "text-outside-json"),
        ("Sure! [1, 2] there", "text outside the JSON", "text-outside-json"),
        ("{'a': 'b'}", "single quotes instead of double quotes", "other-quotes"),
        ('{"a": [1, 2,], }', "a comma before a closing bracket", "trailing-comma"),
        ("Hello", "not JSON: Expecting value: line 1 column 1 (char 0)", None),
        ('{"a" 1}', "not JSON: Expecting ':' delimiter: line 1 column 6 (char 5)", None),
        ("[" * 901 + "]" * 901, "nested deeper than 900 levels", None),
        ("[" * 100_000, "nested deeper than 900 levels", None),
        ("9" * 5000, "not JSON: an integer of more digits than Python reads", None),
        (" ", "the reply is empty", None),
    ],
)
def test_why(text: str, reason: str, near: str | None) -> None:
    assert compile(ID).explain(text) == (False, reason, near)


def test_careful_says_what_is_not_json() -> None:
    assert compile(ID, rules="careful").explain("[NaN]").reason == "not JSON: NaN is Python's, not JSON's"


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 900 + "]" * 900, True),
        ("[" * 901 + "]" * 901, False),
        ('{"a":' * 900 + "1" + "}" * 900, True),
        ('{"a":' * 901 + "1" + "}" * 901, False),
        ('[{"a":' * 450 + "1" + "}]" * 450, True),
        ("[" * 900 + ",".join(["[]"] * 3) + "]" * 900, False),
        ("[" * 899 + ",".join(["[]"] * 3) + "]" * 899, True),
        ('["' + "[" * 5000 + '"]', True),  # brackets in strings do not nest
        ('["\\"' + "[" * 5000 + '"]', True),
        ("[" * 900 + "]" * 899, False),
        ("[" * 900 + "}" * 900, False),
        ("]" * 1000, False),
    ],
)
def test_nesting_is_limited_whatever_the_stack_holds(rules: str, text: str, expected: bool) -> None:
    check = compile(ID, rules=rules).check
    for room in (800, 300, 100, 60, 40):
        assert called_with_room(room, lambda: check(text)) is expected


def called_with_room(room: int, call: Callable[[], Any]) -> Any:
    """Call with only so many frames left below the recursion limit."""
    used = 0
    frame = sys._getframe()
    while frame is not None:
        used, frame = used + 1, frame.f_back  # type: ignore[assignment]

    def down(levels: int) -> Any:
        return call() if levels <= 0 else down(levels - 1)

    return down(sys.getrecursionlimit() - used - room)


@pytest.mark.parametrize("rules", ["official", "ifeval"])
@pytest.mark.parametrize("wrap", ["{}", "[{}]", '{{"a": -{}}}', "[1, {}, 2]"])
def test_integers_are_limited_as_pythons_are(rules: str, wrap: str) -> None:
    check = compile(ID, rules=rules).check
    limit = sys.get_int_max_str_digits()
    try:
        for limited in (limit, 0, 640):  # the verdict does not hang on the process's setting
            sys.set_int_max_str_digits(limited)
            assert check(wrap.format("9" * MAX_DIGITS)) is True
            assert check(wrap.format("9" * (MAX_DIGITS + 1))) is False
            assert check(wrap.format("9" * 10_000 + ".5")) is True
            assert check(wrap.format("9" * 10_000 + "e5")) is True
    finally:
        sys.set_int_max_str_digits(limit)


def test_careful_takes_integers_of_any_length() -> None:
    assert careful("[" + "9" * 100_000 + "]")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
MARKS = [*"{}[]\":,\\ \n\t0123456789-+.eEtrufalsn'/", "\\u", "\\n", "NaN", "Infinity", "\ud800", "İ"]


def parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def strictly(text: str) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(value=JSON, indent=st.sampled_from([None, 2]), ascii=st.booleans(), seed=st.integers(0, 10**9))
def test_generated_and_mutated_json_gets_the_parsers_verdict(
    value: Any, indent: int | None, ascii: bool, seed: int
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert official(text)
    assert careful(text) is strictly(text)
    draw = random.Random(seed)
    for _ in range(5):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice(["", draw.choice(MARKS)]) + text[at + draw.randrange(2) :]
        stripped = text.strip()
        assert official(text) is parses(stripped), text
        assert careful(text) is strictly(stripped), text


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(MARKS), max_size=12).map("".join))
def test_random_marks_get_the_parsers_verdict(text: str) -> None:
    assert official(text) is parses(text.strip())


@settings(max_examples=200, deadline=None)
@given(value=JSON.filter(lambda value: isinstance(value, dict | list)))
def test_json_cut_before_its_last_brackets_is_said_to_be_unclosed(value: Any) -> None:
    text = json.dumps(value).rstrip("]}")
    closed = text + missing_closers(text)
    if text and not text.endswith('"') and parses(closed):
        found = compile(ID).explain(text)
        assert (found.followed, found.near_miss) == (False, "unclosed-json")


@pytest.mark.parametrize(
    ("text", "levels"),
    [("", 0), ("1", 0), ("[]", 1), ("[[],[]]", 2), ("[{}]", 2), ('"[["', 0), ('{"a": "[", "b": [1]}', 2)],
)
def test_depth(text: str, levels: int) -> None:
    assert depth(text) == levels


def test_the_limit_is_below_the_parsers_own() -> None:
    assert MAX_DEPTH < 1000
