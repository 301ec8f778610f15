"""The rows of the task for lm-evaluation-harness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from speech_ifeval.errors import MissingExtraError
from speech_ifeval.integrations.harness.questions import questions_for
from speech_ifeval.integrations.harness.rows import row_of
from speech_ifeval.integrations.harness.settings import read_settings


def documents(speech_ifeval: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Return the data set of the task: one row an item, in the order in which samples grow.

    Args:
        speech_ifeval: the task's settings, what ``--metadata '{"speech_ifeval": {…}}'`` gives.
        metadata: everything else that the harness hands on, the model's arguments among it.

    Raises:
        UsageError: a setting that does not exist, or does not fit.
        SpeechIFEvalError: the benchmark cannot be read, or there is no such judge or rule set.

    >>> rows = documents({"benchmark": "example"})["test"]
    >>> len(rows), sorted({row["category"] for row in rows.select(range(6))})
    (66, ['chain-of-thought', 'closed-ended', 'creative-writing'])
    """
    try:
        from datasets import Dataset
    except ImportError:
        raise MissingExtraError("lm-eval", "datasets", "the task speech_ifeval") from None
    settings = read_settings(speech_ifeval or {}).encoded()
    return {"test": Dataset.from_list([row_of(prompt, settings) for prompt in questions_for(settings).read()])}
