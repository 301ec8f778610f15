"""What is concluded from the same items under several conditions: is the constraint isolated from the speech?"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from speech_ifeval.results.comparison import Difference
from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate

RowVerdict = Literal["same", "differs", "undecided"]
IsolationVerdict = Literal["isolated", "interacts", "undecided", "no evidence"]


class PairedChange(Struct, frozen=True, forbid_unknown_fields=True):
    """A mean change of `n` items, in points, held against a margin.

    Attributes:
        value, low, high: the change with its 95 % interval.
        p, p_holm: two-sided, that there is none; adjusted over the rows of one division.
        p_equivalent: that it is as large as the margin (two one-sided tests).
        power: percent: how often so many items show the margin where there is no change and they flip as often.
        least_margin: the smallest margin, in points, that they show with a power of 80 %.
        verdict: ``same``: smaller than the margin (`p_equivalent` < .05); ``differs``: not that, and `p_holm` <
            .05; else ``undecided``.
    """

    n: int
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    p_equivalent: float
    power: float
    least_margin: float
    verdict: RowVerdict


class Contrast(Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of an outcome between two conditions, item by item.

    Attributes:
        outcome: ``following``: is the constraint followed; ``answers``: is the answer right, or are its word
            errors fewer.
        first, second: the two conditions.
        by, group: which items: ``all``, or those of a ``category``, ``code``, ``kind`` or ``metric``.
        n: items that are scored under both.
        before, after: percent followed, or right; None for answers that hold transcripts.
        change: share that got better less share that got worse.
        worse, better: the items, constrained ones' ids.
        against_reference: what remains of the change when the reference system's own is taken off.
    """

    outcome: Literal["following", "answers"]
    first: str
    second: str
    by: str
    group: str
    n: int
    before: float | None
    after: float | None
    change: PairedChange
    worse: tuple[str, ...]
    better: tuple[str, ...]
    against_reference: PairedChange | None = None


class WordErrorContrast(Struct, frozen=True, forbid_unknown_fields=True):
    """The corpus word error rate of `n` transcripts under two conditions, in percent; the change in points."""

    first: str
    second: str
    n: int
    words: int
    before: float | None
    after: float | None
    change: Difference


class KindDifference(Struct, frozen=True, forbid_unknown_fields=True):
    """By how many points the change of constraints on content exceeds that of constraints on form."""

    outcome: Literal["following", "answers"]
    first: str
    second: str
    form: int
    content: int
    change: Difference


class FlipExcess(Struct, frozen=True, forbid_unknown_fields=True):
    """How many more verdicts flip with another clip than under a condition that keeps the clip, the floor."""

    floor: str
    swapped: Estimate
    kept: Estimate
    excess: PairedChange


class Carried(Struct, frozen=True, forbid_unknown_fields=True):
    """Does following move with the clip: is it, with another clip, as it was for the other items of that clip?

    `correlation` is between the two, each less its code's mean; None where nothing varies. Without an influence of
    the clip it lies between `chance_low` and `chance_high` in 95 % of the draws of who gets which clip; `p` is the
    share of `draws` with as high a correlation.
    """

    n: int
    correlation: float | None
    chance_low: float | None
    chance_high: float | None
    p: float
    draws: int


class IsolationFinding(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer to one of the two questions, and the figures behind it in a sentence."""

    question: Literal["audio to following", "constraint to perception"]
    verdict: IsolationVerdict
    why: str


class Isolation(Shown, frozen=True, forbid_unknown_fields=True):
    """Is the constraint isolated from the speech: what `speech-ifeval isolation --json` prints.

    Attributes:
        name, reference: the model, and the reference system whose own changes are taken off.
        signature: what the figures were made with; `runs` holds the signature of each run by its condition.
        margin: in points, fixed beforehand.
        findings: the two verdicts.
        audio_used: whether another clip makes the answers wrong; None where that is not known.
        control: answers with the clip and with another one: they must get worse.
        following: constraints followed with the clip, and with another one, other words, silence, or again.
        flips, carried: whether single verdicts depend on the clip, though the rate may not.
        perception: answers without a constraint, and with one, a placebo, other words, or again.
        word_errors: the same of transcripts, in word error rates.
        kinds: constraints on content against those on form.
        notes: what else is to be known.

    >>> Isolation.__struct_fields__[:4]
    ('schema_version', 'name', 'reference', 'signature')
    """

    schema_version: int
    name: str
    reference: str | None
    signature: str
    runs: dict[str, str]
    margin: float
    findings: list[IsolationFinding]
    audio_used: bool | None
    control: list[Contrast]
    following: list[Contrast]
    flips: list[FlipExcess]
    carried: Carried | None
    perception: list[Contrast]
    word_errors: list[WordErrorContrast]
    kinds: list[KindDifference]
    notes: list[str]
