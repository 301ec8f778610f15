"""Constraints that are compiled once a process: rows, and rewards, ask for the same ones again and again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from speech_ifeval.constraints.registry import Compiled, compile_from


@lru_cache(maxsize=4096)
def _remembered(id: str, rules: str, loose: bool, kwargs: tuple[tuple[str, type, Any], ...]) -> Compiled:
    return compile_from(id, {name: value for name, _, value in kwargs}, rules, loose)


def compiled(id: str, kwargs: Mapping[str, Any], rules: str, loose: bool) -> Compiled:
    """Compile, remembering the last 4,096 constraints: rows repeat them, and memory must not grow with rows.

    Raises:
        ConstraintError: the id or its kwargs are wrong.

    >>> one, other = (compiled("startend:quotation", {}, "official", False) for _ in range(2))
    >>> one is other
    True
    """
    try:
        # The types are part of the key, because 1, 1.0 and True are equal and not the same.
        key = tuple(
            (name, type(value), tuple(value) if isinstance(value, list) else value)
            for name, value in kwargs.items()
        )
        return _remembered(id, rules, loose, key)
    except (AttributeError, TypeError):  # what is no mapping or cannot be remembered: seldom, and mostly wrong
        return compile_from(id, kwargs, rules, loose)
