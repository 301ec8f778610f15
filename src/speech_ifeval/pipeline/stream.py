"""Verdicts for rows that carry their constraints themselves, one after the other, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from speech_ifeval.constraints import Compiled, split_thoughts
from speech_ifeval.constraints.remembering import compiled
from speech_ifeval.errors import ConstraintError, DataError


def score_stream(
    rows: Iterable[Mapping[str, Any]], *, rules: str = "official", loose: bool = False
) -> Iterator[list[bool | None]]:
    """Yield, for each row, whether its response follows each of its constraints.

    Args:
        rows: mappings with ``response`` (a text, or None for none), ``instruction_id_list`` and ``kwargs``
            (one mapping an id), as the published files and IFEval have them. Kwargs that are None are taken
            as absent: tables fill missing columns that way.
        rules: the rule set.
        loose: IFEval's loose pass.

    Yields:
        one list a row, one entry a constraint; None where there is no response.

    Raises:
        DataError: a row lacks one of the three keys, or they do not fit; names the row, counted from 1.

    A ``<think>…</think>`` that leads the response is split off first. Memory does not grow with the rows.

    >>> row = {"response": "* one", "instruction_id_list": ["detectable_format:number_bullet_lists"],
    ...        "kwargs": [{"num_bullets": 1}]}
    >>> list(score_stream([row, {**row, "response": None}]))
    [[True], [None]]
    """
    for number, row in enumerate(rows, start=1):
        asked = list(_constraints(number, row, rules, loose))
        response = row["response"]
        if response is None:
            yield [None] * len(asked)
        elif isinstance(response, str):
            answer = split_thoughts(response).answer
            yield [one.check(answer) for one in asked]
        else:
            raise DataError(f"row {number}: response must be a text or None, found {response!r:.60}")


def _constraints(number: int, row: Mapping[str, Any], rules: str, loose: bool) -> Iterator[Compiled]:
    if not isinstance(row, Mapping):
        raise DataError(f"row {number}: expected a mapping, found {row!r:.60}")
    try:
        ids, kwargs_list = row["instruction_id_list"], row["kwargs"]
        row["response"]
    except KeyError as missing:
        raise DataError(f"row {number}: the key {missing} is missing; a row carries its own constraints") from None
    if (
        not isinstance(ids, list | tuple)
        or not isinstance(kwargs_list, list | tuple)
        or len(ids) != len(kwargs_list)
    ):
        raise DataError(f"row {number}: instruction_id_list and kwargs must be lists of the same length")
    for id, kwargs in zip(ids, kwargs_list, strict=True):
        if isinstance(kwargs, Mapping):
            kwargs = {name: value for name, value in kwargs.items() if value is not None}
        try:
            yield compiled(id, {} if kwargs is None else kwargs, rules, loose)
        except ConstraintError as error:
            raise DataError(f"row {number}: {error}") from error
