"""What a text earns: the verdicts of `score`, in one number, on any thread, in any process, in bounded time."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.constraints import RULE_SETS, compile_from, split_thoughts
from speech_ifeval.constraints.remembering import compiled
from speech_ifeval.errors import ConstraintError, UsageError
from speech_ifeval.integrations.rewards import LONGEST, Reward
from speech_ifeval.pipeline.stream import score_stream
from speech_ifeval.records import JUDGED_ID, Constraint
from tests.analysis.runs_of_example import BETTER, TUNED
from tests.constraints.every_id import KWARGS, asks_the_detector

CAPITAL, QUOTED = Constraint("change_case:english_capital"), Constraint("startend:quotation")
BULLETS = Constraint("detectable_format:number_bullet_lists", {"num_bullets": 2})
EVERY = [
    Constraint(id, kwargs)
    for id, choices in KWARGS.items()
    if not asks_the_detector(id, "official")
    for kwargs in choices
]


@pytest.mark.parametrize(
    ("options", "text", "earned"),
    [
        ({}, '"YES"', 1.0),
        ({}, "YES", 0.0),
        ({}, "yes", 0.0),
        ({}, "", 0.0),
        ({}, " \n", 0.0),
        ({"grade": "fraction"}, "YES", 0.5),
        ({"grade": "fraction"}, "yes", 0.0),
        ({"grade": "fraction"}, "", 0.0),
        ({}, '<think>So: capitals.</think>"YES"', 1.0),
        ({}, 'So: capitals.</think>"YES"', 1.0),
        ({}, '<think>"YES"', 0.0),
        ({"grade": "fraction"}, "<think>YES", 0.0),
        ({"thoughts": "keep"}, '<think>so</think>"YES"', 0.0),
        ({"thoughts": "keep"}, '"<THINK>YES"', 1.0),
        ({}, 'Sure!\n"YES"', 0.0),
        ({"reading": "loose"}, 'Sure!\n"YES"', 1.0),
        ({"reading": "loose"}, '<think>Sure!\n"YES"', 0.0),
        ({"longest": 5}, '"YES"', 1.0),
        ({"longest": 4}, '"YES"', 0.0),
        ({"longest": 5}, f'<think>{"long " * 100}</think>"YES"', 1.0),
    ],
)
def test_what_a_text_earns(options: dict[str, Any], text: str, earned: float) -> None:
    assert Reward(**options).score(text, [CAPITAL, QUOTED]) == earned


def test_what_was_peculiar_is_told() -> None:
    assert Reward().look("<think>YES", [CAPITAL]).unclosed
    assert Reward(longest=2).look("YES", [CAPITAL]).too_long
    found = Reward().look("YES", [CAPITAL])
    assert (found.followed, found.unclosed, found.too_long) == ((True,), False, False)


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize("loose", [False, True])
def test_it_is_what_scoring_says_of_the_shipped_replies(rules: str, loose: bool) -> None:
    reward = Reward(grade="fraction", reading="loose" if loose else "strict", rules=rules)
    asked = [one for one in EVERY if not asks_the_detector(one.id, rules)]
    columns = {"instruction_id_list": [one.id for one in asked], "kwargs": [one.kwargs for one in asked]}
    replies = [*TUNED.values(), *BETTER.values()]
    told = score_stream([{"response": reply, **columns} for reply in replies], rules=rules, loose=loose)
    assert [reward.look(reply, asked).followed for reply in replies] == [tuple(one) for one in told]


CHECKS = [compile_from(one.id, one.kwargs, "official").check for one in EVERY]


@given(st.text(max_size=200))
def test_any_text_earns_its_share(text: str) -> None:
    answer = split_thoughts(text).answer
    followed = [check(answer) for check in CHECKS]
    assert Reward(grade="fraction").score(text, EVERY) == pytest.approx(sum(followed) / len(followed))
    assert Reward().score(text, EVERY) == float(all(followed))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"grade": "most"}, "grade of a reward takes all or fraction, found 'most'"),
        ({"reading": "lose"}, "reading of a reward takes strict or loose, found 'lose'"),
        ({"thoughts": "drop"}, "thoughts of a reward takes strip or keep, found 'drop'"),
        ({"rules": "harsh"}, "unknown rule set 'harsh'"),
        ({"longest": 0}, "longest of a reward takes a whole number from 1, found 0"),
        ({"longest": True}, "longest of a reward takes a whole number from 1, found True"),
    ],
)
def test_other_settings_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Reward(**options)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([], "at least one constraint"),
        ([Constraint("change_case:english_capitol")], "did you mean change_case:english_capital"),
        ([Constraint(BULLETS.id)], "the kwarg 'num_bullets' is missing"),
        ([Constraint(BULLETS.id, {"num_bullets": -1})], "num_bullets must be a whole number"),
        ([Constraint(QUOTED.id, {"num_bullets": 1})], "unknown kwarg 'num_bullets'"),
        ([Constraint(JUDGED_ID)], "takes a judge"),
    ],
)
def test_what_cannot_be_checked_is_an_error_and_no_failure(asked: list[Constraint], said: str) -> None:
    with pytest.raises(ConstraintError, match=said):
        Reward().score("YES", asked)
    with pytest.raises(UsageError, match="found NoneType"):
        Reward().score(None, [CAPITAL])  # type: ignore[arg-type]


def test_a_constraint_is_compiled_once() -> None:
    first, second = (Reward().compile([BULLETS, QUOTED]) for _ in range(2))
    assert all(one is other for one, other in zip(first, second, strict=True))
    one, true, loose = (
        compiled(BULLETS.id, {"num_bullets": 1}, "official", False),
        Constraint(BULLETS.id, {"num_bullets": True}),
        Reward(reading="loose").compile([BULLETS]),
    )
    assert one.kwargs == {"num_bullets": 1}
    with pytest.raises(ConstraintError):  # equal to 1, and not the same
        Reward().compile([true])
    assert loose[0].loose


def test_it_is_immutable() -> None:
    reward = Reward()
    with pytest.raises(FrozenInstanceError):
        reward.grade = "fraction"  # type: ignore[misc]
    assert hash(reward) == hash(Reward())


def earned(reward: Reward) -> list[float]:
    return [reward.score(text, [CAPITAL, BULLETS]) for text in ("YES", "* A\n* B", "* a\n* b", "<think>YES")]


def test_it_can_be_sent_to_another_process() -> None:
    reward = Reward(grade="fraction", reading="loose", rules="careful")
    assert pickle.loads(pickle.dumps(reward)) == reward
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(earned, reward).result(timeout=120) == earned(reward) == [0.5, 1.0, 0.5, 0.0]


def test_threads_may_share_it() -> None:
    """Also while none of the constraints has been compiled yet."""
    asked = [Constraint(BULLETS.id, {"num_bullets": number}) for number in range(40)]
    texts = ["\n".join("* one" for _ in range(number)) for number in range(40)] * 5
    reward = Reward(grade="fraction")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: reward.look(text, asked).followed.index(True) if text else 0, texts))
    assert found == [*range(40)] * 5


def _seconds(reward: Reward, text: str, asked: list[Constraint]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        reward.score(text, asked)
        best = min(best, time.process_time() - start)
    return best


# Text that makes naive expressions explode, see ``perf/adversarial.py``.
HOSTILE = ("\n", "<", "[", "* ", "***\n", "a***\n", " \n\n", '{"a":', ". ", "1\n", "Σ", "<think>", "</think>")


@pytest.mark.parametrize("unit", HOSTILE)
def test_time_grows_no_faster_than_the_text_that_is_read(unit: str) -> None:
    """Ten times the text may take thirty times as long: linear, with room for caches and the clock."""
    reward = Reward(grade="fraction")
    small, large = (unit * (size // len(unit)) for size in (LONGEST // 30, LONGEST // 3))
    assert _seconds(reward, large, EVERY) < 30 * _seconds(reward, small, EVERY) + 0.05


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_megabyte_costs_no_more_than_the_longest_text_that_is_read(unit: str) -> None:
    reward = Reward(grade="fraction")
    megabyte = unit * (1_000_000 // len(unit))
    found = reward.look(megabyte, EVERY)
    assert not any(found.followed)
    assert found.too_long or found.unclosed
    assert _seconds(reward, megabyte, EVERY) < _seconds(reward, "a " * (LONGEST // 2), EVERY) + 0.05
