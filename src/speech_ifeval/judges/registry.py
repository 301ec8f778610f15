"""Judges by name: ``scheme:target`` and the arguments of its kind.

A kind is one function in one file of `speech_ifeval.judges.kinds`, found by its place; packages outside the
project register theirs through the entry-point group ``speech_ifeval.judges`` (the value names a module). The
function takes the target and a `Setup`; its keyword-only parameters are the schema of ``--judge-args``.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.judges.criteria import Rubric, load_rubrics
from speech_ifeval.judges.interface import Judge

ENTRY_POINT_GROUP = "speech_ifeval.judges"


@dataclass(frozen=True)
class Setup:
    """What every judge is given.

    Attributes:
        benchmark: what is judged.
        rubrics: what a judge is told, by use.
        repeats: how often each verdict is asked for.
        cache: the folder that replies are kept in; None for the user's cache folder.
    """

    benchmark: Benchmark
    rubrics: Mapping[str, Rubric] = field(default_factory=load_rubrics)
    repeats: int = 1
    cache: Path | None = None


Open = Callable[..., Judge]


@dataclass(frozen=True)
class Kind:
    """A way to judge: what stands before the colon, what may behind it, and what does if nothing is given.

    `by_rubric` says that rubrics and repeats mean something to it.
    """

    scheme: str
    target: str | None
    default: str | None
    by_rubric: bool
    open: Open


_KINDS: dict[str, Kind] = {}


def judge_kind(
    scheme: str, *, target: str | None = None, default: str | None = None, by_rubric: bool = False
) -> Callable[[Open], Open]:
    """Register the decorated function as what opens judges of `scheme`.

    Args:
        scheme: what stands before the colon.
        target: what stands behind it, in words; None where nothing does.
        default: what is opened where nothing stands behind it; None where something must.
        by_rubric: whether rubrics and repeats mean something to it.

    Raises:
        UsageError: the scheme is taken.
    """

    def register(function: Open) -> Open:
        if scheme in _KINDS and _KINDS[scheme].open.__module__ != function.__module__:
            raise UsageError(f"the judge {scheme!r} is registered twice; rename one")
        _KINDS[scheme] = Kind(scheme, target, default, by_rubric, function)
        return function

    return register


def all_kinds() -> list[Kind]:
    """Return every kind of judge there is, by name.

    >>> [kind.scheme for kind in all_kinds()]
    ['heuristic', 'openai', 'replay']
    """
    _load_all()
    return [_KINDS[scheme] for scheme in sorted(_KINDS)]


def find_kind(spec: str) -> tuple[Kind, str]:
    """Return the kind of judge that a specification names, and what it is to open.

    Raises:
        UsageError: no such kind, or nothing behind the colon where something must be.

    >>> find_kind("openai")[1]
    'gpt-4o-2024-11-20'
    """
    _load_all()
    scheme, colon, target = spec.partition(":")
    found = _KINDS.get(scheme)
    if found is None:
        names = ["none", *(_written(kind) for kind in all_kinds())]
        near = difflib.get_close_matches(scheme, _KINDS, 1)
        hint = f"; did you mean {_written(_KINDS[near[0]])}?" if near else f"; openai:{spec} names a model"
        raise UsageError(f"--judge takes {', '.join(names[:-1])} or {names[-1]}, found {spec!r}{hint}")
    if (target and found.target is None) or not (target or found.target is None or found.default is not None):
        raise UsageError(f"--judge takes {_written(found)}, found {spec!r}")
    if colon and not target:
        raise UsageError(f"--judge takes {_written(found)}, found {spec!r}")
    return found, target or found.default or ""


def open_judge(spec: str, setup: Setup, arguments: Mapping[str, Any] | None = None) -> Judge:
    """Make the judge that a specification names.

    Raises:
        UsageError: no such kind, an unknown argument, or a value that does not fit.
        MissingExtraError: an optional package is needed.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> open_judge("heuristic", Setup(load_benchmark("example"))).label
    'heuristic-1'
    """
    kind, target = find_kind(spec)
    if not kind.by_rubric and setup.repeats > 1:
        raise UsageError(f"--judge-repeats goes with a judge that is asked, not with {spec}; leave it out")
    types = typing.get_type_hints(kind.open)
    known = [
        name
        for name, parameter in inspect.signature(kind.open).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    given: dict[str, Any] = {}
    for name, value in (arguments or {}).items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"{kind.scheme} takes no argument {name!r}: it takes {', '.join(sorted(known)) or 'none'}{hint}"
            )
        try:
            given[name] = msgspec.convert(value, types[name], strict=False)
        except msgspec.ValidationError as error:
            raise UsageError(f"the argument {name} of {spec}: {error}, found {value!r}; correct it") from None
    return kind.open(target, setup, **given)


def _written(kind: Kind) -> str:
    if kind.target is None:
        return kind.scheme
    return f"{kind.scheme}[:{kind.target}]" if kind.default is not None else f"{kind.scheme}:{kind.target}"


@cache
def _load_all() -> None:
    package = importlib.import_module("speech_ifeval.judges.kinds")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        point.load()
