"""What is concluded from one model and its reference on the same items, step by step from text to audio."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from speech_ifeval.results.comparison import Difference
from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate, Rate


class Rung(Struct, frozen=True, forbid_unknown_fields=True):
    """One way to answer the items.

    Attributes:
        name: ``reference``, ``bare``, ``cascade``, ``text`` or ``audio``.
        who: the model that answers.
        run: the run directory; None where it could not be made, and `why` says why.
        ifrate, categories, codes: as in the run's summary.
        task: the mean over data sets of how right answers without a constraint are.
        change: IFrate less the reference's, in points, paired; None for the reference itself.
        step: IFrate less that of the rung before that could be made.
        lora: the state of the adapter: how its layers scale; empty where there is none, or nothing is told.
        same_replies: the share of replies, in percent, that are the reference's letter for letter.
        signature: of the run's figures.
    """

    name: str
    who: str
    run: str | None = None
    ifrate: Estimate | None = None
    categories: dict[str, Rate] = {}
    codes: dict[str, Rate] = {}
    task: Estimate | None = None
    change: Difference | None = None
    step: Difference | None = None
    lora: list[dict[str, Any]] = []
    same_replies: float | None = None
    signature: str | None = None
    why: str | None = None


class Ladder(Shown, frozen=True, forbid_unknown_fields=True):
    """Where Δ comes from: what `speech-ifeval ladder --json` prints.

    Attributes:
        forgetting: Δ of the model on audio.
        weights: 100 (T - R) / R, T the model's own text path and R the reference: what changed weights cost.
        modality: 100 (A - T) / R, A the model on audio: what hearing costs instead of reading.

    >>> Ladder.__struct_fields__
    ('schema_version', 'model', 'reference', 'rungs', 'forgetting', 'weights', 'modality', 'notes')
    """

    schema_version: int
    model: str
    reference: str
    rungs: list[Rung]
    forgetting: Estimate | None
    weights: Estimate | None
    modality: Estimate | None
    notes: list[str]
