"""The rows of the task for lmms-eval, and what its models are given of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.clips import load_samples
from speech_ifeval.integrations.harness.questions import questions_for
from speech_ifeval.integrations.harness.rows import Result, results_of, row_of
from speech_ifeval.integrations.harness.settings import settings_from_environment

# What speech encoders take; a model of the harness resamples from here where its own differs.
RATE = 16_000
# How the harness's models that ask a server begin what they give in place of a reply when all tries have failed.
FAILED = "[LMMS_EVAL_REQUEST_FAILED"


def documents(placeholder: Any) -> Any:
    """Return the data set of the task in the place of another: one row an item, as samples grow.

    The settings are those of the environment, because the harness has no way to hand a task any.

    Args:
        placeholder: a data set of which only the type is used.

    Raises:
        UsageError: a setting that does not exist, or does not fit.
        SpeechIFEvalError: the benchmark or its audio cannot be found, or there is no such judge or rule set.
    """
    settings = settings_from_environment().encoded()
    return type(placeholder).from_list([row_of(prompt, settings) for prompt in questions_for(settings).heard()])


def messages(row: Mapping[str, Any], lmms_eval_specific_kwargs: Any = None) -> list[dict[str, Any]]:
    """Return the conversation for models that take one: the system prompt, then the clip and the instruction.

    >>> row = {"system": "Follow.", "audio": "a.wav", "prompt": "Transcribe."}
    >>> [part["role"] for part in messages(row)], messages(row)[1]["content"][0]
    (['system', 'user'], {'type': 'audio', 'url': 'a.wav'})
    """
    clip = {"type": "audio", "url": row["audio"]}
    user = {"role": "user", "content": [clip, {"type": "text", "text": row["prompt"]}]}
    if not row["system"]:
        return [user]
    return [{"role": "system", "content": [{"type": "text", "text": row["system"]}]}, user]


def sounds(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the clip for models that take samples: a list of one, mono, at 16 kHz.

    Raises:
        DataError: the clip cannot be read.
        MissingExtraError: soundfile or soxr is not installed.
    """
    return [{"array": load_samples(Path(str(row["audio"])), RATE), "sampling_rate": RATE}]


def text(row: Mapping[str, Any], lmms_eval_specific_kwargs: Any = None) -> str:
    """Return the instruction for models that take a text and samples; they see no system prompt of ours."""
    return str(row["prompt"])


def results(row: Mapping[str, Any], replies: Sequence[str | None]) -> dict[str, Result]:
    """Return the result of one row as `results_of`; a request that failed is unscored, not a reply.

    Raises:
        SpeechIFEvalError: as `results_of`.
    """
    reply = replies[0]
    if reply is not None and reply.startswith(FAILED):
        return results_of(row, [None], reply)
    return results_of(row, replies)
