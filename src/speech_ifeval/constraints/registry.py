"""The register of verifiers, and how one is compiled.

A verifier is one function in one file of this package, found by its place; packages outside the project
register theirs through the entry-point group ``speech_ifeval.constraints`` (the value names a module).
The function's signature *is* the schema of its kwargs. Two forms are accepted.

The plain form takes the text and answers::

    @constraint("acme:shout", code="CC")
    def shout(text: str, *, marks: Count) -> bool:
        "The reply ends with at least `marks` exclamation marks."
        return text.endswith("!" * marks)

The prepared form takes the kwargs only and returns a `Verifier`, so that everything that depends on the
kwargs alone is done once. The project's own verifiers use it: they are also rewards, called millions of times.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from speech_ifeval.constraints.kwargs import Field, schema_of, validate
from speech_ifeval.constraints.loose import loosened
from speech_ifeval.constraints.scripts import SCRIPTS
from speech_ifeval.errors import ConstraintError

RULE_SETS = ("official", "careful", "ifeval")
ENTRY_POINT_GROUP = "speech_ifeval.constraints"
EMPTY_REPLY = "the reply is empty"

Check = Callable[[str], bool]


class Miss(NamedTuple):
    """Why a text does not follow: the reason in words, and the kind of near miss where there is one."""

    reason: str
    near_miss: str | None = None


class Verifier(NamedTuple):
    """What a prepared verifier returns: `check` decides; `why` is asked only about texts `check` refused."""

    check: Check
    why: Callable[[str], Miss]


class Explanation(NamedTuple):
    """A verdict with its grounds.

    `followed` is what `check` returns. `reason` says in words what was expected and found, and is empty
    where the constraint is followed. `near_miss` is a short, stable label such as ``unclosed-json`` where
    the text misses the constraint by a known hair, else None.

    >>> compile("detectable_format:json_format").explain('{"a": 1')
    Explanation(followed=False, reason='lacks only the closing }', near_miss='unclosed-json')
    """

    followed: bool
    reason: str
    near_miss: str | None


@dataclass(frozen=True)
class Definition:
    """One registered verifier: what `speech-ifeval constraints` lists."""

    id: str
    code: str | None
    rules: tuple[str, ...]
    version: int
    fields: tuple[Field, ...]
    summary: str
    prepare: Callable[..., Verifier]
    scripts: tuple[str, ...] | None = None


_DEFINITIONS: dict[tuple[str, str], Definition] = {}


def constraint(
    id: str,
    *,
    code: str | None = None,
    rules: Iterable[str] = RULE_SETS,
    version: int = 1,
    scripts: Iterable[str] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the verifier of `id` in the given rule sets.

    Args:
        id: ``family:name``.
        code: the constraint code it counts under (CC SE WR JS BP KW LN), None if it has none.
        rules: the rule sets in which this function decides.
        version: raised by one whenever a verdict changes; part of every signature.
        scripts: the scripts whose texts it can judge, by the names of `speech_ifeval.constraints.scripts`; None
            for any. No verdict depends on it: benchmarks are not built in others.

    Raises:
        ConstraintError: the id is taken in one of the rule sets, the signature is no schema, or there is no such
            script.

    >>> @constraint("example:shout", code=None)
    ... def shout(text: str, *, marks: int) -> bool:
    ...     "The reply ends with at least `marks` exclamation marks."
    ...     return text.endswith("!" * marks)
    >>> compile("example:shout", marks=2).check("Stop!!")
    True
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        takes_text = "text" in inspect.signature(function).parameters
        definition = Definition(
            id=id,
            code=code,
            rules=tuple(rules),
            version=version,
            fields=schema_of(function),
            summary=inspect.cleandoc(function.__doc__ or "").split("\n\n")[0].replace("\n", " "),
            prepare=_prepared(function) if takes_text else function,
            scripts=None if scripts is None else tuple(scripts),
        )
        unknown = [script for script in definition.scripts or () if script not in SCRIPTS]
        if unknown:
            raise ConstraintError(f"{id}: unknown script {unknown[0]!r}: expected one of {', '.join(SCRIPTS)}")
        for rule_set in definition.rules:
            taken = _DEFINITIONS.get((id, rule_set))
            if taken is not None and taken.prepare.__module__ != function.__module__:
                raise ConstraintError(
                    f"{id} is registered twice in the rule set {rule_set}: "
                    f"by {taken.prepare.__module__} and by {function.__module__}"
                )
            _DEFINITIONS[id, rule_set] = definition
        return function

    return register


def _prepared(function: Callable[..., bool]) -> Callable[..., Verifier]:
    """Turn the plain form `(text, *, kwargs) -> bool` into the prepared one."""
    summary = inspect.cleandoc(function.__doc__ or function.__name__).split("\n\n")[0]

    def prepare(**kwargs: Any) -> Verifier:
        return Verifier(lambda text: function(text, **kwargs), lambda text: Miss(f"does not hold: {summary}"))

    prepare.__module__ = function.__module__
    return prepare


def _refusing_blank(check: Check) -> Check:
    # In every rule set an empty or white-space reply never follows; no verifier has to remember it.
    return lambda text: not text.isspace() and text != "" and check(text)


class Compiled:
    """One constraint, ready to check texts: immutable, picklable, safe to share between threads.

    Made by `compile`. `check(text) -> bool` is linear in the text and never raises on any `str`.

    >>> quoted = compile("startend:quotation")
    >>> quoted.check('"Hello."'), quoted.check_many(['"a"', "b"])
    (True, [True, False])
    >>> quoted.explain("Hello.").reason
    'begins with H instead of "'
    """

    __slots__ = ("_verifier", "check", "code", "id", "kwargs", "loose", "rules", "version")

    id: str
    rules: str
    code: str | None
    version: int
    loose: bool
    kwargs: Mapping[str, Any]
    check: Check
    _verifier: Verifier

    def __init__(self, definition: Definition, rules: str, kwargs: dict[str, Any], loose: bool) -> None:
        verifier = definition.prepare(**kwargs)
        set_once = object.__setattr__
        set_once(self, "id", definition.id)
        set_once(self, "rules", rules)
        set_once(self, "code", definition.code)
        set_once(self, "version", definition.version)
        set_once(self, "loose", loose)
        set_once(self, "kwargs", MappingProxyType(kwargs))
        set_once(self, "_verifier", verifier)
        check = _refusing_blank(verifier.check)
        set_once(self, "check", loosened(check) if loose else check)

    def check_many(self, texts: Iterable[str]) -> list[bool]:
        """Check each text; the answers come in the order of the texts.

        Raises:
            TypeError: one text in place of several.
        """
        if isinstance(texts, str):
            raise TypeError("check_many takes several texts, found one; use check")
        return list(map(self.check, texts))

    def explain(self, text: str) -> Explanation:
        """Decide as `check` does, and say why the text fails and what it nearly was."""
        if self.check(text):
            return Explanation(True, "", None)
        if not text or text.isspace():
            return Explanation(False, EMPTY_REPLY, None)
        return Explanation(False, *self._verifier.why(text))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a compiled constraint is immutable; compile another one to change {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a compiled constraint is immutable; {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return (compile_from, (self.id, dict(self.kwargs), self.rules, self.loose))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compiled) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Any, ...]:
        return (self.id, self.rules, self.loose, tuple(sorted(self.kwargs.items())))

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.kwargs.items())
        loose = ", loose=True" if self.loose else ""
        return f"compile({self.id!r}, rules={self.rules!r}{loose}{given})"


def compile(id: str, /, *, rules: str = "official", loose: bool = False, **kwargs: Any) -> Compiled:
    """Validate a constraint and return it ready to check; everything that can be wrong is wrong here.

    Args:
        id: one of the ids `definitions` lists, such as ``detectable_format:number_bullet_lists``.
        rules: ``official`` (the published Speech-IFEval verdicts), ``careful`` (what the instruction's text
            says) or ``ifeval`` (the original text benchmark's rules).
        loose: IFEval's loose pass: followed if any of eight trimmings of the reply follows.
        kwargs: the constraint's own arguments, by the names of the published data.

    Raises:
        ConstraintError: unknown id, rule set or relation; missing, extra, negative, empty or ill-typed kwargs.
        MissingExtraError: the verifier needs an optional package.

    Source: Zhou et al., Instruction-Following Evaluation for Large Language Models (arXiv 2311.07911),
    section 2; Lu et al., Speech-IFEval (arXiv 2505.19037), section 2.

    >>> check = compile("detectable_format:number_bullet_lists", num_bullets=2)
    >>> check.check("* one\\n* two"), check.explain("* one").reason
    (True, '1 bullet instead of 2')
    """
    return compile_from(id, kwargs, rules, loose)


def compile_from(id: str, kwargs: Mapping[str, Any], rules: str, loose: bool = False) -> Compiled:
    """Compile as `compile` does, the kwargs as one mapping: for kwargs that come out of a file.

    >>> compile_from("startend:quotation", {}, "careful").check('"yes"')
    True
    """
    definition = find_definition(id, rules)
    return Compiled(definition, rules, validate(id, definition.fields, kwargs), loose)


def find_definition(id: str, rules: str) -> Definition:
    """Return the verifier that decides `id` under the rule set `rules`.

    Raises:
        ConstraintError: unknown id (with the nearest known ones) or unknown rule set.

    >>> find_definition("startend:quotation", "official").code
    'WR'
    """
    if rules not in RULE_SETS:
        raise ConstraintError(f"unknown rule set {rules!r}: expected one of {', '.join(RULE_SETS)}")
    _load_own()
    wanted = (str(id), rules)  # whatever was given, it can be looked up
    found = _DEFINITIONS.get(wanted)
    if found is None:
        _load_entry_points()
        found = _DEFINITIONS.get(wanted)
    if found is None:
        known = sorted({known_id for known_id, _ in _DEFINITIONS})
        if id in known:
            others = ", ".join(other for other in RULE_SETS if (id, other) in _DEFINITIONS)
            raise ConstraintError(f"{id} has no meaning in the rule set {rules}; it has one in {others}")
        near = difflib.get_close_matches(str(id), known, n=3, cutoff=0.6)
        near = near or [k for k in known if k.partition(":")[2] == str(id)]
        hint = f"; did you mean {' or '.join(near)}?" if near else "; `speech-ifeval constraints` lists them"
        raise ConstraintError(f"unknown constraint id {id!r}{hint}")
    return found


def definitions() -> tuple[Definition, ...]:
    """Return every registered verifier, each once, ordered by id and rule set.

    >>> len({definition.id for definition in definitions()}) >= 25
    True
    """
    _load_own()
    _load_entry_points()
    ordered = sorted(_DEFINITIONS.items(), key=lambda entry: (entry[0][0], RULE_SETS.index(entry[0][1])))
    return tuple(dict.fromkeys(definition for _, definition in ordered))


@cache
def _load_own() -> None:
    package = importlib.import_module("speech_ifeval.constraints")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"speech_ifeval.constraints.{module.name}")


@cache
def _load_entry_points() -> None:
    # Imported here: it costs more than all verifiers together, and only unknown ids and listings need it.
    from importlib.metadata import entry_points

    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry_point.load()
        except Exception as error:
            raise ConstraintError(
                f"the plug-in {entry_point.name} ({entry_point.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}; mend or uninstall it"
            ) from error
