from __future__ import annotations

import pytest

from speech_ifeval.constraints import compile

CAPITAL = "change_case:english_capital"
LOWER = "change_case:english_lowercase"


@pytest.mark.parametrize("rules", ["official", "careful"])
@pytest.mark.parametrize(
    ("text", "capital", "lower"),
    [
        ("HELLO", True, False),
        ("hello", False, True),
        ("Hello", False, False),
        ("I", True, False),
        ("1 + 1 = 2!", False, False),  # no letter that has a case
        ("A1!", True, False),
        ("a1!", False, True),
        ("ПРИВЕТ", True, False),  # the language does not matter
        ("привет", False, True),
        ("STRAßE", False, False),  # a small letter among capitals
        ("STRAẞE", True, False),
        ("ǅ", False, False),  # a title-case letter is neither
        ("你好", False, False),
        ("你好A", True, False),
        ("ª", False, True),  # lower-case by Unicode, though it is no letter of any word
        ("Ⅷ", True, False),
        ("\ud800", False, False),
        ("A\ud800", True, False),
        ("", False, False),
        (" \n\u00a0", False, False),
        ("```\nHELLO\n```", True, False),
    ],
)
def test_every_letter_in_one_case(rules: str, text: str, capital: bool, lower: bool) -> None:
    assert compile(CAPITAL, rules=rules).check(text) is capital
    assert compile(LOWER, rules=rules).check(text) is lower


@pytest.mark.parametrize(
    ("id", "text", "expected"),
    [
        (CAPITAL, "THIS IS A PLAIN SENTENCE IN THE ENGLISH LANGUAGE, SAID OUT LOUD.", False),
        (CAPITAL, "1 + 1 = 2", False),
        (LOWER, "this is a plain sentence in the english language.", True),
        (LOWER, "das ist ein ganz gewöhnlicher deutscher satz.", False),
        (LOWER, "This is a plain sentence in the english language.", False),
    ],
)
def test_ifeval_also_asks_the_language_detector(id: str, text: str, expected: bool) -> None:
    found = compile(id, rules="ifeval").explain(text)
    if id == CAPITAL and text.isupper():
        # The detector is poor at capitals; what it says is named, whatever it is.
        assert found.followed or "the language detector says" in found.reason
    else:
        assert found.followed is expected


@pytest.mark.parametrize(
    ("id", "rules", "text", "reason", "near"),
    [
        (CAPITAL, "official", "HELLO there WORLD", "not all capitals: there", "few-words-in-other-case"),
        (CAPITAL, "official", "hello", "not all capitals: hello", None),
        (CAPITAL, "official", "a b c d", "not all capitals: a, b, c and 1 more", None),
        (CAPITAL, "careful", "A B ǅ", "not all capitals: ǅ", "few-words-in-other-case"),
        (CAPITAL, "official", "1 2", "has no letter that has a case", None),
        (LOWER, "official", "hello There you", "not all lower case: There", "few-words-in-other-case"),
        (LOWER, "careful", "A B C", "not all lower case: A, B, C", None),
        (LOWER, "official", "", "the reply is empty", None),
        (
            LOWER,
            "ifeval",
            "das ist ein ganz gewöhnlicher deutscher satz.",
            "the language detector says de instead of en",
            None,
        ),
    ],
)
def test_why(id: str, rules: str, text: str, reason: str, near: str | None) -> None:
    assert compile(id, rules=rules).explain(text) == (False, reason, near)


def test_a_long_word_is_cut_in_the_reason() -> None:
    assert len(compile(CAPITAL).explain("x" * 10_000).reason) < 100
