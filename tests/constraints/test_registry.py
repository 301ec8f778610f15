from __future__ import annotations

import copy
import multiprocessing
import pickle
import random
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, Compiled, compile, compile_from, constraint, definitions
from speech_ifeval.errors import ConstraintError
from tests.constraints.every_id import KWARGS, asks_the_detector

BULLETS = "detectable_format:number_bullet_lists"
WORDS = "length_constraints:number_words"

TEXTS = ["* a\n* b", "HELLO", "hello there. That’s all.", '"a"', "<<a>>", "{}", "a, b", "P.S. a\n\nb", "\ud800"]


def test_the_25_ids_compile_in_every_rule_set() -> None:
    own = {d.id for d in definitions() if d.prepare.__module__.startswith("speech_ifeval.constraints.")}
    assert own == set(KWARGS)
    for id, variants in KWARGS.items():
        for rules in RULE_SETS:
            compiled = compile(id, rules=rules, **variants[0])
            assert (compiled.id, compiled.rules, compiled.loose) == (id, rules, False)


def test_the_codes_are_those_of_speech_ifeval() -> None:
    codes = {definition.code for definition in definitions() if definition.id in KWARGS}
    assert codes == {"CC", "SE", "WR", "JS", "BP", "KW", "LN", None}


@pytest.mark.parametrize(
    ("id", "kwargs", "message"),
    [
        ("startend:quotatoin", {}, "unknown constraint id 'startend:quotatoin'; did you mean startend:quotation"),
        ("quotation", {}, "did you mean startend:quotation?"),
        ("no:such", {}, "unknown constraint id 'no:such'; `speech-ifeval constraints` lists them"),
        ("", {}, "unknown constraint id ''"),
        (None, {}, "unknown constraint id None"),
        (["startend:quotation"], {}, "unknown constraint id ['startend:quotation']"),
        ("startend:quotation", {"rules": "strict"}, "unknown rule set 'strict': expected one of official"),
        ("startend:quotation", {"rules": ["official"]}, "unknown rule set ['official']"),
        ("startend:quotation", {"marks": 1}, "startend:quotation: unknown kwarg 'marks'; it takes no kwargs"),
        (BULLETS, {}, "the kwarg 'num_bullets' is missing; it must be a whole number, 0 or more"),
        (BULLETS, {"num_bullet": 3}, "unknown kwarg 'num_bullet'; did you mean num_bullets?"),
        (BULLETS, {"num_bullets": 3, "x": 1}, "unknown kwarg 'x'; it takes num_bullets"),
        (BULLETS, {"num_bullets": -1}, "num_bullets must be a whole number, 0 or more"),
        (BULLETS, {"num_bullets": True}, "0 or more and at most 1000000000, found True"),
        (BULLETS, {"num_bullets": 3.0}, "found 3.0"),
        (BULLETS, {"num_bullets": "3"}, "found '3'"),
        (BULLETS, {"num_bullets": None}, "found None"),
        (BULLETS, {"num_bullets": 10**9 + 1}, "at most 1000000000, found 1000000001"),
        (BULLETS, {"num_bullets": 10**5000}, "found an integer of more than 4300 digits"),
        (BULLETS, {"num_bullets": -(10**5000)}, "found an integer of more than 4300 digits"),
        (BULLETS, {"num_bullets": ["x" * 10**6]}, "found ['xxx"),
        (WORDS, {"relation": "at most", "num_words": 3}, "relation must be 'less than' or 'at least', found 'at"),
        (WORDS, {"relation": ["less than"], "num_words": 3}, "relation must be 'less than' or 'at least', found"),
        (WORDS, {"relation": None, "num_words": 3}, "found None"),
        (WORDS, {"num_words": 3}, "the kwarg 'relation' is missing; it must be 'less than' or 'at least'"),
        ("keywords:existence", {"keywords": []}, "keywords must be a list of texts, none of them empty, found []"),
        ("keywords:existence", {"keywords": "train"}, "found 'train'"),
        ("keywords:existence", {"keywords": ["train", ""]}, "found ['train', '']"),
        ("keywords:existence", {"keywords": ["train", " \n"]}, "found ['train', ' \\n']"),
        ("keywords:existence", {"keywords": [3]}, "found [3]"),
        ("keywords:existence", {"keywords": None}, "found None"),
        ("keywords:existence", {"keywords": ["a("]}, "use rules='careful', where keywords are literal"),
        ("startend:end_checker", {"end_phrase": ""}, "end_phrase must be a text that is not empty, found ''"),
        ("startend:end_checker", {"end_phrase": " "}, "found ' '"),
        ("combination:repeat_prompt", {"prompt_to_repeat": b"a"}, "found b'a'"),
        ("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1, "let_relation": "at least"}, "'ab'"),
        ("language:response_language", {"language": "xx"}, "no language 'xx'"),
    ],
)
def test_what_is_wrong_raises_when_compiled(id: Any, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConstraintError) as caught:
        compile(id, **kwargs)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (None, "startend:quotation: the kwargs must be a mapping, found None"),
        ([], "the kwargs must be a mapping, found []"),
        ({1: 2}, "unknown kwarg 1; it takes no kwargs"),
        ({None: 2}, "unknown kwarg None"),
    ],
)
def test_kwargs_out_of_a_file_are_checked_as_a_whole(kwargs: Any, message: str) -> None:
    with pytest.raises(ConstraintError) as caught:
        compile_from("startend:quotation", kwargs, "official")
    assert message in str(caught.value)


def test_a_zero_is_a_threshold() -> None:
    check = compile(BULLETS, num_bullets=0)
    assert (check.check("none"), check.check("* one")) == (True, False)
    assert compile(WORDS, relation="at least", num_words=0).check("...")


def test_the_largest_threshold_is_still_checked() -> None:
    most = 10**9
    for rules in RULE_SETS:
        assert not compile(BULLETS, rules=rules, num_bullets=most).explain("* a").followed
        assert compile(WORDS, rules=rules, relation="less than", num_words=most).check("a b")
        assert not compile(WORDS, rules=rules, relation="at least", num_words=most).explain("a b").followed


def test_a_compiled_constraint_is_immutable() -> None:
    given = ["one", "two"]
    compiled = compile("keywords:existence", keywords=given)
    given.append("three")
    assert compiled.kwargs["keywords"] == ("one", "two")
    with pytest.raises(AttributeError, match="immutable"):
        compiled.id = "startend:quotation"
    with pytest.raises(AttributeError, match="immutable"):
        del compiled.check
    with pytest.raises(AttributeError):
        compiled.other = 1
    with pytest.raises(TypeError):
        compiled.kwargs["keywords"] = ()  # type: ignore[index]


def all_compiled() -> list[Compiled]:
    return [
        compile(id, rules=rules, loose=loose, **kwargs)
        for id, variants in KWARGS.items()
        for kwargs in variants
        for rules in RULE_SETS
        for loose in (False, True)
    ]


def verdicts(compiled: Compiled) -> list[bool]:
    return compiled.check_many(TEXTS)


def test_equal_means_same_id_kwargs_rules_and_pass() -> None:
    first, second = all_compiled(), all_compiled()
    assert first == second
    assert [hash(one) for one in first] == [hash(one) for one in second]
    assert len(set(first + second)) == len(first)
    assert compile(BULLETS, num_bullets=2) != compile(BULLETS, num_bullets=3)
    assert compile(BULLETS, num_bullets=2) != BULLETS
    assert compile(WORDS, num_words=2, relation="at least") == compile(WORDS, relation="at least", num_words=2)


def test_copies_give_the_same_verdicts() -> None:
    for one in all_compiled():
        expected = None if asks_the_detector(one.id, one.rules) else verdicts(one)
        for twin in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), eval(repr(one))):
            assert twin == one
            assert expected is None or verdicts(twin) == expected


def test_other_processes_give_the_same_verdicts() -> None:
    compiled = all_compiled()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(verdicts, compiled, chunksize=50)) == list(map(verdicts, compiled))


def test_many_threads_give_the_same_verdicts() -> None:
    compiled = [one for one in all_compiled() if not asks_the_detector(one.id, one.rules)]
    expected = list(map(verdicts, compiled))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: list(map(verdicts, compiled)), range(16)):
            assert found == expected


def test_check_many_is_check_one_by_one() -> None:
    compiled = compile("change_case:english_capital")
    assert compiled.check_many(iter(["A", "a", ""])) == [True, False, False]
    assert compiled.check_many([]) == []


def test_a_plain_function_in_one_file_is_a_constraint(tmp_path: Path) -> None:
    (tmp_path / "newcomer.py").write_text(
        "from speech_ifeval.constraints import constraint\n\n"
        '@constraint("acme:shout", code="CC", rules=("official",), version=3)\n'
        "def shout(text: str, *, marks: int, word: str = 'no') -> bool:\n"
        '    "The reply ends with `marks` exclamation marks."\n'
        '    return text.endswith("!" * marks)\n'
    )
    code = (
        "import pickle, newcomer; from speech_ifeval import compile, definitions\n"
        "c = pickle.loads(pickle.dumps(compile('acme:shout', marks=2)))\n"
        "print(c.check('a!!'), c.check('!'), c.version, c.code, c.explain('a').reason)\n"
        "print([d.summary for d in definitions() if d.id == 'acme:shout'])\n"
        "from speech_ifeval import ConstraintError\n"
        "for kwargs in ({'marks': '2'}, {'marks': 1, 'rules': 'careful'}):\n"
        "    try: compile('acme:shout', **kwargs)\n"
        "    except ConstraintError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "True False 3 CC does not hold: The reply ends with `marks` exclamation marks.",
        "['The reply ends with `marks` exclamation marks.']",
        "acme:shout: marks must be a whole number, found '2'",
        "acme:shout has no meaning in the rule set careful; it has one in official",
    ]


def test_an_id_is_registered_once() -> None:
    with pytest.raises(ConstraintError, match=r"startend:quotation is registered twice in the rule set official"):

        @constraint("startend:quotation")
        def quotation(text: str) -> bool:
            return True


def test_a_signature_must_be_a_schema() -> None:
    with pytest.raises(ConstraintError, match=r"the parameter marks must be keyword-only and annotated"):

        @constraint("acme:bare")
        def bare(text: str, marks: int) -> bool:
            return True

    with pytest.raises(ConstraintError, match=r"marks is annotated .*; use int, str, bool"):

        @constraint("acme:odd")
        def odd(text: str, *, marks: set[int]) -> bool:
            return True


@pytest.mark.parametrize("id", KWARGS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_loose_pass_is_never_stricter(id: str, seed: int) -> None:
    draw = random.Random(seed)
    pieces = [*TEXTS, "\n", "**", "* ", "Sure!\n", "<<", ">>", "My answer is yes.", "******", "[x]", "Section 1"]
    text = "".join(draw.choices(pieces, k=draw.randrange(1, 6)))
    for kwargs in KWARGS[id]:
        for rules in RULE_SETS:
            if compile(id, rules=rules, **kwargs).check(text):
                assert compile(id, rules=rules, loose=True, **kwargs).explain(text) == (True, "", None)


@pytest.mark.parametrize(
    ("id", "kwargs", "text"),
    [
        ("startend:quotation", {}, 'Here it is:\n"quoted"'),
        ("startend:quotation", {}, '"quoted"\nThat was it.'),
        ("startend:quotation", {}, 'Here:\n"quoted"\nThat was it.'),
        ("startend:quotation", {}, '**"quoted"**'),
        ("detectable_format:json_format", {}, "Sure!\n{}\nBye"),
    ],
)
def test_the_loose_pass_forgives_a_frame(id: str, kwargs: dict[str, Any], text: str) -> None:
    assert not compile(id, **kwargs).check(text)
    assert compile(id, loose=True, **kwargs).check(text)


def test_the_loose_pass_does_not_make_a_blank_reply_follow() -> None:
    loose = compile("punctuation:no_comma", loose=True)
    assert not loose.check("a, b\nc, d")
    assert not loose.check(",\n \n,")
