from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.errors import ConstraintError

ID = "length_constraints:nth_paragraph_first_word"


def kwargs(num: int, nth: int, word: str) -> dict[str, Any]:
    return {"num_paragraphs": num, "nth_paragraph": nth, "first_word": word}


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    ("text", "given_kwargs", "expected"),
    [
        ("One.\n\nSend it.", kwargs(2, 2, "send"), True),
        ("One.\n\nSEND it.", kwargs(2, 2, "Send"), True),
        ('One.\n\n\'"Send" it.', kwargs(2, 2, "send"), True),
        ('One.\n\n"\'Send" it.', kwargs(2, 2, "send"), False),  # quotation marks in this order only
        ("One.\n\nSend, please", kwargs(2, 2, "send"), True),
        ("One.\n\nSend's", kwargs(2, 2, "send"), True),
        ("One.\n\nSend: it", kwargs(2, 2, "send"), False),  # a colon does not end a word
        ("One.\n\nSend-off", kwargs(2, 2, "send-off"), True),
        ("One.\n\nSending", kwargs(2, 2, "send"), False),
        ("One.\n\nSen", kwargs(2, 2, "send"), False),
        ("One.\nSend it.", kwargs(2, 2, "send"), False),
        ("Send\n\n\n\nTwo", kwargs(2, 1, "send"), True),  # empty paragraphs are not counted
        ("One\n\n\n\nSend", kwargs(2, 2, "send"), False),  # yet the second is the empty one
        ("One\n\n\nSend", kwargs(2, 2, "send"), True),
        ("\n\nSend\n\nTwo", kwargs(2, 2, "send"), True),  # so the first of two is called the second
        ("One\n\nTwo\n\nSend", kwargs(2, 1, "one"), False),
        ("One", kwargs(1, 1, "one"), True),
        ("  ...", kwargs(1, 1, "one"), False),
        ("''''", kwargs(1, 1, "one"), False),
        ("ΛΌΓΟΣ", kwargs(1, 1, "λόγοσ"), True),  # lower-cased letter by letter
        ("λόγος", kwargs(1, 1, "ΛΌΓΟΣ"), True),
        ("İx", kwargs(1, 1, "İx"), True),
        ("\ud800", kwargs(1, 1, "\ud800"), True),
    ],
)
def test_nth_paragraph(rules: str, text: str, given_kwargs: dict[str, Any], expected: bool) -> None:
    assert compile(ID, rules=rules, **given_kwargs).check(text) is expected


@pytest.mark.parametrize(
    ("text", "given_kwargs", "reason", "near"),
    [
        ("Send", kwargs(2, 1, "send"), "1 paragraph instead of 2", "off-by-one"),
        ("Send\n\na\n\nb\n\nc", kwargs(2, 1, "send"), "4 paragraphs instead of 2", None),
        ("a", kwargs(3, 3, "send"), "1 paragraph instead of 3", None),
        ("a\n\n\n\nb", kwargs(2, 2, "b"), "paragraph 2 is empty", "empty-paragraph"),
        ("a\n\nb", kwargs(2, 2, "send"), "paragraph 2 starts with 'b' instead of 'send'", None),
        ("send\n\nb", kwargs(2, 2, "send"), "paragraph 2 starts with 'b'", "word-starts-another-paragraph"),
        ("a\n\n**Send** it", kwargs(2, 2, "send"), "starts with '**send**'", "markup-around-word"),
        ("a\n\nb\n\nc", kwargs(2, 2, "send"), "3 paragraphs instead of 2, and paragraph 2 starts with 'b'", None),
    ],
)
def test_why(text: str, given_kwargs: dict[str, Any], reason: str, near: str | None) -> None:
    explanation = compile(ID, **given_kwargs).explain(text)
    assert not explanation.followed
    assert reason in explanation.reason
    assert explanation.near_miss == near


@pytest.mark.parametrize(
    ("given_kwargs", "message"),
    [
        (kwargs(2, 3, "a"), "at most num_paragraphs, found 3 of 2"),
        (kwargs(2, 0, "a"), "1 or more"),
        (kwargs(0, 1, "a"), "1 or more"),
        (kwargs(2, 1, "two words"), "no text could follow"),
        (kwargs(2, 1, "Dr."), "no text could follow"),
        (kwargs(2, 1, ""), "not empty"),
        ({"num_paragraphs": 2, "nth_paragraph": None, "first_word": "a"}, "1 or more"),
    ],
)
def test_what_cannot_be_compiled(given_kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstraintError, match=message):
        compile(ID, **given_kwargs)


def plain(text: str, num: int, nth: int, word: str) -> bool:
    paragraphs = re.split("\n{2}", text)
    filled = len([paragraph for paragraph in paragraphs if paragraph.strip()])
    if filled != num or nth > filled or not paragraphs[nth - 1].strip():
        return False
    first = re.sub('^"*', "", re.sub("^'*", "", paragraphs[nth - 1].split()[0]))
    first = re.split(r"""[.,?!'"]""", first)[0]
    return "".join(letter.lower() for letter in first) == word.lower()


PIECES = ["\n", "\n\n", "a", "A", "ab", "Σ", "İ", "'", '"', ",", " "]


@given(
    st.lists(st.sampled_from(PIECES), max_size=15).map("".join),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["a", "AB", "aΣ", "σ", "İ", "aa"]),
)
def test_like_the_plain_form(text: str, num: int, nth: int, word: str) -> None:
    if text.strip() and nth <= num:
        assert compile(ID, **kwargs(num, nth, word)).check(text) is plain(text, num, nth, word)


@pytest.mark.parametrize("wall", ["\n", "a", "'", '"', "'\"", " ", "\n\na", "a\n\n", "\ud800", "İ", " \n"])
def test_a_megabyte_of_anything(wall: str) -> None:
    text = "a\n\n" + wall * (1_000_000 // len(wall))
    started = time.perf_counter()
    compile(ID, **kwargs(2, 1, "a")).check(text)
    compile(ID, **kwargs(2, 2, "a")).check(text)
    assert time.perf_counter() - started < 2
