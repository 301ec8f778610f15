"""The register of checks: one decorated function each, found by its place in the package `checks` beside this.

A check takes the evidence and returns what it measured, or why it could not::

    @check("shouting", title="replies that shout", about="replies", rule=Rule(SPOILT), cause="…", advice=("…",))
    def shouting(evidence: Evidence) -> Measured | Unmade:
        return share_of_replies(evidence, lambda reply: reply.answer.endswith("!"), "it ends with a !")

How grave it is, which examples are shown, and how it is written is not its business.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.measuring import Measured, Rule, Unmade
from speech_ifeval.results.diagnosis import About, Unit

# In which order findings of one severity are told.
ABOUT: tuple[About, ...] = ("forgetting", "following", "answers", "replies", "scoring")
Measure = Callable[[Evidence], Measured | Unmade]


@dataclass(frozen=True)
class Check:
    """One check: what it looks for, when that is grave, the usual cause, what to try, and who measures it."""

    name: str
    title: str
    about: About
    rule: Rule
    cause: str
    advice: tuple[str, ...]
    unit: Unit
    measure: Measure


_CHECKS: dict[str, Check] = {}


def check(
    name: str,
    *,
    title: str,
    about: About,
    rule: Rule,
    cause: str,
    advice: tuple[str, ...],
    unit: Unit = "%",
) -> Callable[[Measure], Measure]:
    """Register the decorated function as a check.

    Args:
        name: what JSON calls it: words with hyphens.
        title: what it looks for, as a row of a table says it.
        about: what goes wrong: ``forgetting``, ``following`` of constraints, the ``answers`` themselves, the
            ``replies`` as texts, or the ``scoring``.
        rule: when its figure is a finding.
        cause: what is usually behind it, one sentence.
        advice: what to try, one sentence each.
        unit: of its figure and its threshold.

    Raises:
        ValueError: the name is taken.
    """

    def register(function: Measure) -> Measure:
        taken = _CHECKS.get(name)
        if taken is not None and taken.measure.__module__ != function.__module__:
            raise ValueError(f"the check {name!r} is registered twice; rename one")
        _CHECKS[name] = Check(name, title, about, rule, cause, advice, unit, function)
        return function

    return register


def all_checks() -> list[Check]:
    """Return every check there is, by what goes wrong and by name.

    >>> len(all_checks()) > 20, [check.name for check in all_checks()][:3]
    (True, ['high-forgetting', 'constraint-ignored', 'format-rigidity'])
    """
    _load_all()
    return sorted(_CHECKS.values(), key=lambda one: (ABOUT.index(one.about), one.name))


@cache
def _load_all() -> None:
    package = importlib.import_module("speech_ifeval.analysis.diagnosis.checks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
