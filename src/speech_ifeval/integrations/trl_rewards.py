"""A reward function for TRL's GRPO and RLOO trainers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.integrations.reward_columns import IDS, KWARGS, asked_in_columns
from speech_ifeval.integrations.rewards import Reward

# What a trainer passes besides the columns of its data set.
_OF_THE_TRAINER = frozenset({"trainer_state", "log_extra", "log_metric", "environments"})


@dataclass(frozen=True)
class TRLReward:
    """What TRL calls: completions and the columns of the data set in, a number for each completion out.

    The data set needs, beside ``prompt``, the columns ``instruction_id_list`` (for each row a list of constraint
    ids) and ``kwargs`` (as many JSON objects, as texts). A row whose ids are None or an empty list earns None, so
    that other rewards decide about it. A completion is a text or a list of messages, of which the last one of the
    assistant counts.

    Attributes:
        reward: how completions are graded.
        name: under which TRL logs it.

    Source: the reward functions of TRL 1.16, ``GRPOTrainer(reward_funcs=…)``.

    >>> reward = TRLReward(Reward(grade="fraction"))
    >>> columns = {"instruction_id_list": [["startend:quotation"]] * 2, "kwargs": [["{}"]] * 2}
    >>> reward(["Quote it."] * 2, ['"It."', [{"role": "assistant", "content": "It."}]], **columns)
    [1.0, 0.0]
    """

    reward: Reward = field(default_factory=Reward)
    name: str = "speech_ifeval"

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(
        self, prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Any = None, **columns: Any
    ) -> list[float | None]:
        """Return what each completion earns; None where its row has no constraints.

        Raises:
            UsageError: a column is missing, or a row is not what it must be.
        """
        ids, kwargs = (_column(name, columns, len(completions)) for name in (IDS, KWARGS))
        earned: list[float | None] = []
        for number, completion in enumerate(completions):
            place = f"row {number} of the batch"
            asked = asked_in_columns(place, ids[number], kwargs[number])
            if not asked:
                earned.append(None)
                continue
            try:
                earned.append(self.reward.score(text_of(completion), asked))
            except UsageError as error:
                raise UsageError(f"{place}: {error}") from error
        return earned


def _column(name: str, columns: dict[str, Any], size: int) -> Sequence[Any]:
    found = columns.get(name)
    if found is None:
        others = ", ".join(["prompt", *(one for one in columns if one not in _OF_THE_TRAINER)])
        raise UsageError(
            f"the reward needs the column {name!r}, and the data set does not have it. Expected columns: prompt, "
            f"{IDS} (for each row a list of constraint ids), {KWARGS} (for each row as many JSON objects, as "
            f"texts); found: {others}. Make the data set with speech_ifeval.integrations.reward_data, or rename "
            "its columns, and leave remove_unused_columns=False"
        )
    if len(found) != size:
        raise UsageError(
            f"the reward was given {size} completions and {len(found)} rows of the column {name!r}; give as many"
        )
    rows: Sequence[Any] = found
    return rows


def text_of(completion: Any) -> str:
    """Return what the assistant says last in a completion; nothing where it says nothing.

    Raises:
        UsageError: it is neither a text nor a list of messages.

    >>> text_of([{"role": "assistant", "content": [{"type": "text", "text": "Yes."}]}])
    'Yes.'
    """
    if isinstance(completion, str):
        return completion
    messages = [completion] if isinstance(completion, dict) else completion
    if not isinstance(messages, list | tuple) or not all(isinstance(one, dict) for one in messages):
        raise UsageError(
            f"a completion must be a text or a list of messages, found {type(completion).__name__}; correct it"
        )
    said = [one.get("content") for one in messages if one.get("role", "assistant") == "assistant"]
    content = said[-1] if said else None
    if isinstance(content, list | tuple):
        parts = [one.get("text") for one in content if isinstance(one, dict) and one.get("type") == "text"]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
