from __future__ import annotations

import pytest

from speech_ifeval.judges.extraction import is_substring

REPLY = 'Sure! He said:\n"Don’t GO, my friend—not\nyet…" (end)'


@pytest.mark.parametrize(
    ("extracted", "reply", "inside"),
    [
        ("Don't go, my friend - not yet", REPLY, True),
        ('"don’t go my friend not yet"', REPLY, True),
        ("```\nDon't go\n```", REPLY, True),
        ("dont go", REPLY, False),
        ("Don't go my friends", REPLY, False),
        ("n't go", REPLY, False),  # half a word
        ("my friend", REPLY, True),
        ("friend my", REPLY, False),
        ("", REPLY, True),
        ("...", REPLY, True),
        ("hello", "", False),
        ("ﬁne", "FINE", True),
        ("straße", "STRASSE", True),
        ("it's here", '{"t": "it\\u2019s\\nhere"}', True),
        ("he said no", 'He said "no"', False),  # quotes inside it are part of it
        ("a b c", '["a", "b", "c"]', False),
    ],
)
def test_a_transcript_stands_in_the_reply_or_not(extracted: str, reply: str, inside: bool) -> None:
    assert is_substring(extracted, reply) is inside


@pytest.mark.parametrize("unit", ["a ", "\\u00", "\\", "'", "_"])
def test_long_texts_are_compared_in_no_time(unit: str) -> None:
    import time

    started = time.process_time()
    is_substring(unit * 20_000 + "b", unit * 200_000)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("mark", ["!", "_", " ", "*"])
def test_marks_inside_a_transcript_are_looked_at_once(mark: str) -> None:
    import time

    started = time.process_time()
    assert is_substring(f"{mark}a{mark * 40_000}b{mark}", "a b")
    assert time.process_time() - started < 2
