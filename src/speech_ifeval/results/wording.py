"""What is concluded about the wordings in which constraints are demanded."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate, Rate

Finding = Literal["found", "not found", "undecided", "untested"]


class WordingRate(Struct, frozen=True, forbid_unknown_fields=True):
    """How often one wording is followed, in percent.

    `rate` is as observed; `shrunk` is drawn towards the constraint's rate as far as the spread of its wordings
    says, with a 95 % interval. `apart` says that this interval lies above or below the constraint's rate, and is
    None wherever over-dispersion was not found.

    >>> WordingRate("en/startend:quotation/07", "Place …", 3, 4, 75.0, 71.2, 51.0, 88.1, None).apart is None
    True
    """

    wording: str
    text: str
    followed: int
    n: int
    rate: float
    shrunk: float
    low: float
    high: float
    apart: Literal["above", "below"] | None


class WordingTest(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether following rates differ between wordings by more than chance makes them.

    Attributes:
        varied: ``wording``; ``phrase``, what must be said at the start or end; or ``wording with its phrase``
            where each phrase has one wording. Of these ``wording over phrases`` and ``phrase within wording`` are
            tested apart.
        levels: how many there are.
        n, fewest, most: items, and of one level at least and at most.
        statistic, expected: the score statistic, and its mean were the levels alike; None where nothing is tested.
        p, p_holm: of the permutation test; adjusted over all tests of the run.
        power: chance to find an effect of the stated size, adjusted as if no other test found anything.
        detectable: standard deviation in points that is found four times of five; None where none is.
        sd, low, high: standard deviation of the levels' rates in points, with its 95 % interval.
        bounded: whether the data bound it from above; else `high` is as much as the rate leaves room for.
        correlation: of two items of one level, by the beta-binomial's likelihood.
        finding: ``found``; ``not found``, though it would have been four times of five; ``undecided``, where it
            could not be found; ``untested``.
        why: why it is untested.
        rates: of every level.

    >>> WordingTest.__struct_fields__[:3]
    ('varied', 'levels', 'n')
    """

    varied: str
    levels: int
    n: int
    fewest: int
    most: int
    statistic: float | None
    expected: float | None
    p: float | None
    p_holm: float | None
    power: float | None
    detectable: float | None
    sd: float | None
    low: float | None
    high: float | None
    bounded: bool
    correlation: float | None
    finding: Finding
    why: str | None
    rates: list[WordingRate]


class WordedConstraint(Struct, frozen=True, forbid_unknown_fields=True):
    """A constraint of one category with the tests of its wordings.

    `fixed` are kwargs' values that its wordings say in words, such as ``at least``; `prompts` says that question
    and constraint are one sentence, so that what differs between its wordings is the whole prompt.

    >>> WordedConstraint("closed-ended", "startend:quotation", "", False, Rate(1, 2, 0, 50.0, 1.0, 99.0), []).fixed
    ''
    """

    category: str
    constraint: str
    fixed: str
    prompts: bool
    rate: Rate
    tests: list[WordingTest]


class Deviation(Struct, frozen=True, forbid_unknown_fields=True):
    """A standard deviation in points with its 95 % interval.

    >>> Deviation(0.6, 0.2, 1.1).sd
    0.6
    """

    sd: float
    low: float
    high: float


class WordingLuck(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a rate is luck with wordings.

    Attributes:
        group: a category, or ``IFrate``.
        rate: in percent, its interval over clips.
        low, high: its interval over clips and wordings.
        share: of the variance over clips and wordings, what items of one wording share, in percent.
        redrawn: of the rate, had other wordings of the same kind been written, as many and asked as often.
        dealt: of the rate, had each question drawn one of the same wordings anew.
        untold: items whose constraint asks every wording once, so that they say nothing of it.

    >>> WordingLuck.__struct_fields__[:2]
    ('group', 'rate')
    """

    group: str
    rate: Estimate
    low: float | None
    high: float | None
    share: float | None
    redrawn: Deviation | None
    dealt: Deviation | None
    untold: int


class WordedRun(Struct, frozen=True, forbid_unknown_fields=True):
    """What wordings do in one run. `together` tests all constraints at once; None where nothing can be tested.

    >>> WordedRun.__struct_fields__
    ('name', 'signature', 'constraints', 'together', 'power', 'luck', 'notes')
    """

    name: str
    signature: str
    constraints: list[WordedConstraint]
    together: float | None
    power: float | None
    luck: list[WordingLuck]
    notes: list[str]


class SharedEffects(Struct, frozen=True, forbid_unknown_fields=True):
    """How alike the effects of wordings are in two runs, by their index, over so many wordings.

    `correlation` is of the effects themselves, not of observed rates; None, and `why` says why, where it cannot be
    told. `p_holm` is adjusted over the pairs of runs.

    >>> SharedEffects(0, 1, 60, 0.7, 0.2, 1.0, 0.01, 0.01).wordings
    60
    """

    first: int
    second: int
    wordings: int
    correlation: float | None
    low: float | None
    high: float | None
    p: float
    p_holm: float
    why: str | None = None


class WordingEffects(Shown, frozen=True, forbid_unknown_fields=True):
    """How much the wording of a constraint matters: what `speech-ifeval wording --json` prints.

    `effect` is the standard deviation, in logits, at which power is stated.

    >>> WordingEffects.__struct_fields__
    ('schema_version', 'effect', 'seed', 'runs', 'pairs')
    """

    schema_version: int
    effect: float
    seed: int
    runs: list[WordedRun]
    pairs: list[SharedEffects]
