from __future__ import annotations

import pytest

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.constraints.start_end import plain_quotes

START = "combination:repeat_prompt"
END = "startend:end_checker"


@pytest.mark.parametrize(
    ("text", "phrase", "official", "careful", "ifeval"),
    [
        ("Sure, here it is", "Sure, here", True, True, True),
        ("sURE, HERE it is", "Sure, here", True, True, True),  # the case does not matter
        ("\n Sure, here it is", " Sure, here ", True, True, True),  # nor outer white space, of either
        ('"Sure, here it is"', "Sure, here", True, True, False),
        ("'Sure, here' it is", "Sure, here", True, True, False),
        ('""\'Sure, here', "Sure, here", True, True, False),
        ("“Sure, here it is”", "Sure, here", False, True, False),
        ("I’ll say it", "I'll say", False, True, False),  # another apostrophe
        ("I'll say it", "I’ll say", False, True, False),
        ("I’ll say it", "I’ll say", True, True, True),
        ('" Sure, here', "Sure, here", False, False, False),  # white space inside the quotes stays
        ("Well. Sure, here", "Sure, here", False, False, False),
        ("Sure here", "Sure, here", False, False, False),
        ("Sure", "Sure, here", False, False, False),
        ('"', "Sure", False, False, False),
        ("İstanbul is", "İstanbul", True, True, True),  # lower-casing changes the length
        ("ΑΣ", "ασ", False, False, False),  # the final sigma's lower form is ς
        ("ΑΣΑ", "ασ", True, True, True),
        ("\ud800 a", "\ud800", True, True, True),
        ("", "a", False, False, False),
    ],
)
def test_starting_with_a_phrase(text: str, phrase: str, official: bool, careful: bool, ifeval: bool) -> None:
    found = [compile(START, rules=rules, prompt_to_repeat=phrase).check(text) for rules in RULE_SETS]
    assert found == [official, careful, ifeval]


@pytest.mark.parametrize(
    ("text", "phrase", "official", "careful"),
    [
        ("Here it is. Thank you.", "Thank you.", True, True),
        ("Here it is. THANK YOU.\n", "thank you.", True, True),
        ('"Here it is. Thank you."', "Thank you.", True, True),
        ('Thank you."\n', "Thank you.", True, True),
        ("Thank you.'", "Thank you.", False, True),  # official takes off double quotes only
        ("Thank you.”", "Thank you.", False, True),
        ("That’s all", "That's all", False, True),
        ("That's all", "That’s all", False, True),
        ("That’s all", "That’s all", True, True),
        ("Thank you", "Thank you.", False, False),
        ("Thank you!", "Thank you.", False, False),
        ("Thank you. Bye.", "Thank you.", False, False),
        ("you.", "Thank you.", False, False),
        ('Thank you. "', "Thank you.", False, False),  # white space inside the quotes stays
        ("in İ", "İ", True, True),
        ("\ud800", "\ud800", True, True),
        (" ", "a", False, False),
    ],
)
def test_ending_with_a_phrase(text: str, phrase: str, official: bool, careful: bool) -> None:
    found = [compile(END, rules=rules, end_phrase=phrase).check(text) for rules in RULE_SETS]
    assert found == [official, careful, official]


@pytest.mark.parametrize(
    ("text", "phrase", "reason", "near"),
    [
        ("Hello there", "Sure", "begins with 'Hello there' instead of 'Sure'", None),
        ("“Sure thing”", "Sure", "begins with '“Sure thing”' instead of 'Sure'", "other-quotes"),
        ("**Sure thing**", "Sure", "begins with '**Sure thing**' instead of 'Sure'", "other-punctuation"),
        ("Sure! yes", "Sure, ", "begins with 'Sure! yes' instead of 'Sure,'", "other-punctuation"),
        (
            "Well, sure",
            "Sure",
            "begins with 'Well, sure' instead of 'Sure'; the phrase stands elsewhere",
            "phrase-elsewhere",
        ),
        ("x" * 100, "Sure", f"begins with {'x' * 40!r} instead of 'Sure'", None),
        ("a\x1b[2J", "Sure", "begins with 'a\\x1b[2J' instead of 'Sure'", None),
        ("Hello", "...", "begins with 'Hello' instead of '...'", None),  # a phrase of punctuation alone
        (" ", "Sure", "the reply is empty", None),
    ],
)
def test_why_it_does_not_start(text: str, phrase: str, reason: str, near: str | None) -> None:
    assert compile(START, prompt_to_repeat=phrase).explain(text) == (False, reason, near)


@pytest.mark.parametrize(
    ("text", "phrase", "reason", "near"),
    [
        ("Bye.", "That's all", "ends with 'Bye.' instead of \"That's all\"", None),
        ("That’s all", "That's all", "ends with 'That’s all' instead of \"That's all\"", "other-quotes"),
        ("Thank you!", "Thank you.", "ends with 'Thank you!' instead of 'Thank you.'", "other-punctuation"),
        (
            "Done. Bye.",
            "Done.",
            "ends with 'Done. Bye.' instead of 'Done.'; the phrase stands elsewhere",
            "phrase-elsewhere",
        ),
        ("x" * 100, "Sure", f"ends with {'…' + 'x' * 40!r} instead of 'Sure'", None),
    ],
)
def test_why_it_does_not_end(text: str, phrase: str, reason: str, near: str | None) -> None:
    assert compile(END, end_phrase=phrase).explain(text) == (False, reason, near)


def test_plain_quotes_keep_the_length() -> None:
    marks = "‘’‚‛′`´＇“”„‟″«»＂"
    assert plain_quotes(marks) == "'" * 8 + '"' * 8
