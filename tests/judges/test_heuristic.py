from __future__ import annotations

import pytest

from speech_ifeval.judges.kinds.heuristic import agrees, reasons, transcript_in

STEPS = (
    "Let's go through what is heard. First, the speaker's voice is low and rough. Second, he says he has flown "
    "all night, which suggests a job in the air. Therefore he is most likely a pilot."
)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (STEPS, True),
        (STEPS.upper(), True),
        ("A pilot.", False),
        ("", False),
        ("Let's think step by step. First, therefore, because: a pilot.", False),
        ("The speaker says " + "that he went home and slept and ate and " * 5, False),
    ],
)
def test_reasoning_has_length_and_steps_or_grounds(reply: str, verdict: bool) -> None:
    assert reasons(reply) is verdict


@pytest.mark.parametrize(
    ("reply", "label", "verdict"),
    [
        ("A pilot.", "a pilot", True),
        ("He is a cook, not a pilot? The answer is a pilot.", "a pilot", True),
        ("He is a cook, not a pilot? The answer is a pilot.", "a cook", False),
        ('{"who": "a pilot"}', "a pilot", True),
        ("<<A PILOT>>", "a pilot", True),
        ("a pilots", "a pilot", False),
        ("Somebody.", "a pilot", False),
        ("", "a pilot", False),
    ],
)
def test_the_option_that_a_reply_settles_on(reply: str, label: str, verdict: bool) -> None:
    assert agrees(reply, label, ("a pilot", "a cook", "a nurse")) is verdict


@pytest.mark.parametrize(
    ("reply", "label", "verdict"),
    [
        ("Female", "woman", True),
        ("There are 3 speakers.", "three", True),
        ("1. low\n2. rough\n\nThere are three speakers.", "one", False),
    ],
)
def test_words_and_numbers_for_the_same(reply: str, label: str, verdict: bool) -> None:
    assert agrees(reply, label, ("one", "two", "three") if label != "woman" else ("man", "woman")) is verdict


@pytest.mark.parametrize(
    ("reply", "transcript"),
    [
        ("hello there", "hello there"),
        ('"Hello there."', "Hello there."),
        ('Here it is:\n\n"Hello there."\n\nAnything else?', "Hello there."),
        ("Here it is:\n\nHello there, my friends.\n\nBye!", "Hello there, my friends."),
        ("<<Transcript>>\nhello there", "hello there"),
        ("<<hello there>>", "<<hello there>>"),
        ('```json\n{"text": "hello there"}\n```', "hello there"),
        ('["hello", "there"]', "hello there"),
        ('"Close the door," he said.', '"Close the door," he said.'),
        ("{", "{"),
        ("[]", ""),
    ],
)
def test_what_surrounds_a_transcript_is_taken_away(reply: str, transcript: str) -> None:
    assert transcript_in(reply) == transcript


@pytest.mark.parametrize("unit", ['"', "a b ", "{", "\n\n", "<<", "is one ", "1. "])
def test_long_replies_are_read_in_no_time(unit: str) -> None:
    import time

    reply = unit * (20_000 // len(unit))
    started = time.process_time()
    reasons(reply)
    transcript_in(reply)
    agrees(reply, "one", ("one", "two"))
    assert time.process_time() - started < 2
