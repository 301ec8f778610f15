"""The linear forms give the verdicts of the plain ones, on random text built to provoke differences."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.constraints import compile
from tests.constraints import plain

FRAGMENTS = [
    "<", "<<", ">", ">>", "<<<", ">>>", "*", "**", "***", "-", "•", "1", "٣", "2.", "\\n", "\n", "\n\n", " ", "\t",
    "\r", "\x0b", "\x1c", "\u2028", "\u00a0", '"', "'", "’", "“", "”", "`", "```", "```json", "```JSON", "{", "}",
    "[", "]", ":", ",", '"a"', "null", "NaN", "-Infinity", "1e9", "-", "hello", "Hello", "HELLO", "world",
    "Thank you", "thank YOU", "İ", "ß", "ẞ", "Σ", "σ", "ς", "K", "ſ", "é", "\ud800", "😀", ".", "don't", "_",
]  # fmt: skip

PHRASES = ["Hello", "thank you", "Hello.", '"Hello"', "İ", "ß", "ΑΣ", "’", "I’ll", " a ", "K", "s"]
KEYWORDS = ["hello", "wor.d", "K", "s", "é", "Σ", "a", "-", "don't", "Mrs. Horton", "straße"]
WORDS = ["hello", "world", "don", "a", "s", "K", "é", "h.llo", "σ"]


def kwargs_for(id: str, draw: random.Random) -> dict[str, Any]:
    small = draw.randrange(5)
    relation = draw.choice(["less than", "at least"])
    return {
        "combination:repeat_prompt": {"prompt_to_repeat": draw.choice(PHRASES)},
        "startend:end_checker": {"end_phrase": draw.choice(PHRASES)},
        "detectable_format:number_bullet_lists": {"num_bullets": small},
        "keywords:existence": {"keywords": draw.sample(KEYWORDS, 1 + small % 2)},
        "keywords:forbidden_words": {"forbidden_words": draw.sample(WORDS, 1 + small % 2)},
        "length_constraints:number_words": {"relation": relation, "num_words": small},
        "length_constraints:number_paragraphs": {"num_paragraphs": small},
    }.get(id, {})


CASES = [(rules, id) for rules, forms in (("official", plain.OFFICIAL), ("ifeval", plain.IFEVAL)) for id in forms]


def forms(rules: str) -> dict[str, Any]:
    return plain.OFFICIAL if rules == "official" else plain.IFEVAL


def disagreement(rules: str, id: str, kwargs: dict[str, Any], text: str) -> str | None:
    expected = bool(text.strip()) and bool(forms(rules)[id](text, **kwargs))
    found = compile(id, rules=rules, **kwargs).check(text)
    return None if found == expected else f"{rules} {id} {kwargs} {text!r}: found {found}, plain {expected}"


@pytest.mark.parametrize(("rules", "id"), CASES)
@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from(FRAGMENTS), max_size=14), seed=st.integers(0, 10**6))
def test_fragments_get_the_plain_verdict(rules: str, id: str, parts: list[str], seed: int) -> None:
    assert disagreement(rules, id, kwargs_for(id, random.Random(seed)), "".join(parts)) is None


@pytest.mark.parametrize(("rules", "id"), CASES)
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60), seed=st.integers(0, 10**6))
def test_any_text_gets_the_plain_verdict(rules: str, id: str, text: str, seed: int) -> None:
    assert disagreement(rules, id, kwargs_for(id, random.Random(seed)), text) is None


@pytest.mark.slow
@pytest.mark.parametrize(("rules", "id"), CASES)
def test_many_random_texts_get_the_plain_verdict(rules: str, id: str) -> None:
    draw = random.Random(f"{rules} {id}")
    plain_form = forms(rules)[id]
    for _ in range(40):
        kwargs = kwargs_for(id, draw)
        check = compile(id, rules=rules, **kwargs).check
        for _ in range(500):
            text = "".join(draw.choices(FRAGMENTS, k=draw.randrange(16)))
            expected = bool(text.strip()) and bool(plain_form(text, **kwargs))
            assert check(text) == expected, disagreement(rules, id, kwargs, text)
