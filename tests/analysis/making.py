"""Twins made up for tests: a run of questions with what is known of each of the two replies."""

from __future__ import annotations

from typing import Any

from speech_ifeval.analysis.twins import Side, Twin
from speech_ifeval.metrics.answers import Answer, WordEdits

MOODS = ("calm", "cross", "glad")


def closed(id: str, *replies: tuple[str, bool | None], options: tuple[str, ...] = MOODS, **more: Any) -> Twin:
    """A closed question: each side's reply and whether it is right."""
    return Twin(
        id,
        *(
            _side(id, index, "accuracy", reply, options, correct=right, **more)
            for index, (reply, right) in enumerate(replies)
        ),
    )


def spoken(id: str, *sides: tuple[int, int], words: int = 10, text: str = "the words", **more: Any) -> Twin:
    """A transcript: each side's substitutions and insertions."""
    made = (WordEdits(words - wrong, wrong, 0, inserted) for wrong, inserted in sides)
    return Twin(id, *(_side(id, index, "wer", text, (), edits=edits, **more) for index, edits in enumerate(made)))


def _side(id: str, index: int, metric: Any, reply: str, options: tuple[str, ...], **more: Any) -> Side:
    known = {"dataset": metric, "clip": f"{id}.wav", "speaker": None, "code": "CC", "constraint": None} | more
    answer = Answer(f"{id}/{index}", id, metric=metric, constrained=bool(index), text=reply, **known)
    return Side(answer, reply, False, options)
