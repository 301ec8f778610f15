"""What is concluded from ranking runs: comparable groups, places, ties, and the published rows beside them."""

from __future__ import annotations

from msgspec import Struct

from speech_ifeval.results.comparison import Comparison
from speech_ifeval.results.published import PublishedBlock
from speech_ifeval.results.showing import Shown


class Ranked(Struct, frozen=True, forbid_unknown_fields=True):
    """A run's place in its group.

    Attributes:
        run: its index in the group's comparison, which holds all its figures.
        place: by IFrate, 1 the highest; equal IFrates share the better place.
        low, high: the places that the paired tests leave it, all runs' at once at 95 %.
        tied: indices of the runs whose IFrate was not found to differ from its own.

    >>> Ranked(0, 1, 1, 2, [3]).high
    2
    """

    run: int
    place: int
    low: int
    high: int
    tied: list[int]


class Unranked(Struct, frozen=True, forbid_unknown_fields=True):
    """A run that has no place, and why; `signature` is of its scoring."""

    name: str
    signature: str
    why: str


class Apart(Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps a group from being compared with the first one: a setting, there and here.

    >>> Apart("rules", "official", "careful").key
    'rules'
    """

    key: str
    first: str
    here: str


class LeaderboardGroup(Struct, frozen=True, forbid_unknown_fields=True):
    """Runs that can be compared with each other.

    Attributes:
        settings: what they have in common, by name.
        comparison: their figures, paired differences and tests; without flips. None where no run has a place.
        ranked: by place.
        unranked: runs that belong here and have no place.
        apart: what differs from the first group; empty for that one.
    """

    settings: dict[str, str]
    comparison: Comparison | None
    ranked: list[Ranked]
    unranked: list[Unranked]
    apart: list[Apart]


class Leaderboard(Shown, frozen=True, forbid_unknown_fields=True):
    """Ranked runs: what `speech-ifeval leaderboard --json` prints.

    >>> Leaderboard.__struct_fields__
    ('schema_version', 'groups', 'published', 'notes')
    """

    schema_version: int
    groups: list[LeaderboardGroup]
    published: PublishedBlock | None
    notes: list[str]
