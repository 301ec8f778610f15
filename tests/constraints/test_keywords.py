from __future__ import annotations

import re
import string
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.constraints.keywords import bounded, folded
from speech_ifeval.errors import ConstraintError

EXIST = "keywords:existence"
FORBID = "keywords:forbidden_words"


@pytest.mark.parametrize(
    ("text", "keywords", "official", "careful"),
    [
        ("We take the train.", ["train"], True, True),
        ("We take the TRAIN.", ["train"], True, True),
        ("In training", ["train"], True, False),  # inside a longer word
        ("train-station", ["train"], True, True),
        ("bus and train", ["train", "bus"], True, True),
        ("train", ["train", "bus"], False, False),
        ("MrsX Horton", ["Mrs. Horton"], True, False),  # a point is any character
        ("Mrs. Horton", ["Mrs. Horton"], True, True),
        ("Mrs\nHorton", ["Mrs. Horton"], False, False),
        ("STRASSE", ["straße"], False, False),
        ("Straße", ["STRAßE"], True, True),
        ("\u212a", ["k"], True, True),  # the Kelvin sign is a k
        ("ſtation", ["station"], True, True),
        ("İ", ["i"], True, True),
        ("ÉCOLE", ["école"], True, True),
        ("e\u0301cole", ["école"], False, False),  # no normalisation
        ("don't", ["don't"], True, True),
        ("a\ud800b", ["\ud800"], True, False),
        (" ", ["a"], False, False),
    ],
)
def test_existence(text: str, keywords: list[str], official: bool, careful: bool) -> None:
    found = [compile(EXIST, rules=rules, keywords=keywords).check(text) for rules in RULE_SETS]
    assert found == [official, careful, official]


@pytest.mark.parametrize(
    ("text", "words", "official", "careful"),
    [
        ("We take the bus.", ["train"], True, True),
        ("We take the Train.", ["train"], False, False),
        ("In training", ["train"], True, True),  # a longer word is another word
        ("train-station", ["train"], False, False),
        ("re_train", ["train"], True, True),
        ("bus", ["train", "bus"], False, False),
        ("a.b", ["a.b"], False, False),
        ("axb", ["a.b"], False, True),
        ("ſtation", ["station"], False, False),
        ("é", ["é"], False, False),
        ("it's -", ["-"], True, False),  # `\b` finds no bound beside a mark
        ("a-b", ["-"], False, True),
        ("", ["a"], False, False),
    ],
)
def test_forbidden_words(text: str, words: list[str], official: bool, careful: bool) -> None:
    found = [compile(FORBID, rules=rules, forbidden_words=words).check(text) for rules in RULE_SETS]
    assert found == [official, careful, official]


@pytest.mark.parametrize(
    ("keywords", "text", "reason", "near"),
    [
        (["train", "bus"], "a bus", "missing: train", "one-missing"),
        (["train", "bus"], "a tram", "missing: train, bus", None),
        (["train"], "a tram", "missing: train", None),  # all that was asked for is missing
        (["train"], "\n", "the reply is empty", None),
    ],
)
def test_why_keywords_are_missing(keywords: list[str], text: str, reason: str, near: str | None) -> None:
    for rules in RULE_SETS:
        assert compile(EXIST, rules=rules, keywords=keywords).explain(text) == (False, reason, near)


def test_why_a_forbidden_word_is_found() -> None:
    check = compile(FORBID, forbidden_words=["train", "bus", "tram"])
    assert check.explain("Tram or bus?") == (False, "uses: bus, tram", None)


@pytest.mark.parametrize("id", [EXIST, FORBID])
@pytest.mark.parametrize("rules", ["official", "ifeval"])
@pytest.mark.parametrize("keyword", ["a(", "C++", "a|b", "[x]", "^a", "a$", "a?", "a*", "{2}", "\\d", "a)"])
def test_metacharacters_are_refused_and_careful_is_named(id: str, rules: str, keyword: str) -> None:
    name = "keywords" if id == EXIST else "forbidden_words"
    with pytest.raises(ConstraintError, match=r"rules='careful', where keywords are literal") as caught:
        compile(id, rules=rules, **{name: ["fine", keyword]})
    assert repr(keyword) in str(caught.value)
    assert compile(id, rules="careful", **{name: ["fine", keyword]})


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [("C++", "in C++ or", True), ("C++", "C++17", False), ("a.b", "axb", False), ("$5", "for $5.", True)],
)
def test_careful_takes_metacharacters_literally(keyword: str, text: str, found: bool) -> None:
    assert compile(EXIST, rules="careful", keywords=[keyword]).check(text) is found
    assert compile(FORBID, rules="careful", forbidden_words=[keyword]).check(text) is not found


def test_folding_finds_every_character_that_ignorecase_takes_for_an_ascii_one() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    for character in string.printable:
        taken = set(re.findall(re.escape(character), everything, re.IGNORECASE))
        assert all(character.lower() in folded(one) for one in taken), (character, taken)
        # None is taken that the pattern would not take, where the fold decides alone.
        assert set(filter(str.isascii, taken)) == {character.lower(), character.upper()}


NEAR_LETTERS = "aAiIkKsS\u0130\u0131\u212a\u017f\u0307ßéÉ. -_\n"


@settings(max_examples=500, deadline=None)
@given(keyword=st.text("aiksAIKS.- é", min_size=1, max_size=3), text=st.text(NEAR_LETTERS, max_size=10))
def test_the_quick_way_gives_the_patterns_verdict(keyword: str, text: str) -> None:
    if not keyword.strip() or not text.strip():
        return
    literal = bounded(keyword)
    flags = re.IGNORECASE
    assert compile(EXIST, keywords=[keyword]).check(text) is bool(re.search(keyword, text, flags))
    assert compile(EXIST, rules="careful", keywords=[keyword]).check(text) is bool(re.search(literal, text, flags))
    forbidden = re.search(rf"\b{keyword}\b", text, flags) is None
    assert compile(FORBID, forbidden_words=[keyword]).check(text) is forbidden
    assert compile(FORBID, rules="careful", forbidden_words=[keyword]).check(text) is not bool(
        re.search(literal, text, flags)
    )
