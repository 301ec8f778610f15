"""Whatever a table does to ids and kwargs, the same constraints come out, or one message."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.reward_columns import asked_in_columns, asked_in_label
from speech_ifeval.records import Constraint

ASKED = (
    Constraint("detectable_format:number_bullet_lists", {"num_bullets": 0}),
    Constraint("keywords:existence", {"keywords": ["boat", "sea"]}),
)
IDS = [one.id for one in ASKED]
TEXTS = [json.dumps(one.kwargs) for one in ASKED]
OBJECTS = [one.kwargs for one in ASKED]
MIXED = [{"num_bullets": 0, "keywords": None}, {"num_bullets": None, "keywords": ["boat", "sea"]}]


@pytest.mark.parametrize("ids", [IDS, tuple(IDS), np.array(IDS)])
@pytest.mark.parametrize(
    "kwargs",
    [TEXTS, OBJECTS, MIXED, tuple(TEXTS), np.array(TEXTS), np.array(MIXED), [TEXTS[0], OBJECTS[1]],
     [json.dumps(one) for one in MIXED]],
)  # fmt: skip
def test_columns_in_any_form(ids: Any, kwargs: Any) -> None:
    assert asked_in_columns("row 0", ids, kwargs) == ASKED


def test_what_arrow_makes_of_objects() -> None:
    """Arrow gives every object the keys of all: that is what None is dropped for, and 0 is not."""
    row = Dataset.from_list([{"instruction_id_list": IDS, "kwargs": OBJECTS}])[0]
    assert row["kwargs"] == MIXED
    assert asked_in_columns("row 0", row["instruction_id_list"], row["kwargs"]) == ASKED


@pytest.mark.parametrize("ids", [None, []])
def test_a_row_without_ids_asks_nothing(ids: Any) -> None:
    assert asked_in_columns("row 0", ids, [] if ids == [] else None) == ()


def test_no_kwargs_at_all() -> None:
    assert asked_in_columns("row 0", ["startend:quotation"] * 2, None) == (Constraint("startend:quotation"),) * 2
    assert asked_in_columns("row 0", ["startend:quotation"], [None]) == (Constraint("startend:quotation"),)


@pytest.mark.parametrize(
    ("ids", "kwargs", "said"),
    [
        ("startend:quotation", ["{}"], "row 3: instruction_id_list must be a list of constraint ids, found 'st"),
        ([1], ["{}"], r"row 3: instruction_id_list must be a list of constraint ids, found \[1\]"),
        (IDS, ["{}"], "row 3: kwargs must be a list of 2, one a constraint"),
        (IDS, "{}", "row 3: kwargs must be a list of 2, one a constraint, found '{}'"),
        (["startend:quotation"], ["{"], "row 3: the kwargs of a constraint must be a mapping, or one as JSON"),
        (["startend:quotation"], ["3"], "row 3: the kwargs of a constraint must be a mapping"),
        (["startend:quotation"], [["a"]], "row 3: the kwargs of a constraint must be a mapping"),
        (["startend:quotation"], ["[" * 100_000], "row 3: the kwargs of a constraint must be a mapping"),
    ],
)
def test_what_is_wrong_is_named(ids: Any, kwargs: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        asked_in_columns("row 3", ids, kwargs)


@pytest.mark.parametrize(
    "label",
    [
        json.dumps({"instruction_id_list": IDS, "kwargs": TEXTS}),
        json.dumps({"instruction_id_list": IDS, "kwargs": OBJECTS}),
        json.dumps([{"instruction_id": IDS, "kwargs": MIXED}]),
        {"instruction_id_list": IDS, "kwargs": MIXED},
        {"instruction_id_list": np.array(IDS), "kwargs": np.array(TEXTS)},
        [{"instruction_id": IDS, "kwargs": MIXED}],
        str([{"instruction_id": IDS, "kwargs": MIXED}]),
        str([json.dumps({"instruction_id": IDS, "kwargs": MIXED})]),
    ],
)
def test_ground_truth_in_any_form(label: Any) -> None:
    assert asked_in_label(label) == ASKED


@pytest.mark.parametrize(
    "label",
    ["42", "", None, 3, "{'instruction_id': ['a']}", "__import__('os')", "[" * 100_000, {"kwargs": []}, [1, 2]],
)
def test_ground_truth_of_something_else(label: Any) -> None:
    with pytest.raises(UsageError, match="the ground truth must be a mapping such as"):
        asked_in_label(label)
