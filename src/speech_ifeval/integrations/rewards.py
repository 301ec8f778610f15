"""Verifiers as a reward: what a text earns for following its constraints. No trainer is named here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from speech_ifeval.constraints import Compiled, find_definition, split_thoughts
from speech_ifeval.constraints.remembering import compiled
from speech_ifeval.errors import ConstraintError, UsageError
from speech_ifeval.records import JUDGED_ID, Constraint

Grade = Literal["all", "fraction"]
Reading = Literal["strict", "loose"]
Thoughts = Literal["strip", "keep"]

LONGEST = 100_000  # characters; the slowest check of so many takes some 10 ms, the language detector 33 ms


class Outcome(NamedTuple):
    """What was found of a text.

    Attributes:
        followed: for each constraint, in order.
        unclosed: whether its thoughts never end, so that there is no answer.
        too_long: whether the answer was longer than is read.
    """

    followed: tuple[bool, ...]
    unclosed: bool = False
    too_long: bool = False


@dataclass(frozen=True)
class Reward:
    """What a text earns for following its constraints: immutable, picklable, safe to share between threads.

    Attributes:
        grade: ``all`` earns 1 for all constraints together, else 0; ``fraction`` the share of them.
        reading: ``strict``, or ``loose``: IFEval's loose pass.
        thoughts: ``strip`` takes a leading ``<think>…</think>`` off before anything is checked, and thoughts that
            never end leave no answer, which follows nothing; ``keep`` checks the text as it is.
        rules: the rule set, see `speech_ifeval.compile`.
        longest: characters of an answer, thoughts not counted, beyond which it is not read and follows nothing.
            It bounds the time that any text can take.

    Raises:
        UsageError: another value.

    >>> from speech_ifeval.records import Constraint
    >>> asked = [Constraint("change_case:english_capital"), Constraint("startend:quotation")]
    >>> Reward().score("YES", asked), Reward(grade="fraction").score("YES", asked)
    (0.0, 0.5)
    >>> Reward().score('<think>In capitals.</think>"YES"', asked), Reward().score('<think>So: "YES"', asked)
    (1.0, 0.0)
    """

    grade: Grade = "all"
    reading: Reading = "strict"
    thoughts: Thoughts = "strip"
    rules: str = "official"
    longest: int = LONGEST

    def __post_init__(self) -> None:
        for name, choices in (("grade", Grade), ("reading", Reading), ("thoughts", Thoughts)):
            if getattr(self, name) not in get_args(choices):
                known = " or ".join(get_args(choices))
                raise UsageError(f"{name} of a reward takes {known}, found {getattr(self, name)!r}")
        find_definition("startend:quotation", self.rules)
        if type(self.longest) is not int or self.longest < 1:
            raise UsageError(f"longest of a reward takes a whole number from 1, found {self.longest!r}")

    def compile(self, asked: Sequence[Constraint]) -> list[Compiled]:
        """Return the constraints ready to check; what this process has compiled before is not compiled again.

        Raises:
            ConstraintError: there is none, one is wrong, or one takes a judge.
        """
        if not asked:
            raise ConstraintError("a reward takes at least one constraint, found none; leave the row out")
        if any(one.id == JUDGED_ID for one in asked):
            raise ConstraintError(f"no rule decides {JUDGED_ID}, which takes a judge; leave such rows out")
        return [compiled(one.id, one.kwargs, self.rules, self.reading == "loose") for one in asked]

    def look(self, text: str, asked: Sequence[Constraint]) -> Outcome:
        """Return which constraints a text follows, and what was peculiar about it.

        Raises:
            ConstraintError: as `compile`.
            UsageError: this is no text.
        """
        if not isinstance(text, str):
            raise UsageError(f"a reward takes a completion that is a text, found {type(text).__name__}")
        checks = self.compile(asked)
        nothing = (False,) * len(checks)
        if self.thoughts == "strip":
            text, _, closed = split_thoughts(text)
            if not closed:
                return Outcome(nothing, unclosed=True)
        if len(text) > self.longest:
            return Outcome(nothing, too_long=True)
        return Outcome(tuple(one.check(text) for one in checks))

    def score(self, text: str, asked: Sequence[Constraint]) -> float:
        """Return what a text earns, from 0 to 1; raises as `look`."""
        return self.grade_of(self.look(text, asked))

    def grade_of(self, found: Outcome) -> float:
        """Return what was found as a number from 0 to 1.

        >>> Reward(grade="fraction").grade_of(Outcome((True, False, True, True)))
        0.75
        """
        if self.grade == "all":
            return float(all(found.followed))
        return sum(found.followed) / len(found.followed)
