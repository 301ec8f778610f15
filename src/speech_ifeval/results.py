"""What is concluded from verdicts: estimates, summaries, comparisons. Frozen; unknown fields are refused."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


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


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
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


class Summary(Struct, frozen=True, forbid_unknown_fields=True):
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


class Difference(Struct, frozen=True, forbid_unknown_fields=True):
    """A paired difference in percentage points, with its 95 % interval and its test.

    `p` is two-sided; `p_holm` is adjusted over the family that the comparison states. `value` is None, and
    `why` says why, where one side has no figure.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    why: str | None = None


class ComparedRun(Struct, frozen=True, forbid_unknown_fields=True):
    """One run of a comparison. `rank` is the interval of ranks, 1 the best, that the paired tests leave it."""

    name: str
    signature: str
    reference: str | None
    reference_wide: bool
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    rank: tuple[int, int] | None
    task: TaskLevel | None = None


class ComparedPair(Struct, frozen=True, forbid_unknown_fields=True):
    """Two runs of a comparison, by their index: the second minus the first.

    `gained` counts the constraints that only the second follows, `lost` those that only the first does.
    """

    first: int
    second: int
    ifrate: Difference
    forgetting: Difference | None
    gained: int
    lost: int


class Flip(Struct, frozen=True, forbid_unknown_fields=True):
    """A constraint of an item on which the runs do not agree: followed or not, run by run; None is unscored."""

    item: str
    constraint: str
    index: int
    code: str | None
    followed: tuple[bool | None, ...]


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """Runs side by side: what `speech-ifeval compare --json` prints, described in ``docs/formats.md``.

    >>> Comparison.__struct_fields__
    ('schema_version', 'runs', 'pairs', 'family', 'flips', 'notes')
    """

    schema_version: int
    runs: list[ComparedRun]
    pairs: list[ComparedPair]
    family: str
    flips: list[Flip]
    notes: list[str]


class UseAgreement(Struct, frozen=True, forbid_unknown_fields=True):
    """How far two judges agree in one use, over the `n` replies that both have scored; counts are (first, second).

    `confusion` and `kappa` are of verdicts, `word_errors` of transcripts: the second's against the first's.
    """

    use: str
    n: int
    equal: int
    agreement: Estimate
    kappa: Estimate | None
    confusion: dict[str, int] | None
    word_errors: Estimate | None
    unscored: tuple[int, int]
    alone: tuple[int, int]
    other_reply: int


class Disagreement(Struct, frozen=True, forbid_unknown_fields=True):
    """A reply of which two judges say different things: each one's verdict or transcript, and why."""

    item: str
    use: str
    verdicts: tuple[bool | str, bool | str]
    reasons: tuple[str | None, str | None]


class JudgedChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a constraint does to the accuracy of closed questions, as each of two judges has it.

    Attributes:
        by, group: ``all``, or ``dataset`` and which one.
        plain, constrained: the share of equal verdicts on replies without, and with, the constraint.
        twins: those of which both judges have scored both sides; what follows counts these.
        right: right answers without and with the constraint, as the first and as the second judge has it.
        changes: with minus without, in points, of the first and of the second judge; p of McNemar's test.
        apart: the second's change minus the first's.

    >>> JudgedChange.__struct_fields__[2:4]
    ('plain', 'constrained')
    """

    by: str
    group: str
    plain: Estimate
    constrained: Estimate
    twins: int
    right: tuple[tuple[int, int], tuple[int, int]]
    changes: tuple[Difference, Difference]
    apart: Difference


class JudgeAgreement(Struct, frozen=True, forbid_unknown_fields=True):
    """Two judges of the same replies: what `speech-ifeval judge-agreement --json` prints.

    `changes` is empty where it is not said of which benchmark the items are.

    >>> JudgeAgreement.__struct_fields__
    ('schema_version', 'judges', 'uses', 'disagreements', 'notes', 'changes')
    """

    schema_version: int
    judges: tuple[str, str]
    uses: list[UseAgreement]
    disagreements: list[Disagreement]
    notes: list[str]
    changes: list[JudgedChange] = []


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """How many replies to twins do something, such as being wrong, without and with the constraint.

    `appeared` names the constrained items whose reply does it where the twin's does not, `disappeared` the other
    way round. `change` is with minus without, in points, its p-values of McNemar's test; `against_reference` is
    what remains of it when the reference system's own change is taken off, over the `reference_n` twins that both
    have.
    """

    name: str
    by: str
    group: str
    n: int
    plain: int
    constrained: int
    change: Difference
    appeared: tuple[str, ...]
    disappeared: tuple[str, ...]
    against_reference: Difference | None = None
    reference_n: int = 0


class ChangedAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """How often the answer to twins is another one: `rate` of `n`, and the constrained `items`.

    `untold` counts twins of whose replies it cannot be said; `if_untold` is the rate if none of them, and if all
    of them, had changed.
    """

    metric: str
    by: str
    group: str
    n: int
    changed: int
    rate: Estimate
    untold: int
    if_untold: tuple[float, float] | None
    items: tuple[str, ...]


class WordErrorChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The corpus word error rate of `n` twins without and with the constraint, in percent; its change in points.

    `items` names the constrained items that have more errors than their twin, `fewer` those that have fewer.
    """

    by: str
    group: str
    n: int
    words: int
    plain: float | None
    constrained: float | None
    change: Difference
    items: tuple[str, ...]
    fewer: tuple[str, ...]
    unscored: int
    against_reference: Difference | None = None
    reference_n: int = 0


class Sensitivity(Struct, frozen=True, forbid_unknown_fields=True):
    """What a constraint does to the answer: what `speech-ifeval sensitivity --json` prints.

    `contradicted` names the items, constrained or not, that are judged wrong though the reply says that the answer
    is the label.

    >>> Sensitivity.__struct_fields__[4:]
    ('twins', 'behaviours', 'answers', 'word_errors', 'notes', 'contradicted')
    """

    schema_version: int
    name: str
    reference: str | None
    signature: str
    twins: int
    behaviours: list[Behaviour]
    answers: list[ChangedAnswers]
    word_errors: list[WordErrorChange]
    notes: list[str]
    contradicted: list[str] = []
