"""How a claim is put: what was checked, on how much, and each contradiction, of which the first are kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from speech_ifeval.results import Claim, Contradiction
from speech_ifeval.results.verification import SHOWN_CONTRADICTIONS

_LONGEST = 200  # characters of a value that are shown
_CLOSE = 1e-9  # figures of two machines differ in the last digits, not in these
_ABSENT = object()


def claim(name: str, detail: str, contradictions: Iterable[Contradiction] = (), *, checked: bool = True) -> Claim:
    """Return a claim that holds unless something contradicts it; None for one that was not checked."""
    found = iter(contradictions)
    shown = tuple(islice(found, SHOWN_CONTRADICTIONS))
    count = len(shown) + sum(1 for _ in found)
    return Claim(name, False if count else True if checked else None, detail, count, shown)


def contradiction(item: str, expected: Any, found: Any) -> Contradiction:
    """Return what is expected beside what is found, neither of them longer than a line."""
    return Contradiction(_short(item), _short(expected), _short(found))


def differences(place: str, expected: Any, found: Any, *, close: bool = True) -> Iterator[Contradiction]:
    """Yield where two JSON values differ, down to the field; figures may differ in the tenth digit."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name in sorted({*expected, *found}):
            both = expected.get(name, _ABSENT), found.get(name, _ABSENT)
            yield from differences(f"{place}.{name}" if place else str(name), *both, close=close)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, both in enumerate(zip(expected, found, strict=True)):
            yield from differences(f"{place}[{index}]", *both, close=close)
    elif not _same(expected, found, close=close):
        yield contradiction(place, expected, found)


def plain(record: Any) -> Any:
    """Return a record as the JSON values that it is written in."""
    return msgspec.to_builtins(record)


def _same(expected: Any, found: Any, *, close: bool) -> bool:
    if isinstance(expected, bool) or isinstance(found, bool):
        return expected is found
    numbers = isinstance(expected, int | float) and isinstance(found, int | float)
    if numbers and close and isinstance(expected, float) | isinstance(found, float):
        return math.isclose(expected, found, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return type(expected) is type(found) and bool(expected == found)


def _short(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
