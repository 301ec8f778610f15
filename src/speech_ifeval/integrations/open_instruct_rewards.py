"""A verifier for open-instruct, which finds the subclasses of its own base class by itself."""

from __future__ import annotations

import threading
from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.reward_columns import asked_in_label
from speech_ifeval.integrations.rewards import Reward

NAME = "speech_ifeval"
_MADE: dict[tuple[Reward, str, float], type[Any]] = {}
_MAKING = threading.Lock()


def make_verifier(reward: Reward | None = None, name: str = NAME, weight: float = 1.0) -> type[Any]:
    """Return a verifier class of open-instruct's, which its ``build_all_verifiers`` finds from then on.

    Called before training starts, in the process that builds the verifiers. Rows whose column ``dataset`` is
    `name` are graded by it; their ``ground_truth`` is what `asked_in_label` of
    `speech_ifeval.integrations.reward_columns` reads, which takes the data of open-instruct's own ``ifeval`` too.

    Args:
        reward: how predictions are graded; None grades as open-instruct's own verifier does: the share of
            constraints that are followed, thoughts taken off.
        name: of the verifier, and of the rows' data set.
        weight: what a reward is multiplied by.

    Raises:
        UsageError: open-instruct cannot be imported; when a prediction is graded: its row has no constraints.

    The same arguments give the same class; instances can be pickled, and shared between threads.

    Source: ``open_instruct.ground_truth_utils`` of open-instruct, commit e6c3044.
    """
    reward = Reward(grade="fraction") if reward is None else reward
    with _MAKING:
        key = (reward, name.lower(), weight)
        if key not in _MADE:
            _MADE[key] = _made(reward, name.lower(), weight)
        return _MADE[key]


def _made(reward: Reward, name: str, weight: float) -> type[Any]:
    try:
        from open_instruct.ground_truth_utils import VerificationResult, VerifierFunction
    except ImportError as error:
        raise UsageError(
            f"open-instruct cannot be imported ({error}); install it from its repository, and call this in its "
            "environment"
        ) from None

    class SpeechIFEvalVerifier(VerifierFunction):  # type: ignore[misc]  # a class of an untyped package
        """Grades predictions by the constraints of their rows."""

        def __init__(self, verifier_config: Any = None) -> None:
            super().__init__(name, verifier_config=verifier_config, weight=weight)

        def __call__(
            self,
            tokenized_prediction: list[int],
            prediction: str,
            label: Any,
            query: str | None = None,
            rollout_state: dict[str, Any] | None = None,
        ) -> Any:
            return VerificationResult(score=reward.score(prediction, asked_in_label(label)))

        def __reduce__(self) -> tuple[Any, ...]:  # the class is made in a function, where pickle does not find it
            return _instance, (reward, name, weight, self.verifier_config)

    return SpeechIFEvalVerifier


def _instance(reward: Reward, name: str, weight: float, config: Any) -> Any:
    return make_verifier(reward, name, weight)(config)
