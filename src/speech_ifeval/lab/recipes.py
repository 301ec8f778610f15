"""How the lab's models are made: every size, rate and number of steps, in one place.

What is written here was decided before the models were evaluated; docs/design/lab.md says why, and lists the
recipes that were tried and given up.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct


class Course(Struct, frozen=True):
    """How long and how fast something is trained: AdamW, a linear warm-up, then half a cosine down to a twentieth.

    Attributes:
        steps: batches.
        batch: examples a batch.
        rate: the highest learning rate.
        warmup: steps of the warm-up.
        decay: weight decay.
        matrix_rate: the highest learning rate of matrices within layers, which are then trained by Muon, scaled so
            that an update is about as long as AdamW's; None: all is trained by AdamW.
    """

    steps: int
    batch: int
    rate: float
    warmup: int
    decay: float = 0.01
    matrix_rate: float | None = None


class BackboneRecipe(Struct, frozen=True):
    """The text model: Qwen2's architecture, all weights from scratch.

    Attributes:
        width, layers, heads, inner: its sizes; `inner` is the feed-forward part's.
        course: how it is trained.
        whole_share: the first part of the course learns prompts too, the rest only replies.
    """

    width: int = 192
    layers: int = 5
    heads: int = 6
    inner: int = 512
    course: Course = Course(steps=3000, batch=48, rate=2e-3, warmup=40, decay=0.05, matrix_rate=4e-3)
    whole_share: float = 0.125


class TowerRecipe(Struct, frozen=True):
    """The audio tower, Qwen2-Audio's, trained to spell what is said in the text model's own tokens.

    Attributes:
        width, layers, heads, inner: its sizes.
        utterances: how many sentences are synthesised.
        course: how it is trained, by CTC and by naming the sound of each frame.
        phones_weight: of the second of the two losses.
    """

    width: int = 192
    layers: int = 4
    heads: int = 4
    inner: int = 640
    utterances: int = 6000
    course: Course = Course(steps=2400, batch=32, rate=2e-3, warmup=100, matrix_rate=4e-3)
    phones_weight: float = 1.0


class AlignRecipe(Struct, frozen=True):
    """Stage one: what the self-aligned model is made by.

    Attributes:
        rows: how many questions the text model answers for it.
        course: how tower and projector are trained on the answers.
    """

    rows: int = 12_000
    course: Course = Course(steps=800, batch=32, rate=6e-4, warmup=50)


class TuneRecipe(Struct, frozen=True):
    """Stage two: how the text model is tuned with the tower before it.

    Attributes:
        style: ``own`` or ``corpus``: whose replies it learns.
        constrained: the share of rows with a demand on the form.
        full: all weights of the text model instead of a LoRA.
        rows: how many questions.
        rank, alpha: of the LoRA.
        course: how it is trained.
        full_rate: the learning rate in the study's cells where all weights are tuned.
    """

    style: Literal["own", "corpus"] = "corpus"
    constrained: float = 0.0
    full: bool = False
    rows: int = 7200
    rank: int = 8
    alpha: int = 32
    course: Course = Course(steps=300, batch=24, rate=2e-3, warmup=30, decay=0.0)
    full_rate: float = 3e-4


_DATA = ("utterances", "rows")
AnyRecipe = TypeVar("AnyRecipe", bound=Struct)


def shortened(recipe: AnyRecipe, share: float) -> AnyRecipe:
    """Return a recipe with that share of its steps and warm-up, and of the speech or questions it is taught with.

    >>> shortened(BackboneRecipe(), 1 / 20).course.steps
    150
    >>> shortened(TowerRecipe(), 1 / 20).utterances
    300
    """
    course: Course = recipe.course  # type: ignore[attr-defined]

    def of(number: int, least: int = 1) -> int:
        return max(least, round(number * share))

    data = {name: of(getattr(recipe, name), course.batch) for name in _DATA if hasattr(recipe, name)}
    shorter = msgspec.structs.replace(course, steps=of(course.steps), warmup=of(course.warmup))
    return msgspec.structs.replace(recipe, course=shorter, **data)


def digest(*parts: object) -> str:
    """Return a short hash of whatever a stage depends on.

    >>> digest(BackboneRecipe()) == digest(BackboneRecipe())
    True
    >>> digest(BackboneRecipe()) == digest(BackboneRecipe(layers=2))
    False
    """
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:16]
