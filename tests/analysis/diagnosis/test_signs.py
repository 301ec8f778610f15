"""Loops, refusals and tags of thoughts: a table of texts each, linear time, and no text that raises."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.analysis.diagnosis.signs import loop_at_end, refusal_in, thought_tag_in

FIVE = "and then he went home "


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("no " * 20, "no"),
        ("no " * 19, None),
        (FIVE * 4, FIVE.strip()),
        (FIVE * 3, None),
        ("He came early. " + FIVE * 5, FIVE.strip()),
        (FIVE * 5 + "and the", "then he went home and"),  # broken off: the last word does not count
        (FIVE * 5 + "Then he slept.", None),  # it came out of it
        ('{"text": "' + "kwa " * 30 + 'kwa"}', "kwa"),
        ("आप " * 25, "आप"),
        ("哈" * 60, "哈"),
        ("哈" * 59, None),
        ("what? " + "ab" * 40 + '"}', "ab"),
        ("I said: " + "-" * 80, "-"),
        ("* one\n* two\n* three", None),
        (" ".join(map(str, range(200))), None),
        ("", None),
        (" \n\t ", None),
        ("a", None),
    ],
)
def test_a_loop_is_a_stretch_four_times_in_a_row_at_the_end(text: str, stretch: str | None) -> None:
    assert loop_at_end(text) == stretch


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't listen to audio.",
        "i’m unable to process the audio file you have sent",
        "I cannot hear any recording.",
        "I do not have the ability to play sounds.",
        "I DON'T HAVE ACCESS TO THE AUDIO.",
        "I have no access to the clip.",
        "As a text-based assistant, I read only.",
        "As an AI language model, I work with text.",
        "There is no audio provided.",
        "No audio file was attached.",
        "Please provide the audio, or type it out.",
        "Could you upload the recording again?",
        "I haven't received any audio.",
    ],
)
def test_who_says_that_it_cannot_listen_refuses(text: str) -> None:
    said = refusal_in(text)
    assert said is not None
    assert said in text.replace("’", "'")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "She cannot hear the recording.",
        "The audio is of poor quality, and he sounds sad.",
        "I can't believe it, he says. The recording ends.",  # another sentence
        "I cannot tell you more than that about him.",
        "As a language teacher, she knows.",
        "The speaker provides no sound argument.",
        "Please provide an answer.",
        "I apologize, but since the audio is only 2 seconds long, there is little to summarise.",
    ],
)
def test_who_speaks_of_something_else_does_not(text: str) -> None:
    assert refusal_in(text) is None


@pytest.mark.parametrize(
    ("answer", "tag"),
    [
        ("<THINK>Hm.</THINK> Yes", "<THINK>"),
        ("Yes </think>", "</think>"),
        ("a <reasoning>", "<reasoning>"),
        ("<thought>", "<thought>"),
        ("<<thinking>>", "<thinking>"),
        ("I think < so >", None),
        ("<thinks>", None),
        ("", None),
    ],
)
def test_a_tag_of_thoughts_in_an_answer(answer: str, tag: str | None) -> None:
    assert thought_tag_in(answer) == tag


SIGNS = (loop_at_end, refusal_in, thought_tag_in)


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.__name__)
@given(st.text(st.characters() | st.sampled_from("ab \n<>'’I"), max_size=300))
def test_no_text_raises(sign: Callable[[str], str | None], text: str) -> None:
    assert sign(text) is None or isinstance(sign(text), str)


@pytest.mark.parametrize(
    "piece",
    [
        "a ", "ab", "a b ", "I can't ", "I cannot I cannot ", "please provide ", "<think", "</", "no audio ",
        "as a text-", "I'm ", "\ud800 ", "a" * 50 + " " + "b" * 49 + " ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.__name__)
def test_a_text_ten_times_as_long_takes_no_more_than_some_ten_times_as_long(
    sign: Callable[[str], str | None], piece: str
) -> None:
    def took(letters: int) -> float:
        text = piece * (letters // len(piece)) + "x"
        began = time.process_time()
        sign(text)
        return time.process_time() - began

    took(1000)
    assert took(1_000_000) < 40 * took(100_000) + 0.1
