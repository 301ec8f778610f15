"""How a harness's task is set up: one struct, whichever harness it comes from."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.errors import UsageError
from speech_ifeval.models import SYSTEM_PROMPT

VARIABLE = "SPEECH_IFEVAL_TASK"


class TaskSettings(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked and how it is scored.

    Attributes:
        benchmark: a folder, or the name of a shipped benchmark.
        audio_dir: where the clips lie, None for beside the items.
        system: the system prompt; an empty one is none.
        judge: who decides on chain of thought, as ``speech-ifeval score --judge`` takes it; ``none`` is nobody.
        judge_args: the judge's arguments.
        judge_repeats: how often it is asked for each verdict.
        rules: the rule set.
        loose: IFEval's loose pass.

    >>> TaskSettings(judge="heuristic").benchmark
    'bundled'
    """

    benchmark: str = "bundled"
    audio_dir: str | None = None
    system: str = SYSTEM_PROMPT
    judge: str = "none"
    judge_args: dict[str, Any] = {}
    judge_repeats: int = 1
    rules: str = "official"
    loose: bool = False

    def encoded(self) -> str:
        """Return the settings as JSON: the same text for the same settings.

        >>> read_settings(TaskSettings(judge="heuristic").encoded()) == TaskSettings(judge="heuristic")
        True
        """
        return msgspec.json.encode(self, order="deterministic").decode()


def read_settings(given: Mapping[str, Any] | str) -> TaskSettings:
    """Return settings from a mapping, or from JSON.

    Raises:
        UsageError: no JSON, an unknown setting, or a value that does not fit.

    >>> read_settings({"judg": "heuristic"})
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no setting 'judg' of the task speech_ifeval; did you mean judge?
    """
    if isinstance(given, str):
        return read_settings(_decoded(given))
    known = TaskSettings.__struct_fields__
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(sorted(known))}"
            raise UsageError(f"no setting {name!r} of the task speech_ifeval; {hint}")
    try:
        return msgspec.convert(dict(given), TaskSettings, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"the settings of the task speech_ifeval: {error}; correct it") from None


def _decoded(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(
            f'the settings of the task speech_ifeval: expected JSON such as {{"judge": "heuristic"}}, found '
            f"{text[:60]!r} ({error})"
        ) from None


def settings_from_environment() -> TaskSettings:
    """Return the settings that the variable `VARIABLE` holds as JSON, for a harness that cannot hand a task any.

    Raises:
        UsageError: as `read_settings`.
    """
    return read_settings(os.environ.get(VARIABLE) or "{}")
