"""A reward function for verl: name this module and `compute_score` in ``reward.custom_reward_function``."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.reward_columns import asked_in_label
from speech_ifeval.integrations.rewards import LONGEST, Grade, Reading, Reward, Thoughts


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Any = None,
    *,
    grade: Grade = "all",
    reading: Reading = "strict",
    thoughts: Thoughts = "strip",
    rules: str = "official",
    longest: int = LONGEST,
    details: bool = False,
    **unused: Any,
) -> float | dict[str, float]:
    """Return what a response earns, from 0 to 1.

    Args:
        data_source: as the row has it; named in messages only.
        solution_str: the response.
        ground_truth: the row's constraints, see `speech_ifeval.integrations.reward_columns.asked_in_label`.
        extra_info: not looked at.
        grade, reading, thoughts, rules, longest: as of `Reward`; verl passes ``reward_kwargs``.
        details: whether a dictionary is returned: ``score``, ``followed`` (the share of constraints), ``unclosed``
            and ``too_long`` (1 or 0), always all four, since verl makes columns of them.
        unused: whatever else verl passes.

    Raises:
        UsageError: the row has no constraints, or wrong ones. verl knows no row without a reward: let your own
            function choose by `data_source`, and call this one for ours.

    Source: the custom reward functions of verl 0.9.

    >>> truth = '{"instruction_id_list": ["startend:quotation"], "kwargs": ["{}"]}'
    >>> compute_score("speech_ifeval", '"Yes."', truth)
    1.0
    >>> compute_score("speech_ifeval", "Yes.", truth, details=True)
    {'score': 0.0, 'followed': 0.0, 'unclosed': 0.0, 'too_long': 0.0}
    """
    reward = _reward(grade, reading, thoughts, rules, longest)
    try:
        found = reward.look(solution_str, asked_in_label(ground_truth))
    except UsageError as error:
        raise UsageError(f"a row of the data source {data_source!r}: {error}") from error
    score = reward.grade_of(found)
    if not details:
        return score
    return {
        "score": score,
        "followed": sum(found.followed) / len(found.followed),
        "unclosed": float(found.unclosed),
        "too_long": float(found.too_long),
    }


@lru_cache(maxsize=64)
def _reward(grade: Grade, reading: Reading, thoughts: Thoughts, rules: str, longest: int) -> Reward:
    return Reward(grade, reading, thoughts, rules, longest)
