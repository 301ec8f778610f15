"""What is concluded from the verdicts of one run: estimates, rates, the task itself, the summary."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from speech_ifeval.results.showing import Shown


class Estimate(Shown, frozen=True, forbid_unknown_fields=True):
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


class Rate(Shown, frozen=True, forbid_unknown_fields=True):
    """A following rate in percent with its 95 % interval; None where nothing is scored.

    >>> Rate(781, 933, 0, 83.71, 81.2, 85.9).n
    933
    """

    followed: int
    n: int
    unscored: int
    rate: float | None
    low: float | None
    high: float | None


class CodeTest(Struct, frozen=True, forbid_unknown_fields=True):
    """McNemar's test of one code against the reference, on the pairs that both runs have scored.

    `lost` counts pairs that only the reference follows, `gained` those that only the run follows; `p_holm` is
    adjusted over the codes tested together.
    """

    n: int
    lost: int
    gained: int
    p: float
    p_holm: float


class Reference(Struct, frozen=True, forbid_unknown_fields=True):
    """The reference system a summary was made against."""

    name: str
    signature: str
    ifrate: Estimate
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    wide: bool
    task: TaskLevel | None = None


class AnswerRate(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How right the answers of one side of twins are, in percent with a 95 % interval.

    Attributes:
        n, unscored: answers that are scored, and those that are not.
        rate: accuracy, or the corpus word error rate, which can exceed 100; None where nothing is scored.
        low, high: None where the answers do not tell.
        correct: right answers; None for word errors.
        words, substitutions, deletions, insertions: over all scored transcripts; None for accuracy.
        flagged: scored transcripts that are not part of the reply they were taken from.
        rate_unflagged: the word error rate without these; None where there are none.

    >>> AnswerRate(200, 0, 85.5, 80.0, 89.7, correct=171).words is None
    True
    """

    n: int
    unscored: int
    rate: float | None
    low: float | None
    high: float | None
    correct: int | None = None
    words: int | None = None
    substitutions: int | None = None
    deletions: int | None = None
    insertions: int | None = None
    flagged: int = 0
    rate_unflagged: float | None = None


class AnswerChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a constraint does to the answer: with it minus without it, in points, on twins that are both scored.

    Attributes:
        n: those twins.
        value, low, high: the change with its 95 % interval; None where there is none, and `why` says why.
        worse, better: twins whose answer is worse, or better, with the constraint: right on one side only, or
            more, or fewer, word errors.
        p: exact McNemar for accuracy, by swapping the sides of clusters for word errors.
        p_holm: adjusted over the groups that are shown together.
        least, most: the change over all twins were the unscored answers as kind to the constraint, or as unkind,
            as they can be; equal where every answer is scored.

    >>> AnswerChange(200, -0.5, -5.2, 4.2, 11, 10, 1.0, 1.0, -0.5, -0.5).why is None
    True
    """

    n: int
    value: float | None
    low: float | None
    high: float | None
    worse: int
    better: int
    p: float | None
    p_holm: float | None
    least: float | None
    most: float | None
    why: str | None = None


class TaskGroup(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The answers of a group of twins, with and without their constraint.

    Attributes:
        metric: ``accuracy`` or ``wer``.
        twins: constrained items in the group, each with its twin if it has one.
        unit: what is resampled: ``speaker``, or ``clip`` where speakers are unknown or fewer than ten, among the
            twins that are scored on both sides (all answers where there are none).
        clusters: how many of these there are, among the same.
        plain, constrained: each side over all its own scored answers.
        change: on the twins that are scored on both sides.
        codes, constraints: the same group by code, and by constraint id; empty in groups that are such a part.
        answerable: the same group without the items that no answer can get right (their label is not among their
            options); None where there are none.

    >>> TaskGroup.__struct_fields__[:3]
    ('metric', 'twins', 'unit')
    """

    metric: Literal["accuracy", "wer"]
    twins: int
    unit: Literal["speaker", "clip"]
    clusters: int
    plain: AnswerRate
    constrained: AnswerRate
    change: AnswerChange
    codes: dict[str, TaskGroup] = {}
    constraints: dict[str, TaskGroup] = {}
    answerable: TaskGroup | None = None


class TaskLevel(Struct, frozen=True, forbid_unknown_fields=True):
    """How right the answers themselves are, with and without a constraint, by data set.

    `normaliser` is what texts go through before words are compared, `seed` that of the bootstrap.

    >>> TaskLevel("whisper-basic", 0, {}).datasets
    {}
    """

    normaliser: str
    seed: int
    datasets: dict[str, TaskGroup]


class Contamination(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of what was asked the model had been trained on by a reward, and what it follows of the rest.

    Attributes:
        record: the digest of what it was trained on.
        items: those that demand something; `contaminated` of them demand an id that was trained on.
        rates: following rates of items, by what was trained on of them: ``wording``, these very words; ``id``, the
            same constraint in other words; ``none``. Kinds without items are left out.
        same_kwargs: items that demand an id with kwargs that it was trained on with.

    >>> Contamination("5f3a9c1e", 8, 3, {}).same_kwargs
    0
    """

    record: str
    items: int
    contaminated: int
    rates: dict[str, Rate]
    same_kwargs: int = 0


class Summary(Shown, frozen=True, forbid_unknown_fields=True):
    """The figures of one scored run: the content of ``summary.json``, described in ``docs/formats.md``.

    All rates are in percent. `items` is the rate per item (all its constraints), `pairs` the rate per constraint.

    >>> Summary.__struct_fields__[:6]
    ('schema_version', 'name', 'signature', 'settings', 'ifrate', 'forgetting')
    """

    schema_version: int
    name: str
    signature: str
    settings: dict[str, Any]
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    ids: dict[str, Rate]
    datasets: dict[str, Rate]
    items: Rate
    pairs: Rate
    code_tests: dict[str, CodeTest]
    reference: Reference | None
    other_rules: dict[str, Any]
    near_misses: dict[str, int]
    unscored: dict[str, int]
    replies: dict[str, int]
    notes: list[str]
    task: TaskLevel | None = None
    contamination: Contamination | None = None
