"""Models by name: ``scheme:target`` and the arguments of its adapter.

An adapter is one function in one file of `speech_ifeval.models.adapters`, found by its place; packages outside the
project register theirs through the entry-point group ``speech_ifeval.models`` (the value names a module). The
function takes the target and returns a `Model`; its keyword-only parameters are the schema of ``--model-args``;
``**arguments``, where it has them, take whatever else is given. A parameter named `benchmark` is not an argument:
it gets the benchmark that is run.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.models.interface import Model
from speech_ifeval.models.needs import Needs

ENTRY_POINT_GROUP = "speech_ifeval.models"
_CONTEXT = "benchmark"
_ADDRESSES = ("http://", "https://")
_NO_NUMBERS = ("nan", "inf", "infinity")

Open = Callable[..., Model]
Need = Callable[..., Needs]
Look = Callable[..., object]


@dataclass(frozen=True)
class Argument:
    """One keyword of an adapter: name, type and default; `inspect.Parameter.empty` where it has none."""

    name: str
    kind: Any
    default: Any

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True)
class Adapter:
    """A way to reach models: what `speech-ifeval models` lists.

    Attributes:
        scheme: what stands before the colon of a model's name.
        target: what stands behind it, in words.
        summary: the first sentence of the function's docstring.
        extra: the optional dependencies it needs, None for none.
        arguments: its keywords.
        others: whether it takes other keywords too, which only the model knows.
        open: makes the model.
        needs: says what it must have fetched before it can work without network; None for nothing.
        look: raises what opening would, as far as that can be known without loading; None where it cannot.
    """

    scheme: str
    target: str
    summary: str
    extra: str | None
    arguments: tuple[Argument, ...]
    others: bool
    open: Open
    needs: Need | None = None
    look: Look | None = None


_ADAPTERS: dict[str, Adapter] = {}


def adapter(
    scheme: str,
    *,
    target: str,
    extra: str | None = None,
    needs: Need | None = None,
    look: Look | None = None,
) -> Callable[[Open], Open]:
    """Register the decorated function as the adapter of `scheme`.

    Args:
        scheme: what stands before the colon.
        target: what stands behind it, in words, for the help.
        extra: the extra of this package that installs what it needs.
        needs: called with the target and the arguments that are given; returns what is to be fetched beforehand.
        look: called with the same; raises what opening would, and loads no weights.

    Raises:
        UsageError: the scheme is taken.

    >>> from speech_ifeval.models import Model, Response
    >>> class Echo(Model):
    ...     name = "echo"
    ...     def answer(self, requests):
    ...         return (Response(request.id, request.text) for request in requests)
    >>> @adapter("echo", target="anything")
    ... def echo(target: str, *, loud: bool = False) -> Model:
    ...     "Says what it is told."
    ...     return Echo()
    >>> open_model("echo:x", {"loud": "true"}).name
    'echo'
    """

    def register(function: Open) -> Open:
        if scheme in _ADAPTERS and _ADAPTERS[scheme].open.__module__ != function.__module__:
            raise UsageError(f"the adapter {scheme!r} is registered twice; rename one")
        _ADAPTERS[scheme] = Adapter(
            scheme=scheme,
            target=target,
            summary=inspect.cleandoc(function.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            extra=extra,
            arguments=_arguments(function),
            others=any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values()),
            open=function,
            needs=needs,
            look=look,
        )
        return function

    return register


def all_adapters() -> list[Adapter]:
    """Return every adapter there is, by name.

    >>> [one.scheme for one in all_adapters()][:3]
    ['cascade', 'hf', 'lab']
    """
    _load_all()
    return [_ADAPTERS[scheme] for scheme in sorted(_ADAPTERS)]


def open_model(
    spec: str, arguments: Mapping[str, Any] | None = None, *, benchmark: Benchmark | None = None
) -> Model:
    """Make the model that a specification names.

    Args:
        spec: ``scheme:target``, such as ``hf:Qwen/Qwen2-Audio-7B-Instruct``.
        arguments: the adapter's keywords; texts are converted to the types it declares.
        benchmark: the benchmark that will be run, for adapters that look into it.

    Raises:
        UsageError: no such adapter, an unknown or missing argument, or a value that does not fit.
        MissingExtraError: an optional package is needed.

    >>> open_model("hff:gpt2")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no adapter 'hff' in 'hff:gpt2': expected cascade, hf, lab, openai, py, \
replay or worker before the colon; did you mean hf?
    """
    found, target = find_adapter(spec)
    given = _converted(found, spec, arguments or {})
    if _CONTEXT in inspect.signature(found.open).parameters:
        given[_CONTEXT] = benchmark
    return found.open(target, **given)


def needs_of(spec: str, arguments: Mapping[str, Any] | None = None) -> Needs:
    """Return what must be fetched for a model before it can answer without network.

    Raises:
        UsageError: as `check_arguments`.

    >>> [one.target for one in needs_of("hf:gpt2", {"dtype": "float32"}).snapshots]
    ['gpt2']
    >>> needs_of("lab:backbone").snapshots
    ()
    """
    found, target = find_adapter(spec)
    given = _converted(found, spec, arguments or {})
    return Needs() if found.needs is None else found.needs(target, **given)


def look_at(spec: str, arguments: Mapping[str, Any] | None = None) -> None:
    """Find out whether a model that is to be opened later can be, as far as that is cheap.

    Raises:
        UsageError: as `check_arguments`.
        SpeechIFEvalError: what the adapter would raise: no such folder or repository, no processor, no key.

    >>> look_at("lab:nobody")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: lab:nobody: expected one of backbone, corpus-style, self-aligned
    """
    found, target = find_adapter(spec)
    given = _converted(found, spec, arguments or {})
    if found.look is not None:
        found.look(target, **given)


def find_adapter(spec: str) -> tuple[Adapter, str]:
    """Return the adapter that a specification names, and what it is to open.

    Raises:
        UsageError: no such adapter, or nothing behind the colon.
    """
    _load_all()
    scheme, colon, target = spec.partition(":")
    found = _ADAPTERS.get(scheme) if colon else None
    if found is None:
        names = sorted(_ADAPTERS)
        near = difflib.get_close_matches(scheme, names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        if not colon:
            hint = (
                f"; hf:{spec} names a checkpoint, replay:{spec} a run's recorded responses, py:FILE.py:FUNCTION a "
                "function of your own"
            )
        raise UsageError(
            f"no adapter {scheme!r} in {spec!r}: expected {', '.join(names[:-1])} or {names[-1]} before the "
            f"colon{hint}"
        )
    if not target:
        raise UsageError(f"{spec!r} names no model: expected {scheme}:{found.target}")
    return found, target


def check_arguments(spec: str, arguments: Mapping[str, Any]) -> None:
    """Find what is wrong with a specification and its arguments before anything is loaded.

    Raises:
        UsageError: no such adapter, or an argument that is unknown, missing or does not fit.

    >>> check_arguments("replay:runs/one", {"dtype": "float32"})
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: replay takes no argument 'dtype' (replay:runs/one): it takes none
    """
    _converted(find_adapter(spec)[0], spec, arguments)


def accepts(spec: str, argument: str) -> bool:
    """Whether the adapter of this specification takes the argument, or leaves it to the model to say.

    >>> accepts("hf:gpt2", "device"), accepts("replay:runs/one", "device")
    (True, False)
    """
    found = find_adapter(spec)[0]
    return found.others or any(one.name == argument for one in found.arguments)


def parse_arguments(text: str) -> dict[str, Any]:
    """Read ``k=v,k2=v2``, a value that holds a comma in double quotes; or a JSON object.

    Addresses need no quotes: one that stands where a key should belongs to the addresses before it.

    Raises:
        UsageError: a part without ``=``, a key named twice, or JSON that is none.

    >>> parse_arguments('dtype=float32,adapter="a,b"')
    {'dtype': 'float32', 'adapter': 'a,b'}
    >>> parse_arguments("base_url=http://a:8000/v1,http://b:8000/v1,concurrency=32")
    {'base_url': 'http://a:8000/v1,http://b:8000/v1', 'concurrency': '32'}
    >>> parse_arguments('{"lora_scale": 0.5}')
    {'lora_scale': 0.5}
    """
    if text.lstrip().startswith("{"):
        try:
            return dict(msgspec.json.decode(text, type=dict[str, Any]))
        except msgspec.MsgspecError as error:
            raise UsageError(f"expected arguments as a JSON object, found {text!r} ({error})") from None
    found: dict[str, Any] = {}
    key = ""
    for part in re.findall(r'(?:[^,"]|"[^"]*")+', text):
        name, equals, value = part.partition("=")
        if not equals and part.strip().startswith(_ADDRESSES) and found.get(key, "").startswith(_ADDRESSES):
            found[key] += f",{part.strip()}"
            continue
        key = name.strip().replace("-", "_")
        if not equals or not key:
            raise UsageError(f"expected arguments as k=v,k2=v2, found {part.strip()!r} in {text!r}")
        if key in found:
            raise UsageError(f"the argument {key!r} is given twice in {text!r}; give it once")
        found[key] = value.strip().replace('"', "")
    return found


def _converted(found: Adapter, spec: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    known = {one.name: one for one in found.arguments}
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        argument = known.get(name)
        if argument is None and found.others:
            given[name] = value
            continue
        if argument is None:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            names = ", ".join(sorted(known)) or "none"
            raise UsageError(f"{found.scheme} takes no argument {name!r} ({spec}): it takes {names}{hint}")
        if str(value).strip().lower().lstrip("+-") in _NO_NUMBERS:
            raise UsageError(f"the argument {name} of {spec}: expected a number that is one, found {value!r}")
        try:
            given[name] = msgspec.convert(value, argument.kind, strict=False, dec_hook=_path)
        except msgspec.ValidationError as error:
            raise UsageError(f"the argument {name} of {spec}: {error}, found {value!r}; correct it") from None
    missing = [one.name for one in found.arguments if one.required and one.name not in given]
    if missing:
        raise UsageError(f"{spec} needs the argument {missing[0]}; give --model-args {missing[0]}=…")
    return given


def _path(kind: Any, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"arguments of the type {kind}")


def _arguments(function: Open) -> tuple[Argument, ...]:
    kinds = typing.get_type_hints(function)
    return tuple(
        Argument(parameter.name, kinds[parameter.name], parameter.default)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.name != _CONTEXT
    )


@cache
def _load_all() -> None:
    package = importlib.import_module("speech_ifeval.models.adapters")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        point.load()
