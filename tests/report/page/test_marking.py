from __future__ import annotations

from typing import Any

import pytest

from speech_ifeval.constraints import compile_from, definitions
from speech_ifeval.records import Constraint
from speech_ifeval.report.page.marking import failure_marks, joined


@pytest.mark.parametrize(
    ("id", "kwargs", "reply", "marked"),
    [
        ("change_case:english_capital", {}, "A cat SAT on IT", ["cat", "on"]),
        ("change_case:english_lowercase", {}, "a Cat sat", ["Cat"]),
        ("combination:repeat_prompt", {"prompt_to_repeat": "In short:"}, "  It is a cat.", ["It is a c"]),
        ("startend:end_checker", {"end_phrase": "Bye!"}, "It is a cat.\n", ["cat."]),
        ("startend:quotation", {}, " cat ", ["c", "t"]),
        ("detectable_format:title", {}, "The <<cat>> sat", ["The ", " sat"]),
        ("detectable_format:title", {}, "<<cat", ["<", "t"]),
        ("detectable_format:json_format", {}, 'Sure: {"a": 1} ok', ["Sure: ", " ok"]),
        ("detectable_format:json_format", {}, '{"a": 1', ["1"]),
        ("detectable_format:json_format", {}, '{"a" 1}', ["1"]),
        ("detectable_format:number_bullet_lists", {"num_bullets": 3}, "* a\n- b", ["*", "-"]),
        ("keywords:forbidden_words", {"forbidden_words": ["cat"]}, "Cat, category, CAT", ["Cat", "CAT"]),
        ("keywords:existence", {"keywords": ["dog"]}, "a cat", []),
        ("change_case:english_capital", {}, "<think>no NO</think> A cat", ["cat"]),
        ("change_case:english_capital", {}, "<think>no end", []),
        ("change_case:english_capital", {}, "", []),
        ("acme:unknown", {}, "a cat", []),
    ],
)
def test_what_fails_is_marked(id: str, kwargs: dict[str, Any], reply: str, marked: list[str]) -> None:
    known = {definition.id for definition in definitions()}
    reason = compile_from(id, kwargs, "careful", False).explain(reply).reason if id in known else "?"
    assert [reply[start:end] for start, end in failure_marks(Constraint(id, kwargs), reply, reason)] == marked


def test_marks_are_few_and_do_not_overlap() -> None:
    marks = failure_marks(Constraint("change_case:english_capital"), "a " * 1000, "not all capitals")
    assert len(marks) == 200
    assert joined([*marks, (0, 3)])[0] == (0, 3)
