"""What flows between the stages: items, responses, verdicts, estimates. Frozen; unknown fields are refused."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

SCHEMA_VERSION = 1

CATEGORIES = ("closed-ended", "creative-writing", "chain-of-thought")
TWIN_CATEGORY = "closed-ended-plain"
CODES = ("CC", "SE", "WR", "JS", "BP", "KW", "LN", "CoT")
JUDGED_ID = "reasoning:chain_of_thought"
JUDGED_CODE = "CoT"


class Constraint(Struct, frozen=True, forbid_unknown_fields=True):
    """A demand on the output: an id and its kwargs.

    >>> Constraint("detectable_format:number_bullet_lists", {"num_bullets": 3}).kwargs
    {'num_bullets': 3}
    """

    id: str
    kwargs: dict[str, Any] = field(default_factory=dict)


class Item(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question of a benchmark.

    Attributes:
        id: unique in the benchmark, such as ``closed-ended/0150``.
        category: one of `CATEGORIES`, or `TWIN_CATEGORY` for the unconstrained twin of a closed-ended item.
        instruction: the text the model is given beside the audio.
        clip: the audio file, relative to the benchmark's audio folder; several items may share it.
        dataset: the task or corpus group the item belongs to.
        constraints: what the reply must follow; empty for an unconstrained twin.
        transcript: what the reference system reads instead of the audio, None where there is none.
        label: the right answer or reference transcript, None for open questions.
        metric: how the answer itself is measured: ``wer``, ``accuracy``, ``open``, ``cot``.
        twin: the id of the same question with (or without) its constraint.
        source: the corpus the clip comes from, and its licence where one is stated.

    >>> Item("closed-ended/0000", "closed-ended", "Transcribe.", "a.wav", "asr").constraints
    ()
    """

    id: str
    category: str
    instruction: str
    clip: str
    dataset: str
    constraints: tuple[Constraint, ...] = ()
    transcript: str | None = None
    label: str | None = None
    metric: str | None = None
    twin: str | None = None
    source: str | None = None
    licence: str | None = None


class Response(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model's reply to one item. `text` is None where there is no reply; `error` then says why.

    >>> Response("closed-ended/0000", "HELLO").finish_reason is None
    True
    """

    id: str
    text: str | None
    finish_reason: Literal["stop", "length", "error"] | None = None
    error: str | None = None


class Verdict(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether one reply follows one constraint.

    Attributes:
        item: the item's id.
        constraint: the constraint's id.
        index: which of the item's constraints, from 0.
        followed: None where the pair is unscored.
        reason: why it does not follow or is unscored; None where it is followed.
        near_miss: a short label where the reply misses by a known hair.

    >>> Verdict("closed-ended/0000", "startend:quotation", 0, "official", None, "no response").followed is None
    True
    """

    item: str
    constraint: str
    index: int
    rules: str
    followed: bool | None
    reason: str | None = None
    near_miss: str | None = None


class Estimate(Struct, frozen=True, forbid_unknown_fields=True):
    """A figure with its 95 % interval, rates in percent. `value` is None where there is none; `why` says why.

    >>> Estimate(88.99, 87.1, 90.6, 1533, 0).value
    88.99
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int
    why: str | None = None
