from __future__ import annotations

import re
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.constraints.frequency import _MATCHING_ASCII, _cased, _equals
from speech_ifeval.errors import ConstraintError

FREQUENCY = "keywords:frequency"
LETTER = "keywords:letter_frequency"


def keyword(word: str, frequency: int, relation: str = "at least") -> dict[str, Any]:
    return {"keyword": word, "frequency": frequency, "relation": relation}


def letter(character: str, frequency: int, relation: str = "at least") -> dict[str, Any]:
    return {"letter": character, "let_frequency": frequency, "let_relation": relation}


@pytest.mark.parametrize("rules", ["official", "ifeval"])
@pytest.mark.parametrize(
    ("text", "kwargs", "expected"),
    [
        ("war and War", keyword("war", 2), True),
        ("warm WARDEN", keyword("war", 2), True),  # also inside words
        ("war", keyword("war", 2), False),
        ("war", keyword("war", 2, "less than"), True),
        ("war war", keyword("war", 2, "less than"), False),
        ("peace", keyword("war", 0), True),
        ("peace", keyword("war", 0, "less than"), False),
        ("war", keyword("  war\n", 1), True),  # white space around the keyword is dropped
        ("aaaa", keyword("aa", 2), True),  # occurrences do not overlap
        ("aaaa", keyword("aa", 3), False),
        ("P.S. pxsx", keyword("p.s.", 2), True),  # a full stop is any character
        ("p\ns.", keyword("p.s.", 1), False),  # but a newline
        ("...", keyword(".", 3), True),
        ("straße STRAẞE", keyword("straße", 2), True),
        ("STRASSE", keyword("straße", 1), False),  # one character matches one
        ("\u212aiss ſtop ıt", keyword("k", 1), True),
        ("ſtop", keyword("stop", 1), True),
        ("İt ıt It", keyword("it", 3), True),
        ("ΣΑΣ σας σασ", keyword("σας", 3), True),  # every form of sigma
        ("ΜΙΚΡΌ", keyword("μικρό", 1), True),
        ("ДА да", keyword("да", 2), True),
        ("\ud800war", keyword("war", 1), True),
        ("\ud800", keyword("\ud800", 1), True),
        ("ẞ ß", keyword("ß ẞ", 1), True),
        ("sſ SS", keyword("ſs", 2), True),
    ],
)
def test_frequency(rules: str, text: str, kwargs: dict[str, Any], expected: bool) -> None:
    assert compile(FREQUENCY, rules=rules, **kwargs).check(text) is expected


@pytest.mark.parametrize(
    ("text", "kwargs", "expected"),
    [
        ("war, War!", keyword("war", 2), True),
        ("warm war", keyword("war", 2), False),
        ("war_ war", keyword("war", 2), False),
        ("C++ and C++", keyword("c++", 2), True),
        ("C++20", keyword("c++", 1), False),
        ("pxs", keyword("p.s", 1), False),
        ("P.S", keyword("p.s", 1), True),
        ("a(b) (a)", keyword("(a)", 1), True),
        ("Война, война", keyword("война", 2), True),
        ("war ward", keyword("war", 2, "less than"), True),
    ],
)
def test_frequency_careful(text: str, kwargs: dict[str, Any], expected: bool) -> None:
    assert compile(FREQUENCY, rules="careful", **kwargs).check(text) is expected


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "kwargs", "expected"),
    [
        ("Banana", letter("a", 3), True),
        ("BANANA", letter("a", 3), True),
        ("Banana", letter("A", 4), False),
        ("Banana", letter("a", 3, "less than"), False),
        ("Banana", letter("b", 2, "less than"), True),
        ("# one\n# two", letter("#", 2), True),
        ("Stop!", letter("!", 2), False),
        ("b", letter("a", 0), True),
        ("ǅ ǆ Ǆ", letter("ǆ", 3), True),
        ("ΣΑΣ", letter("σ", 1), True),
        ("ΑΣ", letter("σ", 1), False),  # a last sigma is lower-cased to ς
        ("İ", letter("i", 1), True),
        ("\u212a", letter("k", 1), True),
        ("ſ", letter("s", 1), False),  # has no other lower case
        ("日本日", letter("日", 2), True),
        ("\udcff\udcff", letter("\udcff", 2), True),
        ("a a", letter(" a ", 2), True),
    ],
)
def test_letter_frequency(rules: str, text: str, kwargs: dict[str, Any], expected: bool) -> None:
    assert compile(LETTER, rules=rules, **kwargs).check(text) is expected


@pytest.mark.parametrize(
    ("id", "rules", "text", "kwargs", "reason", "near"),
    [
        (FREQUENCY, "official", "war", keyword("war", 2), "'war': 1 time instead of at least 2", "off-by-one"),
        (
            FREQUENCY,
            "official",
            "war war",
            keyword("war", 2, "less than"),
            "2 times instead of less",
            "off-by-one",
        ),
        (FREQUENCY, "official", "peace", keyword("war", 2), "0 times", None),
        (FREQUENCY, "careful", "war warm", keyword("war", 2), "the others are inside", "inside-longer-words"),
        (FREQUENCY, "careful", "war", keyword("war", 3), "1 time", None),
        (FREQUENCY, "careful", "war", keyword("war", 1, "less than"), "1 time instead of less", "off-by-one"),
        (FREQUENCY, "official", "p.s", keyword("p.s", 2), "1 time", "off-by-one"),
        (FREQUENCY, "official", "ß ß", keyword("ß ẞ", 2), "1 time", "off-by-one"),
        (LETTER, "official", "a", letter("b", 5), "'b': 0 times instead of at least 5", None),
        (LETTER, "official", "Σβ", letter("β", 2), "'β': 1 time", "off-by-one"),
    ],
)
def test_why(id: str, rules: str, text: str, kwargs: dict[str, Any], reason: str, near: str | None) -> None:
    explanation = compile(id, rules=rules, **kwargs).explain(text)
    assert not explanation.followed
    assert reason in explanation.reason
    assert explanation.near_miss == near


@pytest.mark.parametrize(
    ("id", "kwargs", "message"),
    [
        (FREQUENCY, keyword("a(", 1), "careful"),
        (FREQUENCY, keyword("a|b", 1), "careful"),
        (FREQUENCY, keyword(" ", 1), "not empty"),
        (FREQUENCY, keyword("a", -1), "0 or more"),
        (FREQUENCY, keyword("a", 1, "at most"), "less than"),
        (FREQUENCY, {"keyword": "a", "frequency": 1}, "'relation' is missing"),
        (LETTER, letter("ab", 1), "single character"),
        (LETTER, letter("", 1), "single character"),
        (LETTER, {"letter": "a", "let_frequency": None, "let_relation": "at least"}, "0 or more"),
    ],
)
def test_what_cannot_be_compiled(id: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstraintError, match=message):
        compile(id, **kwargs)


def test_careful_takes_any_keyword_literally() -> None:
    assert compile(FREQUENCY, rules="careful", **keyword("a(", 1)).check("a(")


letters = st.text(alphabet="abk\u212asSiIßẞſİı\u212aσςΣΜµμйЙ. \n\u0345ιΙ\u1fbeΐΐ\ud800", min_size=1)
any_text = letters | st.text(st.characters(exclude_categories=[]))


@given(any_text, letters.filter(str.strip), st.integers(0, 4))
def test_counts_as_a_regular_expression_does(text: str, word: str, frequency: int) -> None:
    plain = len(re.findall(word.strip(), text, re.IGNORECASE))
    if text.strip():
        assert compile(FREQUENCY, **keyword(word, frequency)).check(text) is (plain >= frequency)
        assert compile(FREQUENCY, **keyword(word, frequency, "less than")).check(text) is (plain < frequency)


@given(any_text, letters.filter(str.strip), st.integers(0, 4))
def test_careful_counts_whole_literals(text: str, word: str, frequency: int) -> None:
    plain = len(re.findall(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE))
    if text.strip():
        check = compile(FREQUENCY, rules="careful", **keyword(word, frequency)).check
        assert check(text) is (plain >= frequency)


@given(any_text, any_text.filter(lambda text: len(text) == 1 and text.strip()) | st.sampled_from("aik\u212aS#"))
def test_letters_are_counted_in_the_lowered_text(text: str, character: str) -> None:
    count = text.lower().count(character.lower())
    if text.strip():
        assert compile(LETTER, **letter(character, count)).check(text)
        assert not compile(LETTER, **letter(character, count + 1)).check(text)


def test_what_matches_an_ascii_letter() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    for character in map(chr, range(128)):
        lowered = character.lower()
        known = {lowered, character.upper(), *_MATCHING_ASCII.get(lowered, "")}
        assert set(re.findall(re.escape(character), every, re.IGNORECASE)) == known


def test_what_holds_an_ascii_letter_once_lowered() -> None:
    beyond = map(chr, range(128, sys.maxunicode + 1))
    found = {character for character in beyond if any(map(str.isascii, character.lower()))}
    assert found == {"İ", "\u212a"}


@pytest.mark.slow
def test_no_character_beyond_the_cased_ones_matches_another() -> None:
    """On this Python's Unicode: a letter outside the list matches itself only."""
    cased = set(_cased())
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    uncased = "".join(character for character in every if character not in cased)
    for start in range(0, len(cased), 500):
        some = "".join(map(re.escape, sorted(cased)[start : start + 500]))
        assert re.findall(f"[{some}]", uncased, re.IGNORECASE) == []


def test_characters_match_one_another_in_classes() -> None:
    for character in _cased():
        assert {_equals(equal) for equal in _equals(character)} == {_equals(character)}


MEGABYTE = 1_000_000
WALLS = ["a", "aaaaaaab", "A ", "ſ", "İ", "Σ'", "\n", " ", "\ud800", "日", "a b.c", "..", "ßẞ"]


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize(
    ("id", "rules", "kwargs"),
    [
        (FREQUENCY, "official", keyword("aaaaaaaaaaaaaaab", 3)),
        (FREQUENCY, "official", keyword("a.a", 10**7)),
        (FREQUENCY, "official", keyword("ßß", 10**7)),
        (FREQUENCY, "careful", keyword("a", 10**7)),
        (LETTER, "official", letter("a", 10**7)),
        (LETTER, "official", letter("σ", 10**7)),
    ],
)
def test_a_megabyte_of_anything(wall: str, id: str, rules: str, kwargs: dict[str, Any]) -> None:
    text = wall * (MEGABYTE // len(wall))
    check = compile(id, rules=rules, **kwargs).check
    started = time.perf_counter()
    check(text)
    # Far above what it takes, far below what a quadratic form would.
    assert time.perf_counter() - started < 2
