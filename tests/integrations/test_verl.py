"""verl calls our function as its reward manager does: by keywords, with more than was asked for, on any thread."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations import verl_rewards
from speech_ifeval.integrations.verl_rewards import compute_score

TRUTH = json.dumps(
    {"instruction_id_list": ["startend:quotation", "change_case:english_capital"], "kwargs": ["{}", "{}"]}
)


def loaded(path: str, name: str, reward_kwargs: dict[str, Any]) -> Callable[..., Any]:
    """What verl 0.9 makes of ``reward.custom_reward_function``: kwargs of the configuration go before a call's."""
    if path.startswith("pkg://"):
        function = getattr(importlib.import_module(path.removeprefix("pkg://")), name)
    else:
        spec = importlib.util.spec_from_file_location("custom_module", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function = getattr(module, name)
    assert not inspect.iscoroutinefunction(function)
    return partial(_merging, function, reward_kwargs)


def _merging(function: Callable[..., Any], first: dict[str, Any], **kwargs: Any) -> Any:
    return function(**{**kwargs, **first})


PATHS = ("pkg://speech_ifeval.integrations.verl_rewards", str(Path(verl_rewards.__file__)))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("options", "text", "score"),
    [
        ({}, '"YES"', 1.0),
        ({}, "YES", 0.0),
        ({"grade": "fraction"}, "YES", 0.5),
        ({"reading": "loose"}, 'Sure:\n"YES"', 1.0),
        ({"thoughts": "keep"}, '<think>a</think>"YES"', 0.0),
        ({"rules": "careful", "longest": 3}, '"YES"', 0.0),
    ],
)
def test_it_is_called_as_the_reward_manager_calls_it(
    path: str, options: dict[str, Any], text: str, score: float
) -> None:
    """Twice from threads, as its loop runs a function that is no coroutine."""
    function = loaded(path, "compute_score", options)
    call = partial(
        function,
        data_source="speech_ifeval",
        solution_str=text,
        ground_truth=TRUTH,
        extra_info={"item": "a", "num_turns": None, "rollout_reward_scores": {}},
        reward_router_address="127.0.0.1:1",
        reward_model_tokenizer=None,
    )
    with ThreadPoolExecutor(2) as pool:
        assert [pool.submit(call).result() for _ in range(2)] == [score, score]


def test_details_have_the_same_keys_for_every_text() -> None:
    """verl makes a column of each key."""
    found = [
        compute_score("speech_ifeval", text, TRUTH, details=True, grade="fraction", longest=9)
        for text in ('"YES"', "YES", "", "<think>YES", "A" * 10)
    ]
    assert [list(one) for one in found] == [["score", "followed", "unclosed", "too_long"]] * 5
    assert [list(one.values()) for one in found] == [
        [1.0, 1.0, 0.0, 0.0],
        [0.5, 0.5, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ]


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ("42", "a row of the data source 'gsm8k': the ground truth must be a mapping"),
        ('{"instruction_id_list": [], "kwargs": []}', "a row of the data source 'gsm8k': a reward takes at"),
        ('{"instruction_id_list": ["a:b"], "kwargs": ["{}"]}', "a row of the data source 'gsm8k': unknown const"),
    ],
)
def test_a_row_that_is_not_ours_is_named(truth: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        compute_score("gsm8k", "42", truth)
