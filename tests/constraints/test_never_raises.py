"""No string makes any of the 25 ids raise, and none makes it slow (the exact times are in ``perf/``)."""

from __future__ import annotations

import random
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, Compiled, compile, split_thoughts
from tests.constraints.every_id import KWARGS, asks_the_detector

ANY_TEXT = st.text(st.characters(), max_size=80) | st.text(
    st.sampled_from("<>*\"'`{}[]()\\.,:;!?-•# \n\t\r\x0b\x1c\u2028\u00a0\ud800\udfff0aAİſ"), max_size=80
)
SHAPES = [("", ""), ("x", ""), ("", "x"), ("<<", ""), ('"', '"')]
SECONDS = 2.0
LARGE = 1_000_000


def compiled_forms(id: str, loose: bool = False) -> list[Compiled]:
    return [compile(id, rules=rules, loose=loose, **kwargs) for rules in RULE_SETS for kwargs in KWARGS[id]]


@pytest.mark.parametrize("id", KWARGS)
@settings(max_examples=40, deadline=None)
@given(text=ANY_TEXT)
def test_check_and_explain_agree_on_any_text(id: str, text: str) -> None:
    for loose in (False, True):
        for compiled in compiled_forms(id, loose):
            followed, reason, near_miss = compiled.explain(text)
            assert followed is compiled.check(text)
            assert isinstance(followed, bool)
            assert (reason == "") is followed
            assert near_miss is None or (not followed and near_miss and " " not in near_miss)
            if not text.strip():
                assert not followed


UNITS = [
    *"[{(<>)}]", "<<", "*", "**", "***", "* ", "*a", "*\n", '"', "'", "\\", "\\n", '\\"', "\n", " ", "\n ", " \n",
    "\n\n", "\t", "1", "12:34 ", "a", "A", "a ", "aB ", ".", "?", ". ", "a.", "A. ", "a.b", "-", "- ", "—", "_",
    "`", "```", "````json", '{"a":', '["', "[x]", "<<a", ">>", ">> ", "< ", "P.S.", "P.", "Section 1\n", "\u2028",
    "\ud800", "\U0001f600", "İ", "ß", "ſ", "1e", "-1", "0", "•", "my answer is ", "******", "@", "/", "a@", "…",
    "”", ",",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("id", KWARGS)
def test_a_megabyte_of_anything_is_answered(id: str) -> None:
    forms = [one for one in compiled_forms(id) if not asks_the_detector(one.id, one.rules)]
    forms = forms or compiled_forms(id)[:1]
    for number, unit in enumerate(UNITS):
        before, after = SHAPES[number % len(SHAPES)]
        text = before + unit * (LARGE // len(unit)) + after
        for compiled in forms:
            started = time.process_time()
            compiled.check(text)
            taken = time.process_time() - started
            assert taken < SECONDS, f"{compiled!r} took {taken:.1f} s on 1 MB of {unit!r}"


@pytest.mark.parametrize("id", KWARGS)
def test_a_hundred_kilobytes_are_explained(id: str) -> None:
    forms = [one for one in compiled_forms(id) if not asks_the_detector(one.id, one.rules)]
    for unit in ("[", "\n", "<<", "*", '"', '{"a":', "a. ", "\\"):
        text = unit * (LARGE // 10 // len(unit))
        for compiled in forms or compiled_forms(id)[:1]:
            started = time.process_time()
            reason = compiled.explain(text).reason
            assert time.process_time() - started < SECONDS, f"{compiled!r} on {unit!r}"
            assert len(reason) < 500


@pytest.mark.parametrize("unit", ["<think>", "</think>", "<", " ", "\n", "think>"])
def test_splitting_thoughts_is_linear(unit: str) -> None:
    text = unit * (LARGE // len(unit))
    started = time.process_time()
    split_thoughts(text)
    split_thoughts("<think>" + text)
    assert time.process_time() - started < SECONDS


FUZZED = 1_040_000  # strings over all ids and rule sets
POOL = [
    *string.ascii_letters, *string.digits, *string.punctuation, *UNITS,
    *"éßẞİıſKΣσςǅ٣•’“”«»…—\u00a0\u2028\x00\x1c\x85",
    "\ud800", "\udfff", "\U0010ffff", "\U0001f600", "hello ", "Hello there", "That’s all.", "null", "NaN", "1.5e9",
    "Dr. ", "e.g. ", "```json\n", "{}", '"a"', "\n\n", "******", "My answer is yes.", "[a]", "P.P.S",
]  # fmt: skip


@pytest.mark.slow
def test_a_million_strings_raise_nothing() -> None:
    draw = random.Random(20260)
    quick = [
        one
        for id in KWARGS
        for loose in (False, True)
        for one in compiled_forms(id, loose)
        if not asks_the_detector(one.id, one.rules)
    ]
    asking = [one for id in KWARGS for one in compiled_forms(id) if asks_the_detector(one.id, one.rules)]
    each = FUZZED // len(quick) + 1
    done = 0
    for compiled in quick:
        check = compiled.check
        for number in range(each):
            text = "".join(draw.choices(POOL, k=number % 12))
            if check(text) not in (True, False):
                raise AssertionError(f"{compiled!r} on {text!r}")
            done += 1
    for compiled in asking:
        for number in range(150):
            assert compiled.check("".join(draw.choices(POOL, k=number % 12))) in (True, False)
            done += 1
    assert done >= 1_000_000
