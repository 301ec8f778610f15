"""What data sets of trainers say of constraints: columns of ids and kwargs, or one text with both."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from speech_ifeval.errors import UsageError
from speech_ifeval.records import Constraint

IDS, KWARGS = "instruction_id_list", "kwargs"
_OTHER_IDS = "instruction_id"  # as open-instruct's own data names the ids
_SHOWN = 80

Asked = tuple[Constraint, ...]


def asked_in_columns(place: str, ids: Any, kwargs: Any) -> Asked:
    """Return the constraints of one row; none where it has no ids.

    Args:
        place: what messages call the row.
        ids: a list of constraint ids, or None.
        kwargs: as many mappings, JSON texts of mappings, or None; or None for no kwargs at all. A kwarg that is
            None is taken as absent: tables fill missing ones that way.

    Raises:
        UsageError: they are something else, or do not fit each other.

    >>> asked_in_columns("row 0", ["detectable_format:number_bullet_lists"], ['{"num_bullets": 3, "word": null}'])
    (Constraint(id='detectable_format:number_bullet_lists', kwargs={'num_bullets': 3}),)
    """
    ids, kwargs = _plain(ids), _plain(kwargs)
    if ids is None:
        return ()
    if not isinstance(ids, list | tuple) or not all(isinstance(id, str) for id in ids):
        raise UsageError(f"{place}: {IDS} must be a list of constraint ids, found {_shown(ids)}; correct it")
    if kwargs is None:
        kwargs = [None] * len(ids)
    if not isinstance(kwargs, list | tuple) or len(kwargs) != len(ids):
        raise UsageError(
            f"{place}: {KWARGS} must be a list of {len(ids)}, one a constraint, found {_shown(kwargs)}; correct it"
        )
    if all(isinstance(one, str) for one in kwargs):  # as we write it, and the same for all generations of a prompt
        return _remembered(place, tuple(ids), tuple(kwargs))
    return tuple(Constraint(id, _kwargs(place, one)) for id, one in zip(ids, kwargs, strict=True))


def _remembered(place: str, ids: tuple[str, ...], kwargs: tuple[str, ...]) -> Asked:
    try:
        return _of_texts(ids, kwargs)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None


@lru_cache(maxsize=4096)
def _of_texts(ids: tuple[str, ...], kwargs: tuple[str, ...]) -> Asked:
    return tuple(Constraint(id, _kwargs("", one)) for id, one in zip(ids, kwargs, strict=True))


def _kwargs(place: str, given: Any) -> dict[str, Any]:
    given = _plain(given)
    if isinstance(given, str):
        with suppress(ValueError, RecursionError):  # said below, as of any other value
            given = json.loads(given)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        where = f"{place}: " if place else ""
        raise UsageError(
            f"{where}the {KWARGS} of a constraint must be a mapping, or one as JSON, found {_shown(given)}; "
            "correct it"
        )
    return {str(name): _plain(value) for name, value in given.items() if value is not None}


def asked_in_label(label: Any) -> Asked:
    """Return the constraints of what verl calls a ground truth and open-instruct a label; none where it has none.

    Args:
        label: a mapping of ``instruction_id_list`` (or ``instruction_id``) and ``kwargs``; or a list of one such
            mapping; or either as JSON, or as Python writes it, which is how open-instruct's data have it.

    Raises:
        UsageError: it is something else.

    >>> asked_in_label('{"instruction_id_list": ["startend:quotation"], "kwargs": ["{}"]}')
    (Constraint(id='startend:quotation', kwargs={}),)
    >>> asked_in_label("[{'instruction_id': ['startend:quotation'], 'kwargs': [None]}]")
    (Constraint(id='startend:quotation', kwargs={}),)
    """
    return _of_text(label) if isinstance(label, str) else _of_value(label, label)


@lru_cache(maxsize=4096)
def _of_text(label: str) -> Asked:
    return _of_value(_read(label), label)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _of_value(value: Any, label: Any) -> Asked:
    value = _plain(value)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        value = _read(value)
    names = [name for name in (IDS, _OTHER_IDS) if isinstance(value, Mapping) and name in value]
    if not names or KWARGS not in value:
        raise UsageError(
            f'the ground truth must be a mapping such as {{"{IDS}": ["startend:quotation"], "{KWARGS}": ["{{}}"]}}'
            f", or one as text, found {_shown(label)}; make the data set with "
            "speech_ifeval.integrations.reward_data"
        )
    return asked_in_columns("the ground truth", value[names[0]], value[KWARGS])


def _plain(value: Any) -> Any:
    """Return arrays, as tables of numpy and Arrow hold them, as lists."""
    return value.tolist() if hasattr(value, "tolist") else value


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
