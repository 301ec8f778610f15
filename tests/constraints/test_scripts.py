"""Which scripts a verifier says it can judge, and that a text shows why it cannot judge the others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speech_ifeval.constraints import compile, constraint, definitions, find_definition
from speech_ifeval.constraints.scripts import SCRIPTS, share_in
from speech_ifeval.errors import ConstraintError

# A text that follows the instruction to the letter, in a script that the verifier does not claim.
THREE_WORDS, TWO_SENTENCES = (
    {"relation": "at least", "num_words": 3},
    {"relation": "at least", "num_sentences": 2},
)
BEYOND = [
    ("change_case:english_capital", {}, "はい、そうです。", "Japanese"),
    ("change_case:english_lowercase", {}, "不是", "Han"),
    ("length_constraints:number_words", THREE_WORDS, "これは三つの単語です", "Japanese"),
    ("length_constraints:number_words", {"relation": "less than", "num_words": 3}, "हिन्दी", "Devanagari"),
    ("length_constraints:number_sentences", TWO_SENTENCES, "はい。そうです。", "Japanese"),
    ("length_constraints:number_sentences", TWO_SENTENCES, "هل أنت هنا؟ نعم.", "Arabic"),
]  # fmt: skip


@pytest.mark.parametrize(("id", "kwargs", "text", "script"), BEYOND)
def test_a_script_is_left_out_because_the_verdict_would_be_wrong(
    id: str, kwargs: dict[str, object], text: str, script: str
) -> None:
    assert not compile(id, **kwargs).check(text)
    scripts = find_definition(id, "official").scripts
    assert scripts is not None
    assert script not in scripts


CLAIMED = [
    ("change_case:english_capital", {}, "ДА, КОНЕЧНО", "Cyrillic"),
    ("change_case:english_lowercase", {}, "ναι", "Greek"),
    ("length_constraints:number_words", {"relation": "at least", "num_words": 2}, "네, 그렇습니다", "Hangul"),
    ("length_constraints:number_sentences", TWO_SENTENCES, "Да. Нет.", "Cyrillic"),
    ("keywords:existence", {"keywords": ["単語"]}, "これは単語です", "Japanese"),
    ("startend:quotation", {}, '"はい"', "Japanese"),
    ("detectable_format:number_bullet_lists", {"num_bullets": 2}, "* 一\n* 二", "Han"),
]


@pytest.mark.parametrize(("id", "kwargs", "text", "script"), CLAIMED)
def test_a_script_that_is_claimed_is_judged(id: str, kwargs: dict[str, object], text: str, script: str) -> None:
    assert compile(id, **kwargs).check(text)
    scripts = find_definition(id, "official").scripts
    assert scripts is None or script in scripts


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_knows_its_letters(script: str) -> None:
    letters = {
        "Arabic": "نعم", "Armenian": "այո", "Bengali": "হ", "Burmese": "ဟ", "Cyrillic": "да", "Devanagari": "ह",
        "Ethiopic": "አዎ", "Georgian": "კი", "Greek": "ναι", "Gujarati": "હ", "Gurmukhi": "ਹ", "Han": "是",
        "Hangul": "네",
        "Hebrew": "כן", "Japanese": "はいー", "Kannada": "ಹ", "Khmer": "ច", "Lao": "ຈ", "Latin": "ßª",
        "Malayalam": "ഉ", "Sinhala": "ඔ", "Tamil": "ஆ", "Telugu": "అ", "Thai": "ใช", "Tibetan": "ཨ",
    }  # fmt: skip
    assert share_in(script, letters[script] + " 12, …") == 1


def test_a_verifier_of_an_unknown_script_is_refused() -> None:
    with pytest.raises(ConstraintError, match=r"example:runes: unknown script 'Runes': expected one of Arabic, "):

        @constraint("example:runes", scripts=("Runes",))
        def runes(text: str) -> bool:
            """The reply is carved."""
            return True


def test_the_page_says_which_scripts_each_constraint_is_judged_in() -> None:
    page = (Path(__file__).parents[2] / "docs" / "building.md").read_text()
    table = page.partition("| constraint | scripts |")[2].partition("\n\n")[0]
    told: dict[str, tuple[str, ...]] = {}
    for line in table.splitlines()[2:]:
        ids, scripts = line.split("|")[1:3]
        told |= {id: tuple(scripts.partition(":")[0].strip().split(", ")) for id in re.findall(r"`([^`]+)`", ids)}
    stated = {one.id: one.scripts for one in definitions() if one.code and one.scripts and "official" in one.rules}
    assert told == stated
