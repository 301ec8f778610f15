"""What is concluded from setting published figures beside those of runs at hand."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from speech_ifeval.results.published import PublishedSource
from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate

Table = Literal["leaderboard", "task-level", "lora"]


class ReproducedCell(Struct, frozen=True, forbid_unknown_fields=True):
    """One published figure beside the recomputed one.

    Attributes:
        figure: which, in words.
        printed: as it was published, and `digits` how many decimals of it were printed.
        value, low, high: recomputed, with its 95 % interval; None where the run has none.
        same: whether they agree at the digits that were printed; None where one is missing.
        inside: whether the printed figure lies in the interval; None where there is none.

    >>> ReproducedCell("closed-ended", 83.71, 2, 83.708, 81.2, 85.9, True, True).same
    True
    """

    figure: str
    printed: float
    digits: int
    value: float | None
    low: float | None
    high: float | None
    same: bool | None
    inside: bool | None


class ReproducedSystem(Struct, frozen=True, forbid_unknown_fields=True):
    """A published system that a run at hand stands for: its cells, and the signature of the recomputed ones."""

    system: str
    run: str
    signature: str
    cells: list[ReproducedCell]


class MissingSystem(Struct, frozen=True, forbid_unknown_fields=True):
    """A published system without a run at hand, and what it takes.

    Attributes:
        system: its name.
        printed: what was published, by figure.
        commands: what to call, in order; `page` says how to set the model up.
        answers: questions that the model and, where it is asked too, its reference system answer.
        judge_calls: calls of the judge for both.
        gpu_hours: `answers` times the seconds an answer takes; None where these are not known.
    """

    system: str
    printed: dict[str, float]
    commands: list[str]
    page: str | None
    answers: int
    judge_calls: int
    gpu_hours: float | None


class ScaledModel(Struct, frozen=True, forbid_unknown_fields=True):
    """A model at several scales that is not the published one: its IFrates by factor, beside and not compared."""

    model: str
    signature: str
    ifrate: dict[str, Estimate]
    why: str


class Reproduction(Shown, frozen=True, forbid_unknown_fields=True):
    """Published figures beside recomputed ones: what `speech-ifeval reproduce --json` prints.

    Attributes:
        table: which of the published tables.
        source: where it was published.
        systems: those with a run at hand.
        missing: those without.
        beside: scaled models that are not the published one.
        arithmetic: how answers, judge calls and hours were reckoned.
        notes: what else is to be known.

    >>> Reproduction.__struct_fields__
    ('schema_version', 'table', 'source', 'systems', 'missing', 'beside', 'arithmetic', 'notes')
    """

    schema_version: int
    table: Table
    source: PublishedSource
    systems: list[ReproducedSystem]
    missing: list[MissingSystem]
    beside: list[ScaledModel]
    arithmetic: list[str]
    notes: list[str]
