"""What is concluded from a model at several steps of its training."""

from __future__ import annotations

from msgspec import Struct

from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate
from speech_ifeval.results.sweep import SweptReference


class TrainingPoint(Struct, frozen=True, forbid_unknown_fields=True):
    """A model at one step of its training.

    Attributes:
        step: optimiser steps so far.
        epoch: passes over the training data, None where nobody says.
        weights: the folder of the checkpoint; None for a model in memory.
        run: the run directory.
        items, wanted: items with a constraint that count, and how many were to. Fewer count where time ran out.
        seconds: what the evaluation took.
        ifrate, forgetting, points: as in the run's summary.
        task: how right answers without a constraint are, data sets weighing alike, in percent.
        signature: of the figures.
    """

    step: int
    epoch: float | None
    weights: str | None
    run: str
    items: int
    wanted: int
    seconds: float
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    task: Estimate
    signature: str

    @property
    def is_cut(self) -> bool:
        """Whether time ran out before the whole sample was answered."""
        return self.items < self.wanted


class TrainingCurve(Shown, frozen=True, forbid_unknown_fields=True):
    """A model's training as instruction following sees it: what `speech-ifeval watch --json` prints.

    Attributes:
        model: what is trained.
        reference: its reference system; None without one.
        steps: its points, by step.
        threshold: Δ below which there is a warning, in percent.
        margin: by how many points the task level of the best point may be below the best task level.
        warned: the steps at which the whole interval of Δ is below the threshold.
        best: the step that is chosen; None without a point that has figures.
        notes: what is to be known beside the figures.

    >>> TrainingCurve.__struct_fields__[:4]
    ('schema_version', 'model', 'reference', 'steps')
    """

    schema_version: int
    model: str
    reference: SweptReference | None
    steps: list[TrainingPoint]
    threshold: float
    margin: float
    warned: list[int]
    best: int | None
    notes: list[str]
