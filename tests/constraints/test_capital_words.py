"""Words in capital letters: a table, and NLTK's word tokenizer after Punkt as the oracle."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer

from speech_ifeval.constraints import capital_words, compile, sentences
from speech_ifeval.constraints.capital_words import count_capital_words
from speech_ifeval.constraints.sentences import ABBREVIATIONS
from speech_ifeval.errors import ConstraintError

PUNKT = PunktSentenceTokenizer()
PUNKT._params.abbrev_types = set(ABBREVIATIONS)
WORDS = NLTKWordTokenizer()


def nltk_count(text: str) -> int:
    return sum(word.isupper() for sentence in PUNKT.tokenize(text) for word in WORDS.tokenize(sentence))


TABLE = [
    ("", 0),
    ("no capitals here, none at all.", 0),
    ("Hello World", 0),
    ("I am", 1),
    ("NATO and the U.S. agree.", 2),
    ("A1 is, 2 is not", 1),
    ("WAR,PEACE and 1,000A", 3),
    ("TIME 10:30A", 2),
    ("ONE--TWO...THREE", 3),
    ("Don't. It's I'm. I'm, I'LL", 4),
    ("I DON'T", 3),
    ("JOHN'S. The DOGS'.", 3),
    ("JOHN'S", 2),
    ("O'BRIEN's", 1),
    ("In't", 1),
    ("CANNOT X-CANNOT-Y", 6),
    ("GONNA WANNA", 4),
    ("WANNA-BE", 1),
    ("'TIS 'TWAS", 2),
    ("'TIS'TWAS", 1),
    ("CANNOT'TIS'TWAS", 6),
    ("D'YE MORE'N", 4),
    ("“YES”‘NO’ DON’T", 4),
    ("«OUI»", 1),
    ("A.:1B x", 1),  # "A." is an initial
    ("AB.:1C x", 2),
    ("-'B A-'B", 3),
    ("É ß ǅ ℨ", 2),
    ("I'm\x1cI", 1),
    ("\ud800A", 1),
    ("ⒶGONNA", 3),
    ("ⒶD'YEⒶD'YEⒶD'YEⒶD'YE", 12),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_counts(text: str, expected: int) -> None:
    assert count_capital_words(text) == expected
    assert count_capital_words(text, expected) >= expected


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_the_table_is_what_nltk_says(text: str, expected: int) -> None:
    assert nltk_count(text) == expected


FRAGMENTS = [
    *("Dr.", "e.g.", "U.S.", "J.", "3.14", "...", "HELLO", "World", "\n\n", "…", "1.", "etc.", "NO.", "--", "p.m"),
    *("I'm", "I'M", "I'm,", "I'm.", "DON'T", "Don't", "It's", "It's.", "In't", "Ma'am", "JOHN'S", "O'BRIEN", "S'"),
    *("CANNOT", "cannot", "GONNA", "gotta", "GOTTA", "LEMME", "WANNA", "'TIS", "'TWAS", "D'YE", "MORE'N"),
    *("WE'LL", "WE'RE", "YOU'VE", "'VE", "N'T", "'S", "'em", "LL", "'RE", "'TIſ", "gİmme", "'", "''", "``", "`"),
    *("‘", "’", "“", "”", "«", "»", "„", "–", "—", "A,B", "A:1", "A.:1B", "X-", "1ST"),
    *("\xa0", "\x1c", "ß", "Éa", "É", "ǅ", "ℨ", "İ", "\u0301", "Ⓐ", "²", "😀", "\ud800", "\0"),
]
CHARACTERS = "....???!!\"\"''''''')]}([{<>,,;:--- \n\t   aABTISMDNLVREJ12*@#&%$`“”‘’«»„…—–\xa0\x1c\x0b_"
anything = st.text(st.characters(exclude_categories=("Cn",)), max_size=20)
pieces = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.sampled_from(CHARACTERS)), max_size=14).map("".join)
words = st.lists(
    st.tuples(
        st.sampled_from(["", '"', "'", "("]),
        st.sampled_from(FRAGMENTS),
        st.sampled_from(["", ".", "?", ",", "'", "'.", '."', ".)", "'S.", "...", ":"]),
    ).map("".join),
    max_size=14,
).map(" ".join)
texts = st.one_of(st.text(st.sampled_from(CHARACTERS), max_size=20), pieces, words, anything)


@given(texts)
@settings(max_examples=1000, deadline=None)
def test_counts_as_nltk(text: str) -> None:
    assert count_capital_words(text) == nltk_count(text)


@given(texts)
@settings(max_examples=500, deadline=None)
def test_long_texts_count_as_nltk_and_up_to_what_is_enough(text: str) -> None:
    count = nltk_count(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capital_words, "_FIRST", 1)
        patch.setattr(capital_words, "_LONG", 0)
        assert count_capital_words(text) == count
        for enough in range(count + 3):
            assert (count_capital_words(text, enough) >= enough) == (count >= enough)


@given(st.one_of(pieces, words), texts, st.integers(30, 60))
@settings(max_examples=100, deadline=None)
def test_loops_count_as_nltk(unit: str, after: str, turns: int) -> None:
    text = unit * turns + after
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capital_words, "_LONG", 0)
        patch.setattr(sentences, "_MARGIN", max(1, len(after)))
        assert count_capital_words(text) == nltk_count(text)


def random_text(rng: random.Random) -> str:
    length = rng.randrange(1, 14)
    kind = rng.random()
    if kind < 0.4:
        return "".join(rng.choices(CHARACTERS, k=length))
    if kind < 0.7:
        return "".join(rng.choice(FRAGMENTS if rng.random() < 0.6 else CHARACTERS) for _ in range(length))
    if kind < 0.9:
        return " ".join(
            rng.choice(FRAGMENTS) + rng.choice(["", ".", "'", '."', "'S.", ","]) for _ in range(length)
        )
    drawn = (chr(rng.randrange(0x3000)) if rng.random() < 0.5 else rng.choice(CHARACTERS) for _ in range(length))
    return "".join(character for character in drawn if unicodedata.category(character) != "Cn")


@pytest.mark.slow
def test_counts_as_nltk_on_many_texts() -> None:
    rng = random.Random(20231114)
    end = time.monotonic() + 40
    for _ in range(100_000):
        text = random_text(rng)
        assert count_capital_words(text) == nltk_count(text), repr(text)
        if time.monotonic() > end:  # a slow machine compares fewer
            break


@pytest.mark.parametrize(
    "pattern",
    [
        "A",
        "A ",
        "'",
        "A'",
        "A' ",
        "'A ",
        "A.",
        "A. ",
        "''A",
        '"',
        "``",
        "A:",
        "A,",
        "CANNOT ",
        "A'S. ",
        "A'\n",
        "A .) ",
    ],
    ids=repr,
)
def test_linear_in_the_text(pattern: str) -> None:
    text = (pattern * 10**6)[: 3 * 10**5]
    began = time.process_time()
    count_capital_words(text)
    assert time.process_time() - began < 10  # half a second; quadratic time would take many minutes


@pytest.mark.parametrize(
    ("text", "relation", "frequency", "expected"),
    [
        ("STOP right NOW", "at least", 2, True),
        ("STOP right NOW", "at least", 3, False),
        ("STOP right NOW", "less than", 3, True),
        ("STOP right NOW", "less than", 2, False),
        ("stop", "at least", 0, True),
        ("stop", "less than", 0, False),
        ("", "less than", 2, False),
        (" \n", "at least", 0, False),
    ],
)
@pytest.mark.parametrize("rules", ["official", "careful", "ifeval"])
def test_follows(text: str, relation: str, frequency: int, expected: bool, rules: str) -> None:
    verifier = compile(
        "change_case:capital_word_frequency", rules=rules, capital_frequency=frequency, capital_relation=relation
    )
    assert verifier.check(text) is expected
    assert verifier.code is None


def test_says_how_many_were_found() -> None:
    verifier = compile("change_case:capital_word_frequency", capital_frequency=2, capital_relation="at least")
    assert verifier.explain("STOP it").reason == "1 word in capital letters instead of at least 2"
    few = compile("change_case:capital_word_frequency", capital_frequency=1, capital_relation="less than")
    assert few.explain("STOP NOW").reason == "2 words in capital letters instead of less than 1"


def test_refuses_other_kwargs() -> None:
    with pytest.raises(ConstraintError):
        compile("change_case:capital_word_frequency", capital_frequency=-1, capital_relation="at least")
    with pytest.raises(ConstraintError):
        compile("change_case:capital_word_frequency", capital_frequency=1, capital_relation="exactly")
