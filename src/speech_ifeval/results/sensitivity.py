"""What is concluded from the answers to twins."""

from __future__ import annotations

from msgspec import Struct, field

from speech_ifeval.results.comparison import Difference
from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate


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


class Sensitivity(Shown, frozen=True, forbid_unknown_fields=True):
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
    contradicted: list[str] = field(default_factory=list)
