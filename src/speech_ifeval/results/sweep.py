"""What is concluded from one model at several scales of what training changed in it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from speech_ifeval.results.comparison import Difference
from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import AnswerRate, Estimate, Rate


class SweepPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A model at one scale.

    Attributes:
        part: what is scaled, such as ``all`` or ``layers=0-3``; the rest is as trained.
        scale: 1 is as trained, 0 without what training changed in that part.
        lora: how the LoRA layers scale, one entry a sort of layer: factor, alpha, r, and factor · alpha / r, so
            that no one of them stands alone; empty where weights are interpolated, or nothing is told.
        run: the run directory.
        ifrate, forgetting, points, categories, codes: as in the run's summary.
        tasks: answers without a constraint, by data set: accuracy or word error rate.
        task: their mean, data sets weighing alike: accuracy, or 100 less the word error rate.
        ifrate_change, task_change: against the model as trained, in points, paired; None at that point.
        best: whether no other point is at least as good in IFrate and in `task`, and better in one.
        signature: of the run's figures.
    """

    part: str
    scale: float
    lora: list[dict[str, Any]]
    run: str
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    tasks: dict[str, AnswerRate]
    task: Estimate
    ifrate_change: Difference | None
    task_change: Difference | None
    best: bool
    signature: str


class Sweep(Shown, frozen=True, forbid_unknown_fields=True):
    """A model at several scales: what `speech-ifeval sweep --json` prints.

    >>> Sweep.__struct_fields__
    ('schema_version', 'model', 'reference', 'points', 'notes')
    """

    schema_version: int
    model: str
    reference: SweptReference | None
    points: list[SweepPoint]
    notes: list[str]


class SweptReference(Struct, frozen=True, forbid_unknown_fields=True):
    """The reference system of all points."""

    name: str
    ifrate: Estimate
    task: Estimate
    signature: str
