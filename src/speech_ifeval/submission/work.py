"""How much work a submission makes for whoever verifies it, reckoned before it is done.

Bytes and lines bound what is read, and not how long it takes to decide: one reply of 4 MiB can be asked for sixty
thousand words, and each of them is looked for in all of it. The unit is one character of a reply times one demand
that it is checked for; what takes longer counts as more of them. docs/performance.md says how long that takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from speech_ifeval.benchmarks.answers import options_of
from speech_ifeval.constraints.language import asks_detector
from speech_ifeval.records import JUDGED_ID, Judgement, Response
from speech_ifeval.submission import contents as own

RULES_OF_THUMB = "heuristic"

_PREPARING = 1_000  # characters: a constraint is prepared before any reply is read
_COMPARED = 32  # characters that a reply is compared with cost as much as one more demand
_LOOSE = 8  # trimmings of a reply, each of which is decided
_DETECTING = 40  # the detector takes as long for a character as this many demands
_DETECTED = 20_000  # characters of a reply that it reads
_ALIGNED = 256  # characters of a transcript: edits are counted by the machine word, of words and not of characters
_MEASURED = 20_000  # characters: a transcript is drawn again and again for the intervals that it is in
_GROUP = 100_000  # characters: a group of answers has intervals and a test of its own


class Answered(NamedTuple):
    """What was said in one run: its judge, its responses and the judgements of them."""

    judge: str
    responses: Iterable[Response]
    judgements: Sequence[Judgement]


def work_of(items: Sequence[own.PackedItem], scoring: own.ScoredHow, runs: Iterable[Answered]) -> int:
    """Return the work of scoring runs once more, in characters × constraints.

    >>> from speech_ifeval.records import Constraint
    >>> item = own.PackedItem("a", "creative-writing", "a.wav", "a", (Constraint("startend:quotation"),))
    >>> scoring = own.ScoredHow("official", False, "unscored", None, 0)
    >>> work_of([item], scoring, [Answered("none", [Response("a", "four")], [])]) - work_of([item], scoring, [])
    100004
    """
    groups = {(item.dataset, item.metric, *(one.id for one in item.constraints)) for item in items}
    demands = sum(_demands(constraint.kwargs) for item in items for constraint in item.constraints)
    return demands * _PREPARING + sum(
        len(groups) * _GROUP + _of_replies(items, scoring, run) + _of_judgements(items, run) for run in runs
    )


def _of_replies(items: Iterable[own.PackedItem], scoring: own.ScoredHow, run: Answered) -> int:
    """Every constraint reads its item's reply."""
    letters = _letters(run.responses)
    times = _LOOSE if scoring.loose else 1
    total = 0
    for item in items:
        reply = letters.get(item.id, 0)
        for constraint in item.constraints:
            if constraint.id == JUDGED_ID:
                total += reply
                continue
            read = reply
            if asks_detector(scoring.rules, constraint.id):
                read += _DETECTING * min(_PREPARING + reply, _DETECTED)
            total += times * read * _demands(constraint.kwargs)
    return total


def _of_judgements(items: Iterable[own.PackedItem], run: Answered) -> int:
    """A judge's replies are read beside what they judge; transcripts are compared, and options looked for."""
    if not run.judgements:
        return 0
    letters = _letters(run.responses)
    spoken = {item.id: len(item.transcript or "") for item in items}
    options = {item.id: 1 + len(options_of(item.instruction or "")) for item in items}
    total = 0
    for item in items:
        total += spoken[item.id] * options[item.id]  # whether the transcript settles the question is counted out
        if run.judge.startswith(RULES_OF_THUMB):  # the question without its constraint is the twin's
            total += letters.get(item.id, 0) * max(options[item.id], options.get(item.twin or "", 1))
    for one in run.judgements:
        said = (one.judge_reply or "", *one.earlier_replies)
        total += _PREPARING + len(said) * letters.get(one.item, 0) + sum(map(len, said))
        total += _MEASURED * (one.use == "transcript")
        total += len(one.extracted or "") * (1 + spoken.get(one.item, 0) // _ALIGNED)
    return total


def _letters(responses: Iterable[Response]) -> dict[str, int]:
    """Count the characters of each item's reply, of the longest where there are several."""
    found: dict[str, int] = {}
    for one in responses:
        found[one.id] = max(found.get(one.id, 0), len(one.text or ""))
    return found


def _demands(kwargs: Mapping[str, Any]) -> int:
    """Count what is looked for: the constraint itself, every value, and what long values are made of."""
    values = list(_values(kwargs))
    return 1 + len(values) + sum(len(one) for one in values if isinstance(one, str)) // _COMPARED


def _values(kwargs: Mapping[str, Any]) -> Iterator[Any]:
    """Yield all that is no list or object; the names of an object's fields too."""
    left: list[Any] = list(kwargs.values())
    while left:
        value = left.pop()
        if isinstance(value, list | tuple):
            left.extend(value)
        elif isinstance(value, dict):
            left.extend((*value, *value.values()))
        else:
            yield value
