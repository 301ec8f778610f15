"""What is read off one reply: options named, instructions said over, words made up."""

from __future__ import annotations

import pytest

from speech_ifeval.analysis.replies import announced_option, beyond, echoes, named_options
from speech_ifeval.metrics.answers import WordEdits
from speech_ifeval.records import Constraint, Item

MOODS = ("calm", "cross", "glad")


@pytest.mark.parametrize(
    ("reply", "options", "named"),
    [
        ("Calm.", MOODS, {"calm"}),
        ("<<CALM>>", MOODS, {"calm"}),
        ('{"emotion": "calm"}', MOODS, {"calm"}),
        ('["Calm"]', MOODS, {"calm"}),
        ("She is calmly speaking", MOODS, set()),
        ("", MOODS, set()),
        ("Furious.", MOODS, set()),
        ("Calm or cross, I cannot say", MOODS, {"calm", "cross"}),
        ("Not cross. The answer is: calm", MOODS, {"calm"}),
        ("Calm? Cross? My answer stays open.", MOODS, {"calm", "cross"}),
        ("The answer to that: calm. The final answer: glad.", MOODS, {"glad"}),
        ("woman", ("Man", "Woman"), {"woman"}),
        ("both speakers", ("both speakers", "speakers"), {"both speakers"}),
        ("the speakers and both speakers", ("both speakers", "speakers"), {"both speakers", "speakers"}),
        ('{"count": 9}', ("nine", "fourteen"), {"9"}),
        ("nine", ("9", "14"), {"9"}),
        ("it’s me", ("It's me", "its you"), {"its me"}),
        ("It is a pilot.", ("A pilot.", "A cook."), {"a pilot"}),
        ("nine", ("nine", "nine", "two"), {"9"}),
        ("anything", ("", "..."), set()),
        ("The answer is " + "1" * 5000, ("9", "14"), set()),  # Python refuses to read so long a number
        ("1" * 5000, ("1" * 5000, "14"), {"1" * 5000}),
    ],
)
def test_options_are_found_however_they_are_written(reply: str, options: tuple[str, ...], named: set[str]) -> None:
    assert named_options(reply, options) == named


@pytest.mark.parametrize(
    ("reply", "options", "announced"),
    [
        ("The answer is calm.", MOODS, "calm"),
        ('THE CORRECT ANSWER IS: "CALM".', MOODS, "calm"),
        ('{"answer": "calm"}', MOODS, "calm"),
        ("Calm.", MOODS, None),
        ("The answer is not calm.", MOODS, None),
        ("The answer is calm. No, the answer is cross, not calm.", MOODS, "cross"),
        ("The answer is calm. I stand by my answer", MOODS, "calm"),
        ('The answer is "both speakers".', ("both", "both speakers"), "both speakers"),
        ("The answer is: nine", ("9", "14"), "9"),
        ("The answer is calmly given.", MOODS, None),
        ("The answer is", MOODS, None),
        ("", MOODS, None),
        ("The answer is " + "1" * 5000, MOODS, None),
    ],
)
def test_an_option_is_announced_by_the_last_answer(
    reply: str, options: tuple[str, ...], announced: str | None
) -> None:
    assert announced_option(reply, options) == announced


def question(instruction: str, **kwargs: object) -> Item:
    constraints = (Constraint("startend:end_checker", dict(kwargs)),) if kwargs else ()
    return Item("a", "closed-ended", instruction, "a.wav", "asr", constraints)


@pytest.mark.parametrize(
    ("item", "reply", "echo"),
    [
        (question("Write down what the speaker says."), "WRITE DOWN, what the speaker says!", True),
        (question("Write down what the speaker says."), "I write down what the speaker said.", False),
        (question("Say who speaks in it."), "Say who speaks in it.", False),  # five words are said by chance
        (
            question('Who is it? Choose "the man at the old harbour gate".'),
            "the man at the old harbour gate",
            False,
        ),
        (question("End with the phrase: that is all there is to say"), "That is all there is to say.", True),
        (
            question("End with the phrase: that is all there is to say", end_phrase="That is all there is to say"),
            "That is all there is to say.",
            False,
        ),
        (question("Use the words: red, blue. Write all words in small letters only."), "red, blue", False),
        (
            question("Use capitals.\nWrite all words in small letters only"),
            "write all words in small letters only",
            True,
        ),
        (question("Write down what the speaker says."), "", False),
    ],
)
def test_an_instruction_said_over_is_told_from_what_it_demands(item: Item, reply: str, echo: bool) -> None:
    assert echoes(item, reply) is echo


@pytest.mark.parametrize(
    ("words", "insertions", "times", "made_up"),
    [
        (10, 5, 0.5, False),
        (10, 6, 0.5, True),
        (10, 11, 1.0, True),
        (0, 1, 0.5, True),
        (0, 0, 0.5, False),
        (4, 1, 0, True),
    ],
)
def test_a_transcript_is_made_up_beyond_the_stated_multiple(
    words: int, insertions: int, times: float, made_up: bool
) -> None:
    assert beyond(WordEdits(words, 0, 0, insertions), times) is made_up
