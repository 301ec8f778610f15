"""Models that are functions: they decode a tone and answer by it; how they follow is what each is made for.

Run as ``py:listening.py:NAME`` too, so nothing is imported from the tests.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import soundfile

LONG = 0.2  # seconds
HIGH = 500  # hertz


def heard(request: Any) -> tuple[str, bool, int]:
    """Pitch, whether the tone is long, and its frequency; of a reader, what the transcript says."""
    if request.audio is None:
        found = re.search(r"tone (\d+)\. \(Pitch: (\w+), Length: (\w+)\)", request.transcript)
        assert found is not None
        return found[2], found[3] == "long", int(found[1])
    samples, rate = soundfile.read(request.audio)
    spectrum = np.abs(np.fft.rfft(samples, n=rate))  # a bin for every hertz
    hertz = int(spectrum.argmax()) if samples.any() else 0
    return ("high" if hertz > HIGH else "low"), len(samples) / rate > LONG, hertz


def demanded(instruction: str) -> str:
    """What stands below the question, if it demands something that these models know of."""
    below = instruction.partition("\n")[2]
    return below if re.search("capital|quotation|JSON|End your|bullet|Include|step by step", below) else ""


def formed(text: str, demand: str) -> str:
    if "capital" in demand:
        return text.upper()
    if "quotation" in demand:
        return f'"{text}"'
    if "JSON" in demand:
        return json.dumps({"answer": text})
    if end := re.search('End your response with "(.+)"', demand):
        return f"{text}. {end[1]}"
    if "bullet" in demand:
        return f"* {text}\n* nothing else"
    if word := re.search('Include the word "(.+)"', demand):
        return f"{text}, like a {word[1]}"
    if "step by step" in demand:
        return (
            "First, I listen to how fast the sound moves, because that is what the question is about. Then I "
            "compare it with other sounds that I know. Therefore I can tell what it must be.\n"
            f"Finally, the answer is {text}."
        )
    return text


def answered(request: Any) -> str:
    pitch, _, hertz = heard(request)
    return f"this is tone {hertz}" if "Write down" in request.instruction else pitch


Answer = Callable[[Any, str], str]


def model(reply: Answer) -> Callable[[Sequence[Any]], list[str]]:
    """A model that says `reply` of a request and what it demands."""

    def answer(requests: Sequence[Any]) -> list[str]:
        return [reply(request, demanded(request.instruction)) for request in requests]

    answer.__qualname__ = reply.__name__.removeprefix("_")
    return answer


def _isolated(request: Any, demand: str) -> str:
    return formed(answered(request), demand)


def _reads_its_constraint_from_the_audio(request: Any, demand: str) -> str:
    return formed(answered(request), demand if heard(request)[1] else "")


def _ignores_the_audio(request: Any, demand: str) -> str:
    return formed("this is tone 300" if "Write down" in request.instruction else "low", demand)


def _confused(request: Any, when: bool) -> str:
    """Every third tone is taken for another where there is something to be confused by."""
    pitch, _, hertz = heard(request)
    if not when or hertz % 3:
        return answered(request)
    return "this is another tone" if "Write down" in request.instruction else {"high": "low", "low": "high"}[pitch]


def _distracted_by_demands(request: Any, demand: str) -> str:
    return formed(_confused(request, bool(demand)), demand)


def _distracted_by_any_sentence(request: Any, demand: str) -> str:
    return formed(_confused(request, "\n" in request.instruction), demand)


isolated = model(_isolated)
reads_its_constraint_from_the_audio = model(_reads_its_constraint_from_the_audio)
ignores_the_audio = model(_ignores_the_audio)
distracted_by_demands = model(_distracted_by_demands)
distracted_by_any_sentence = model(_distracted_by_any_sentence)
