"""What is concluded from several runs side by side."""

from __future__ import annotations

from msgspec import Struct

from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate, Rate, TaskLevel


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


class Comparison(Shown, frozen=True, forbid_unknown_fields=True):
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
