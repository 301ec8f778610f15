"""Normalising and counting words: against Whisper's own normaliser and jiwer, and what empty texts count."""

from __future__ import annotations

import random
import time

import jiwer
import pytest

from speech_ifeval.metrics.answers import WordEdits
from speech_ifeval.metrics.word_errors import count_edits, count_words, normalise

TEXTS = [
    'He said: "It’s DONE — at 5 o\'clock!"',
    "a [noise] b (aside) c",
    "Ünïcode ﬁ ½ … 你好",
    "tabs\tand\nlines   and spaces",
    "",
    "?!",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_without_angle_brackets_are_normalised_as_by_whisper(text: str) -> None:
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    assert normalise(text) == BasicTextNormalizer()(text).strip()


def test_brackets_of_every_kind_of_nesting_are_normalised_as_by_whisper() -> None:
    from transformers.models.whisper.english_normalizer import BasicTextNormalizer

    theirs, rng = BasicTextNormalizer(), random.Random(2)
    for _ in range(5000):
        text = "".join(rng.choice("[]()ab {]") for _ in range(rng.randint(0, 14)))
        assert normalise(text) == theirs(text).strip(), text


@pytest.mark.parametrize("text", ["[" * 200_000, "(" * 200_000, "(" * 200_000 + "[)]", "[(" * 100_000 + "]"])
def test_brackets_that_never_close_take_no_time(text: str) -> None:
    start = time.process_time()
    normalise(text)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<hello world>>", "hello world"),
        ("<<<a>b", "ab"),
        ("A<B>C", "abc"),
        ('["a", "b"]', ""),
        ("(all of it)", ""),
    ],
)
def test_angle_brackets_go_and_other_brackets_take_their_words_with_them(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("reference", "transcript", "edits"),
    [
        ("a b c", "a b c", WordEdits(3, 0, 0, 0)),
        ("a b c", "A, b; C!", WordEdits(3, 0, 0, 0)),
        ("a b c", "a x c", WordEdits(2, 1, 0, 0)),
        ("a b c", "a c", WordEdits(2, 0, 1, 0)),
        ("a b c", "a b b c", WordEdits(3, 0, 0, 1)),
        ("a b", "", WordEdits(0, 0, 2, 0)),
        ("a b", "?!", WordEdits(0, 0, 2, 0)),
        ("", "x y z", WordEdits(0, 0, 0, 3)),
        ("", "", WordEdits(0, 0, 0, 0)),
    ],
)
def test_edits_are_counted(reference: str, transcript: str, edits: WordEdits) -> None:
    assert count_edits([reference], [transcript]) == [edits]
    assert edits.words == len(normalise(reference).split())


def test_edits_counted_together_are_those_counted_one_by_one_and_sum_to_jiwers() -> None:
    rng = random.Random(1)
    texts = [[rng.choice("abcde") for _ in range(rng.randint(1, 30))] for _ in range(300)]
    said, understood = [" ".join(words) for words in texts[::2]], [" ".join(words) for words in texts[1::2]]
    together = count_edits(said, understood)
    assert together == [count_edits([a], [b])[0] for a, b in zip(said, understood, strict=True)]
    rate = sum(edits.errors for edits in together) / sum(edits.words for edits in together)
    assert rate == pytest.approx(jiwer.wer(said, understood))


def test_nothing_and_unequal_lists() -> None:
    assert count_edits([], []) == []
    with pytest.raises(ValueError, match="1 and 2"):
        count_edits(["a"], ["a", "b"])


def test_words_in_brackets_are_words_of_a_reply() -> None:
    assert count_words('{"text": ["a", "b"]} (c)') == 4
