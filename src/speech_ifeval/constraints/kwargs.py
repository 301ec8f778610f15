"""The kwargs of a constraint: read from the verifier's signature, checked when it is compiled."""

from __future__ import annotations

import difflib
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from speech_ifeval.errors import ConstraintError


@dataclass(frozen=True)
class Kind:
    """What a value must be: a phrase for people, and the test that decides."""

    expected: str
    accepts: Callable[[Any], bool]


# A larger threshold is an accident, and too much for the regular expressions that count up to it.
MOST = 10**9
_SHOWN = 80  # characters of a wrong value quoted in a message


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST


def _is_phrase(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_phrases(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_phrase, value))


Count = Annotated[int, Kind(f"a whole number, 0 or more and at most {MOST}", _is_count)]
Position = Annotated[
    int,
    Kind(f"a whole number, 1 or more and at most {MOST}", lambda value: _is_count(value) and value > 0),
]
Phrase = Annotated[str, Kind("a text that is not empty", _is_phrase)]
Phrases = Annotated[tuple[str, ...], Kind("a list of texts, none of them empty", _is_phrases)]
Letter = Annotated[
    str, Kind("a single character", lambda value: isinstance(value, str) and len(value.strip()) == 1)
]
Relation = Literal["less than", "at least"]

_PLAIN = {
    int: Kind("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    str: Kind("a text", lambda value: isinstance(value, str)),
    bool: Kind("true or false", lambda value: isinstance(value, bool)),
    float: Kind("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}


@dataclass(frozen=True)
class Field:
    """One kwarg: its name, what it must be, and whether it may be left out."""

    name: str
    kind: Kind
    required: bool


def schema_of(function: Callable[..., Any]) -> tuple[Field, ...]:
    """Read the kwargs' schema off a verifier's keyword-only parameters.

    >>> def bullets(text: str, *, num_bullets: Count) -> bool: ...
    >>> [(field.name, field.kind.expected) for field in schema_of(bullets)]
    [('num_bullets', 'a whole number, 0 or more and at most 1000000000')]
    """
    hints = typing.get_type_hints(function, include_extras=True)
    fields = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "text":
            continue
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or parameter.name not in hints:
            raise ConstraintError(
                f"{function.__module__}.{function.__qualname__}: the parameter {parameter.name} must be "
                "keyword-only and annotated, because the signature is the schema of the kwargs"
            )
        kind = _kind_of(function, parameter.name, hints[parameter.name])
        fields.append(Field(parameter.name, kind, parameter.default is inspect.Parameter.empty))
    return tuple(fields)


def _kind_of(function: Callable[..., Any], name: str, hint: Any) -> Kind:
    if typing.get_origin(hint) is Annotated:
        for extra in typing.get_args(hint)[1:]:
            if isinstance(extra, Kind):
                return extra
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        return Kind(" or ".join(map(repr, choices)), lambda value: value in choices)
    if hint in _PLAIN:
        return _PLAIN[hint]
    raise ConstraintError(
        f"{function.__module__}.{function.__qualname__}: {name} is annotated {hint!r}; use int, str, bool, "
        "float, a Literal, or a type of speech_ifeval.constraints.kwargs"
    )


def validate(id: str, fields: tuple[Field, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kwargs in the schema's order, lists as tuples.

    Raises:
        ConstraintError: a kwarg is unknown, missing, or not what it must be.
    """
    if not isinstance(given, Mapping):
        raise ConstraintError(f"{id}: the kwargs must be a mapping, found {_shown(given)}")
    known = {field.name for field in fields}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            takes = ", ".join(sorted(known)) or "no kwargs"
            hint = f"did you mean {near[0]}?" if near else f"it takes {takes}"
            raise ConstraintError(f"{id}: unknown kwarg {name!r}; {hint}")
    values: dict[str, Any] = {}
    for field in fields:
        if field.name not in given:
            if field.required:
                raise ConstraintError(
                    f"{id}: the kwarg {field.name!r} is missing; it must be {field.kind.expected}"
                )
            continue
        value = given[field.name]
        try:
            accepted = field.kind.accepts(value)
        except TypeError:  # an unhashable value compared with choices
            accepted = False
        if not accepted:
            raise ConstraintError(f"{id}: {field.name} must be {field.kind.expected}, found {_shown(value)}")
        values[field.name] = tuple(value) if isinstance(value, list) else value
    return values


def _shown(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python writes no integer that long
        return f"an integer of more than {sys.get_int_max_str_digits()} digits"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
