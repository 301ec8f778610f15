"""For harnesses that hold rows and call functions: rows of prompts, results of replies, aggregates of results.

lm-evaluation-harness and lmms-eval hand the row alone to what scores it, so every row carries the settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from speech_ifeval.integrations.harness.figures import IFRATE, NAMES, Outcome, figures, outcome_of
from speech_ifeval.integrations.harness.questions import Prompt, questions_for, told

Row = dict[str, str]
Result = dict[str, Any]


def row_of(prompt: Prompt, settings: str) -> Row:
    """Return a prompt as a row: texts alone.

    Args:
        prompt: what is asked.
        settings: the encoded settings of the task.
    """
    item = prompt.item
    return {
        "id": item.id,
        "category": item.category,
        "clip": item.clip,
        "dataset": item.dataset,
        "system": prompt.system or "",
        "prompt": prompt.text,
        "audio": "" if prompt.audio is None else str(prompt.audio),
        "target": item.label or "",
        "settings": settings,
    }


def results_of(
    row: Mapping[str, Any], replies: Sequence[str | None], error: str | None = None
) -> dict[str, Result]:
    """Return the result of one row under each metric that it counts in; harnesses call it ``process_results``.

    Args:
        row: one of `row_of`.
        replies: the model's, of which the first counts; None where there is none, which is unscored.
        error: why there is none.

    Raises:
        UsageError: the item is unknown.
        SpeechIFEvalError: the judge can judge nothing.
    """
    questions = questions_for(str(row["settings"]))
    reply = replies[0]
    verdicts = questions.verdicts(str(row["id"]), reply, error)
    outcome = outcome_of(verdicts)
    result = {
        **outcome._asdict(),
        "empty": reply is not None and not reply.strip(),
        "verdicts": told(verdicts),
        "signature": questions.signature,
    }
    names = [IFRATE, f"{IFRATE}_stderr", f"{IFRATE}_low", f"{IFRATE}_high"]
    names += [NAMES[outcome.category], f"{NAMES[outcome.category]}_stderr", "unscored", "empty"]
    return dict.fromkeys(names, result)


def unscored(results: Sequence[Result]) -> int:
    """Return how many items have no verdict.

    >>> unscored([{"followed": None}, {"followed": False}])
    1
    """
    return sum(result["followed"] is None for result in results)


def empty(results: Sequence[Result]) -> int:
    """Return how many replies are empty: some harnesses' models give an empty text where they failed.

    >>> empty([{"empty": True}, {"empty": False}])
    1
    """
    return sum(result["empty"] for result in results)


def _figure(results: Sequence[Result], name: str) -> float | None:
    outcomes = (Outcome(*(result[field] for field in Outcome._fields)) for result in results)
    return figures(outcomes).get(name)


def ifrate(results: Sequence[Result]) -> float | None:
    """Return IFrate in percent, None where a category has no scored item."""
    return _figure(results, IFRATE)


def ifrate_stderr(results: Sequence[Result]) -> float | None:
    """Return IFrate's standard error in points."""
    return _figure(results, f"{IFRATE}_stderr")


def ifrate_low(results: Sequence[Result]) -> float | None:
    """Return the lower limit of IFrate's 95 % interval."""
    return _figure(results, f"{IFRATE}_low")


def ifrate_high(results: Sequence[Result]) -> float | None:
    """Return the upper limit of IFrate's 95 % interval."""
    return _figure(results, f"{IFRATE}_high")


def following_rate(results: Sequence[Result]) -> float | None:
    """Return the following rate, in percent, of results of one category; None where none is scored."""
    return _figure(results, NAMES[results[0]["category"]])


def following_rate_stderr(results: Sequence[Result]) -> float | None:
    """Return the standard error of that rate in points."""
    return _figure(results, f"{NAMES[results[0]['category']]}_stderr")
