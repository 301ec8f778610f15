"""open-instruct finds our verifier among the subclasses of its base class, and runs it in a pool of threads.

open-instruct is no package of an index, and what it imports is heavy. Its own code is run where it is installed;
else what stands in for it are the things that are ours to meet: the base class, its way to call, and the result.
"""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
import sys
import types
from typing import Any

import pytest

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations import open_instruct_rewards
from speech_ifeval.integrations.open_instruct_rewards import make_verifier
from speech_ifeval.integrations.reward_data import Prompt
from speech_ifeval.integrations.rewards import Reward
from speech_ifeval.records import Constraint

MODULE = "open_instruct.ground_truth_utils"
ASKED = (
    Constraint("startend:quotation"),
    Constraint("detectable_format:number_bullet_lists", {"num_bullets": 2}),
    Constraint("change_case:english_capital"),
)
LABEL = Prompt("a", ({"role": "user", "content": "?"},), ASKED, ((), (), ())).for_open_instruct()["ground_truth"]


def interface() -> types.ModuleType:
    """The interface of open-instruct at commit e6c3044."""
    module = types.ModuleType(MODULE)

    @dataclasses.dataclass
    class VerificationResult:
        score: float
        cost: float = 0.0
        reasoning: str | None = None

    class VerifierFunction:
        def __init__(self, name: str, weight: float = 1.0, verifier_config: Any = None) -> None:
            self.name, self.weight, self.verifier_config = name, weight, verifier_config

        async def async_call(
            self,
            tokenized_prediction: list[int],
            prediction: str,
            label: Any,
            query: Any = None,
            rollout_state: Any = None,
        ) -> Any:
            call: Any = self
            return await asyncio.get_running_loop().run_in_executor(
                None, lambda: call(tokenized_prediction, prediction, label, query, rollout_state)
            )

    module.VerificationResult = VerificationResult  # type: ignore[attr-defined]
    module.VerifierFunction = VerifierFunction  # type: ignore[attr-defined]
    return module


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Any:
    """open-instruct's base class, its own where it is installed."""
    monkeypatch.setattr(open_instruct_rewards, "_MADE", {})
    try:
        from open_instruct import ground_truth_utils as module
    except ImportError:
        module = interface()
        monkeypatch.setitem(sys.modules, "open_instruct", types.ModuleType("open_instruct"))
        monkeypatch.setitem(sys.modules, MODULE, module)
    return module.VerifierFunction


def scores(verifier: Any, texts: list[str], label: Any = LABEL) -> list[float]:
    async def run() -> list[Any]:
        calls = (
            verifier.async_call(tokenized_prediction=[1], prediction=text, label=label, query="", rollout_state={})
            for text in texts
        )
        return await asyncio.gather(*calls)

    return [result.score for result in asyncio.run(run())]


def test_it_is_found_and_run_in_a_pool(base: Any) -> None:
    make_verifier()
    (found,) = (one for one in base.__subclasses__() if one.__name__ == "SpeechIFEvalVerifier")
    verifier = found(None)
    assert (verifier.name, verifier.weight) == ("speech_ifeval", 1.0)
    texts = ["", "YES", '"* A\n* B"', "<think>Hm.</think>* A\n* B", "<think>* A\n* B", "* a\n* b"]
    assert scores(verifier, texts) == [0.0, 1 / 3, 2 / 3, 2 / 3, 0.0, 1 / 3]
    assert scores(verifier, texts * 20) == scores(verifier, texts) * 20


def test_it_grades_the_data_of_their_own_ifeval(base: Any) -> None:
    verifier = make_verifier(name="ifeval")(None)
    label = str([{"instruction_id": ["startend:quotation", "keywords:existence"],
                  "kwargs": [None, {"keywords": ["boat"], "num_words": None}]}])  # fmt: skip
    assert scores(verifier, ['"A boat."', "A boat.", "A ship."], label) == [1.0, 0.5, 0.0]


def test_other_rewards_are_other_verifiers(base: Any) -> None:
    strict = make_verifier(Reward(), "Form", weight=0.5)
    assert make_verifier(Reward(), "form", weight=0.5) is strict
    assert make_verifier() is not strict
    assert (strict(None).name, strict(None).weight) == ("form", 0.5)
    assert scores(strict(None), ['"* A\n* B"', "YES"]) == [0.0, 0.0]


def test_it_can_be_pickled(base: Any) -> None:
    verifier = make_verifier(Reward(grade="fraction", reading="loose"), "form", 2.0)({"seed": 1})
    again = pickle.loads(pickle.dumps(verifier))
    assert (again.name, again.weight, again.verifier_config) == ("form", 2.0, {"seed": 1})
    assert type(again) is type(verifier)


def test_a_row_without_constraints_is_an_error(base: Any) -> None:
    with pytest.raises(UsageError, match="at least one constraint"):
        scores(make_verifier()(None), ["YES"], str([{"instruction_id": [], "kwargs": []}]))


def test_without_open_instruct_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_instruct_rewards, "_MADE", {})
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(UsageError, match="open-instruct cannot be imported"):
        make_verifier()
