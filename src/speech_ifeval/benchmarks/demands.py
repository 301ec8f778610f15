"""In which words an item demands its constraint: the wording, apart from the question and from what is filled in.

A benchmark that was built names each item's wording. Of others it is recovered: what the twin's question lacks, or
the lines below the first, with the values of the kwargs taken out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from speech_ifeval.benchmarks.build.pool import wording_key
from speech_ifeval.benchmarks.contents import Benchmark
from speech_ifeval.benchmarks.numbers_in_words import NUMBERS
from speech_ifeval.records import Constraint, Item

# Kwargs whose value is a phrase to be said word for word: a second thing, beside the wording, that an item draws.
PHRASES = {"combination:repeat_prompt": "prompt_to_repeat", "startend:end_checker": "end_phrase"}
_RELATION = "relation"  # how kwargs end that a wording says in words of its own: at least, less than


class Demand(NamedTuple):
    """How an item demands one of its constraints.

    Attributes:
        fixed: the kwargs' values that the wording says in its own words, such as ``at least``; empty for none.
        wording: the key of the pool's wording, or the text with its values taken out.
        text: the text with its values taken out.
        whole: whether question and demand are one text, so that a wording is a whole prompt.
        phrase: the phrase that must be said, None where there is none.
    """

    fixed: str
    wording: str
    text: str
    whole: bool
    phrase: str | None


def demand_of(benchmark: Benchmark, item: Item, index: int = 0) -> Demand:
    """Return how an item demands its constraint number `index`.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> bundled = load_benchmark("bundled")
    >>> demand = demand_of(bundled, bundled.item("closed-ended/0000"))
    >>> demand.wording, demand.phrase
    ('en/combination:repeat_prompt/11', 'Thank you for asking:')
    >>> demand.text
    'Say "{prompt_to_repeat}" first and answer after that.'
    """
    constraint = item.constraints[index]
    demanded, whole = _demanded(benchmark, item)
    text = demanded
    for one in item.constraints:
        text = without_values(text, one.kwargs)
    key = wording_key(item)
    return Demand(
        fixed=_fixed(constraint) if key is None else key.fixed,
        wording=text if item.wording is None else item.wording,
        text=text,
        whole=whole and key is None,
        phrase=_phrase(constraint),
    )


def _demanded(benchmark: Benchmark, item: Item) -> tuple[str, bool]:
    """Return the part of the instruction that demands, and whether it is all of it."""
    twin = benchmark.by_id.get(item.twin) if item.twin is not None else None
    if twin is not None and item.instruction.startswith(twin.instruction):
        demanded = item.instruction[len(twin.instruction) :].strip()
    else:
        demanded = item.instruction.partition("\n")[2].strip()
    return (demanded, False) if demanded else (item.instruction.strip(), True)


def without_values(text: str, kwargs: Mapping[str, Any]) -> str:
    """Return a text with the values of kwargs taken out, each replaced by its name in braces.

    Numbers are found in digits and in English words. A value that the text does not state leaves it as it is.

    >>> without_values("Name two things, in at most 40 words.", {"relation": "less than", "num_words": 40})
    'Name two things, in at most {num_words} words.'
    >>> without_values('Use the words "boat" and "Sea".', {"keywords": ["boat", "sea"]})
    'Use the words "{keywords}" and "{keywords}".'
    """
    for name, value in kwargs.items():
        if name.endswith(_RELATION):
            continue
        for one in value if isinstance(value, list | tuple) else (value,):
            text = _without(text, one, f"{{{name}}}")
    return text


def _without(text: str, value: Any, place: str) -> str:
    if isinstance(value, bool):
        return text
    if isinstance(value, int):
        said = [str(value), *(word for word, number in NUMBERS.items() if number == value)]
        return _replaced(text, said, place, r"\w-")
    if not isinstance(value, str) or not value.strip():
        return text
    return _replaced(text, [value], place, r"\w")


def _replaced(text: str, said: list[str], place: str, bound: str) -> str:
    """Replace what stands alone; `bound` are the characters that may not touch it."""
    found = "|".join(map(re.escape, said))
    return re.sub(rf"(?<![{bound}])(?:{found})(?![{bound}])", lambda _: place, text, flags=re.IGNORECASE)


def _fixed(constraint: Constraint) -> str:
    return ", ".join(str(value) for name, value in constraint.kwargs.items() if name.endswith(_RELATION))


def _phrase(constraint: Constraint) -> str | None:
    value = constraint.kwargs.get(PHRASES.get(constraint.id, ""))
    return value if isinstance(value, str) else None
