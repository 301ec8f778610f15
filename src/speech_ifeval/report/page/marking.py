"""Where in a text it shows: the part of an instruction that demands, the parts of a reply that fail.

Why a reply fails is said by its verifier, in words. These marks point at what the words are about, where that has
a place: words in the wrong case, text around the JSON, what stands in a phrase's stead. What is missing has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.constraints import split_thoughts
from speech_ifeval.constraints.json_format import unfenced
from speech_ifeval.records import Constraint, Item
from speech_ifeval.report.page.document import Marks

_MOST = 200  # marks in one reply
_WORD = re.compile(r"\S+")
_BULLET = re.compile(r"^[^\S\n]*+(?:\*(?!\*)|[-•]|\d)", re.MULTILINE)
_AT = re.compile(r"\(char (\d{1,9})\)")
_Found = Iterator[tuple[int, int]]


def demand_span(benchmark: Benchmark, item: Item) -> tuple[int, int] | None:
    """Return which part of an item's instruction demands its constraints; None where it is not set apart.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> example = load_benchmark("example")
    >>> item = example.item("closed-ended/0000")
    >>> start, end = demand_span(example, item)
    >>> item.instruction[start:end]
    'Reply in capitals from the first letter to the last.'
    """
    if not item.constraints:
        return None
    twin = benchmark.by_id.get(item.twin) if item.twin is not None else None
    if twin is not None and item.instruction.startswith(twin.instruction):
        before = len(twin.instruction)
    else:
        before = item.instruction.find("\n")
    demanded = item.instruction[before:] if before >= 0 else ""
    if not demanded.strip():
        return None
    start = before + len(demanded) - len(demanded.lstrip())
    return start, start + len(demanded.strip())


def failure_marks(constraint: Constraint, reply: str, reason: str | None) -> Marks:
    """Return which parts of a reply that fails a constraint show why, as pairs of start and end.

    >>> reply = "THE Answer IS no"
    >>> failure_marks(Constraint("change_case:english_capital"), reply, "not all capitals: Answer, no")
    [(4, 10), (14, 16)]
    """
    find = _FINDERS.get(constraint.id)
    if find is None or not reply.strip():
        return []
    answer = split_thoughts(reply).answer
    if not answer or not reply.endswith(answer):
        return []
    offset = len(reply) - len(answer)
    found: Marks = []
    for start, end in find(answer, constraint.kwargs, reason or ""):
        if end > start:
            found.append((offset + start, offset + end))
        if len(found) == _MOST:
            break
    return found


def joined(marks: Marks) -> Marks:
    """Return marks in order, those that overlap as one.

    >>> joined([(5, 8), (0, 2), (7, 9)])
    [(0, 2), (5, 9)]
    """
    found: Marks = []
    for start, end in sorted(marks):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _lower_words(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    return (word.span() for word in _WORD.finditer(text) if any(map(str.islower, word[0])))


def _upper_words(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    return (word.span() for word in _WORD.finditer(text) if any(map(str.isupper, word[0])))


def _core(text: str) -> tuple[int, int]:
    start = len(text) - len(text.lstrip())
    return start, max(start, len(text.rstrip()))


def _beginning(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    start, end = _core(text)
    yield start, min(end, start + _length(kwargs.get("prompt_to_repeat")))


def _end(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    start, end = _core(text)
    yield max(start, end - _length(kwargs.get("end_phrase"))), end


def _length(phrase: Any) -> int:
    return max(len(phrase.strip()), 1) if isinstance(phrase, str) else 1


def _both_ends(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    start, end = _core(text)
    yield start, start + 1
    yield end - 1, end


def _title(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    opening, closing = text.find("<<"), text.rfind(">>")
    if reason.startswith("text outside") and 0 <= opening < closing:
        yield from _outside(text, opening, closing + 2)
    else:
        yield from _both_ends(text, kwargs, reason)


def _outside(text: str, start: int, end: int) -> _Found:
    first, last = _core(text)
    yield first, start
    yield end, last


def _json(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    inner = unfenced(text)
    offset = text.find(inner)
    at = _AT.search(reason)
    if at is not None:
        place = offset + min(int(at[1]), max(len(inner) - 1, 0))
        yield place, place + 1
    elif reason.startswith("text outside"):
        starts = [found for found in (text.find("{"), text.find("[")) if found >= 0]
        if starts:
            yield from _outside(text, min(starts), max(text.rfind("}"), text.rfind("]")) + 1)
    elif reason.startswith(("lacks", "breaks off")):
        _, end = _core(text)
        yield end - 1, end


def _forbidden(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    words = kwargs.get("forbidden_words")
    plain = [re.escape(word) for word in words if isinstance(word, str)] if isinstance(words, list | tuple) else []
    if plain:
        pattern = rf"(?<!\w)(?:{'|'.join(plain)})(?!\w)"
        yield from (found.span() for found in re.finditer(pattern, text, re.IGNORECASE))


def _commas(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    return (found.span() for found in re.finditer(",", text))


def _bullets(text: str, kwargs: Mapping[str, Any], reason: str) -> _Found:
    return (found.span() for found in _BULLET.finditer(text))


_FINDERS: Mapping[str, Callable[[str, Mapping[str, Any], str], _Found]] = {
    "change_case:english_capital": _lower_words,
    "change_case:english_lowercase": _upper_words,
    "combination:repeat_prompt": _beginning,
    "startend:end_checker": _end,
    "startend:quotation": _both_ends,
    "detectable_format:title": _title,
    "detectable_format:json_format": _json,
    "detectable_format:number_bullet_lists": _bullets,
    "keywords:forbidden_words": _forbidden,
    "punctuation:no_comma": _commas,
}
