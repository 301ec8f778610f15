"""What is concluded from two judges of the same replies."""

from __future__ import annotations

from msgspec import Struct

from speech_ifeval.results.comparison import Difference
from speech_ifeval.results.summary import Estimate


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
