from __future__ import annotations

import pytest

from speech_ifeval.constraints import RULE_SETS, compile
from speech_ifeval.constraints.length import careful_words, count_words

WORDS = "length_constraints:number_words"
SENTENCES = "length_constraints:number_sentences"
PARAGRAPHS = "length_constraints:number_paragraphs"


@pytest.mark.parametrize(
    ("text", "official", "careful"),
    [
        ("one two three", 3, 3),
        ("I don't know", 4, 3),
        ("a well-known fact", 4, 3),
        ("yes—no", 2, 2),  # a dash divides
        ("yes – no", 2, 2),
        ("snake_case", 1, 1),
        ("3.14", 2, 1),
        ("[00:00:00 - 00:00:07] Hello there", 8, 2),  # time stamps are no words
        ("at 9:30 sharp", 4, 2),
        ("ratio 3:2", 3, 2),
        ("... !!! -", 0, 0),
        ("你好 世界", 2, 2),
        ("a\u00a0b", 2, 2),
        ("\ud800", 0, 0),
    ],
)
def test_counted_words(text: str, official: int, careful: int) -> None:
    assert (count_words(text), careful_words(text)) == (official, careful)
    for rules, count in zip(RULE_SETS, (official, careful, official), strict=True):
        for number in range(10):
            at_least = compile(WORDS, rules=rules, relation="at least", num_words=number)
            less = compile(WORDS, rules=rules, relation="less than", num_words=number)
            assert (at_least.check(text), less.check(text)) == (count >= number, count < number)


@pytest.mark.parametrize(
    ("text", "official", "careful"),
    [
        ("One.", 1, 1),
        ("One. Two.", 2, 2),
        ("No end", 1, 1),
        ("Dr. Smith came.", 1, 1),
        ("He is 3.5 years old.", 1, 1),
        ("Wait . . . he said.", 4, 1),  # an ellipsis in a sentence that goes on
        ('He said "Go!" and left.', 2, 1),  # and a quotation in one
        ("Really?! Yes!", 2, 2),
        ("One.\nTwo.", 2, 2),
    ],
)
def test_counted_sentences(text: str, official: int, careful: int) -> None:
    for rules, count in zip(RULE_SETS, (official, careful, official), strict=True):
        for number in range(5):
            at_least = compile(SENTENCES, rules=rules, relation="at least", num_sentences=number)
            less = compile(SENTENCES, rules=rules, relation="less than", num_sentences=number)
            assert (at_least.check(text), less.check(text)) == (count >= number, count < number)


@pytest.mark.parametrize(
    ("text", "official", "careful", "ifeval"),
    [
        ("one", 1, 1, 1),
        ("one\n\ntwo", 2, 2, 1),
        ("one\n\n\n\ntwo\n", 2, 2, 1),
        ("one\n \ntwo", None, 2, 1),  # a line of spaces is a blank paragraph
        ("one ***\ntwo", 2, 2, 2),
        ("one***two", 2, 2, 2),
        ("***one***", 1, 1, 1),
        ("one\n***\n***\ntwo", None, 2, None),
        ("one\n\n***\n\ntwo", 2, 2, 2),
        ("* * *", 1, 1, 1),
        ("***", 0, 0, 0),
        ("\n".join(["x" * 90] * 3), 3, 3, 1),  # prose in lines
        ("one\r\rtwo", 1, 1, 1),  # a line ends at a newline only
        ("one\u2028two", 1, 1, 1),
    ],
)
def test_counted_paragraphs(text: str, official: int | None, careful: int, ifeval: int | None) -> None:
    for rules, count in zip(RULE_SETS, (official, careful, ifeval), strict=True):
        followed = [n for n in range(6) if compile(PARAGRAPHS, rules=rules, num_paragraphs=n).check(text)]
        assert followed == ([] if count is None else [count])


@pytest.mark.parametrize(
    ("id", "kwargs", "text", "reason", "near"),
    [
        (WORDS, ("at least", 3), "one two", "2 words, asked for at least 3", "off-by-one"),
        (WORDS, ("at least", 3), "one", "1 word, asked for at least 3", None),
        (WORDS, ("less than", 2), "one two", "2 words, asked for less than 2", "off-by-one"),
        (WORDS, ("less than", 2), "one two three", "3 words, asked for less than 2", None),
        (WORDS, ("at least", 100), "a " * 96, "96 words, asked for at least 100", "within-five-percent"),
        (WORDS, ("at least", 100), "a " * 94, "94 words, asked for at least 100", None),
        (WORDS, ("less than", 100), "a " * 104, "104 words, asked for less than 100", "within-five-percent"),
        (WORDS, ("less than", 0), "one", "1 word, asked for less than 0", None),
        (SENTENCES, ("at least", 3), "One. Two.", "2 sentences, asked for at least 3", "off-by-one"),
        (SENTENCES, ("less than", 1), "One. Two.", "2 sentences, asked for less than 1", None),
        (PARAGRAPHS, 3, "one\ntwo", "2 paragraphs instead of 3", "off-by-one"),
        (PARAGRAPHS, 3, "one", "1 paragraph instead of 3", None),
        (PARAGRAPHS, 2, "one\n \ntwo", "a blank paragraph between two others", None),
        (PARAGRAPHS, 0, "\n", "the reply is empty", None),
    ],
)
def test_why(id: str, kwargs: tuple[str, int] | int, text: str, reason: str, near: str | None) -> None:
    if isinstance(kwargs, tuple):
        given = {"relation": kwargs[0], f"num_{id.rpartition('_')[2]}": kwargs[1]}
    else:
        given = {"num_paragraphs": kwargs}
    assert compile(id, **given).explain(text) == (False, reason, near)


@pytest.mark.parametrize(
    ("text", "asked", "followed"),
    [
        ("A rose,\na vine,\na sign.", 1, True),  # a poem in one paragraph
        ("A rose,\na vine,\na sign.", 3, True),  # asked for three, the lines are paragraphs
        ("A rose,\na vine,\na sign.", 2, False),
        ("one\ntwo", 1, True),
        ("one\ntwo", 2, True),
        ("\n".join(["x" * 90] * 3), 1, False),  # prose in lines
        ("A rose,\na vine.\n\nA sign.", 1, False),  # two stanzas
    ],
)
def test_careful_takes_short_lines_for_verse_where_one_paragraph_is_asked_for(
    text: str, asked: int, followed: bool
) -> None:
    assert compile(PARAGRAPHS, rules="careful", num_paragraphs=asked).check(text) is followed
