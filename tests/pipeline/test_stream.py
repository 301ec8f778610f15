from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from speech_ifeval.constraints import compile, constraint
from speech_ifeval.errors import DataError
from speech_ifeval.pipeline.stream import score_stream

BULLETS = "detectable_format:number_bullet_lists"
BOTH = [True, True]
ROW: dict[str, Any] = {"response": "* one", "instruction_id_list": [BULLETS], "kwargs": [{"num_bullets": 1}]}


def verdicts(*rows: Any, **options: Any) -> list[list[bool | None]]:
    return list(score_stream(rows, **options))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [True]),
        ({"response": None}, [None]),
        ({"response": ""}, [False]),
        ({"response": "<think>no</think>* one"}, [True]),
        ({"response": "<think>* one"}, [False]),
        ({"kwargs": [{"num_bullets": 2}]}, [False]),
        ({"kwargs": [{"num_bullets": 1, "keywords": None, "relation": None}]}, [True]),  # as tables fill columns
        ({"kwargs": [{"num_bullets": 0}], "response": "none"}, [True]),
        ({"instruction_id_list": [], "kwargs": []}, []),
        ({"instruction_id_list": [BULLETS, "punctuation:no_comma"], "kwargs": [{"num_bullets": 1}, None]}, BOTH),
        ({"instruction_id_list": (BULLETS,), "kwargs": ({"num_bullets": 2},)}, [False]),
        ({"response": None, "instruction_id_list": [BULLETS] * 2, "kwargs": [{"num_bullets": 1}] * 2}, [None] * 2),
        ({"response": "\ud800"}, [False]),
        ({"label": 3, "other": "key"}, [True]),
    ],
)
def test_a_row_gets_a_verdict_a_constraint(change: dict[str, Any], expected: list[bool | None]) -> None:
    assert verdicts({**ROW, **change}) == [expected]


def test_rules_and_the_loose_pass_are_taken() -> None:
    row = {**ROW, "response": "• one"}
    assert verdicts(row) == [[True]]
    assert verdicts(row, rules="ifeval") == [[False]]
    quoted = {"response": 'Here:\n"a"', "instruction_id_list": ["startend:quotation"], "kwargs": [{}]}
    assert (verdicts(quoted), verdicts(quoted, loose=True)) == ([[False]], [[True]])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"instruction_id_list": [BULLETS], "kwargs": [{}]}, "the key 'response' is missing"),
        ({"response": "a", "kwargs": []}, "the key 'instruction_id_list' is missing"),
        ({"response": "a", "instruction_id_list": []}, "the key 'kwargs' is missing"),
        (None, "expected a mapping, found None"),
        ("response", "expected a mapping, found 'response'"),
        ({**ROW, "response": 3}, "response must be a text or None, found 3"),
        ({**ROW, "kwargs": []}, "must be lists of the same length"),
        ({**ROW, "kwargs": {"num_bullets": 1}}, "must be lists of the same length"),
        ({**ROW, "instruction_id_list": BULLETS}, "must be lists of the same length"),
        ({**ROW, "kwargs": ["num_bullets"]}, f"{BULLETS}: the kwargs must be a mapping, found 'num_bullets'"),
        ({**ROW, "kwargs": [[("num_bullets", 1)]]}, "the kwargs must be a mapping"),
        ({**ROW, "kwargs": [{1: 2}]}, f"{BULLETS}: unknown kwarg 1"),
        ({**ROW, "kwargs": [{}]}, "the kwarg 'num_bullets' is missing"),
        ({**ROW, "kwargs": [{"num_bullets": "1"}]}, "found '1'"),
        ({**ROW, "kwargs": [{"num_bullets": 2**80}]}, "0 or more and at most 1000000000"),
        ({**ROW, "kwargs": [{"num_bullets": object()}]}, "num_bullets must be a whole number"),
        ({**ROW, "instruction_id_list": [None]}, "unknown constraint id None"),
        ({**ROW, "instruction_id_list": [["a"]]}, "unknown constraint id ['a']"),
        ({**ROW, "instruction_id_list": ["bullets"]}, "unknown constraint id 'bullets'"),
    ],
)
def test_a_wrong_row_is_named_by_its_number(row: Any, message: str) -> None:
    stream = score_stream(iter([ROW, row, ROW]))
    assert next(stream) == [True]
    with pytest.raises(DataError) as caught:
        next(stream)
    assert str(caught.value).startswith("row 2: ")
    assert message in str(caught.value)


def test_an_unknown_rule_set_is_said() -> None:
    with pytest.raises(DataError, match="unknown rule set 'strict'"):
        verdicts(ROW, rules="strict")


def test_kwargs_of_any_text_are_told_apart() -> None:
    def ends(phrase: str, response: str) -> dict[str, Any]:
        asked = {"instruction_id_list": ["startend:end_checker"], "kwargs": [{"end_phrase": phrase}]}
        return {"response": response, **asked}

    assert verdicts(ends("\ud800", "a\ud800"), ends("\ud801", "a\ud800")) == [[True], [False]]


def test_values_that_are_equal_but_of_another_kind_are_told_apart() -> None:
    @constraint("acme:stream", rules=("official",))
    def stream(text: str, *, flag: bool) -> bool:
        return flag

    row = {"response": "a", "instruction_id_list": ["acme:stream"], "kwargs": [{"flag": True}]}
    assert verdicts(row) == [[True]]
    with pytest.raises(DataError, match="flag must be true or false, found 1"):
        verdicts({**row, "kwargs": [{"flag": 1}]})


def test_verdicts_come_while_rows_are_still_read() -> None:
    read = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal read
        for _ in range(10):
            read += 1
            yield ROW

    stream = score_stream(rows())
    next(stream)
    assert read == 1


def test_a_stream_agrees_with_compile() -> None:
    texts = ["* a", "* a\n* b", "- a", "", "a"]
    for rules in ("official", "careful", "ifeval"):
        check = compile(BULLETS, rules=rules, num_bullets=1).check
        assert verdicts(*({**ROW, "response": text} for text in texts), rules=rules) == [[check(t)] for t in texts]


MEMORY = """
import resource, sys
from speech_ifeval import score_stream
ids = ["detectable_format:number_bullet_lists", "keywords:existence", "length_constraints:number_words"]
def rows(count):
    for n in range(count):
        words = {"relation": "at least", "num_words": n % 700}
        kwargs = [{"num_bullets": n % 3000}, {"keywords": [f"word{n}"]}, words]
        yield {"response": f"* word{n} " * (1 + n % 5), "instruction_id_list": ids, "kwargs": kwargs}
def peak(count):
    followed = sum(verdicts[1] for verdicts in score_stream(rows(count)))
    assert followed == count, followed
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = peak(int(sys.argv[1]))
print(first, peak(int(sys.argv[2])))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows() -> None:
    # Every row brings a keyword of its own, so that whatever is kept by constraint would show.
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, "20000", "200000"], capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert after - before < 2_000, f"{before} kB after 20,000 rows, {after} kB after 200,000 more"
