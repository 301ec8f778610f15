"""Shares of replies, and of groups such as codes of which the worst decides: figures with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from speech_ifeval.analysis.diagnosis.evidence import Evidence, Reply, SystemRun
from speech_ifeval.analysis.diagnosis.measuring import (
    SEVERITIES,
    Case,
    Measured,
    Rule,
    Unmade,
    severity,
    worst_bound,
)
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.paired import difference, mcnemar
from speech_ifeval.records import TWIN_CATEGORY
from speech_ifeval.results import Difference, Estimate, FindingPart

LEVEL = 0.95
NO_REPLIES = "there are no replies"
_KINDS = {
    "closed-ended": "closed-ended, with a constraint",
    TWIN_CATEGORY: "closed-ended, without a constraint",
    "creative-writing": "creative writing",
    "chain-of-thought": "chain of thought",
}

Told = Callable[[Reply], bool | None]


def all_at_once(groups: int) -> float:
    """Return the level at which so many intervals hold all at once with 95 % (Bonferroni).

    >>> all_at_once(1), all_at_once(5)
    (0.95, 0.99)
    """
    return 1 - (1 - LEVEL) / max(groups, 1)


def rate(evidence: Evidence, does: Sequence[bool], of: Sequence[object], level: float = LEVEL) -> Estimate:
    """Return the share of `of` (whatever has a clip) that does it, in percent; there must be some."""
    value, low, high = rate_interval(np.array(does, dtype=np.bool_), evidence.clips(of), level)
    return Estimate(100 * value, 100 * low, 100 * high, len(does), 0)


def rate_of_told(
    evidence: Evidence, told: Sequence[bool | None], of: Sequence[object], level: float = LEVEL
) -> Estimate:
    """Return the share as `rate` does; those that cannot be told (None) are counted as unscored.

    `value` is None where nothing can be told.
    """
    known = [(does, one) for does, one in zip(told, of, strict=True) if does is not None]
    if not known:
        return Estimate(None, None, None, 0, len(told), "of none can it be told")
    found = rate(evidence, [does for does, _ in known], [one for _, one in known], level)
    return Estimate(found.value, found.low, found.high, found.n, len(told) - len(known))


def apart(
    evidence: Evidence, ours: Sequence[bool], theirs: Sequence[bool], of: Sequence[object], level: float = LEVEL
) -> Difference:
    """Return how much more often ours do it than theirs, on the same items, in points; p is exact McNemar's."""
    first, second, clip = np.array(ours, dtype=np.bool_), np.array(theirs, dtype=np.bool_), evidence.clips(of)
    found = difference([(first, clip)], [(second, clip)], level)
    p = mcnemar(int((second & ~first).sum()), int((first & ~second).sum()))
    return Difference(100 * found.value, 100 * found.low, 100 * found.high, p, p)


def share_of_replies(
    evidence: Evidence,
    told: Told,
    failed: str | Callable[[Reply], str],
    *,
    sentence: Callable[[list[Reply]], str] | None = None,
    unknown: str = NO_REPLIES,
) -> Measured | Unmade:
    """Measure how many replies do something that no reply should.

    Args:
        evidence: the replies of the run, and of its reference.
        told: whether a reply does it; None where that is not known.
        failed: what is wrong with one that does.
        sentence: says more of those that do.
        unknown: why the check cannot be made where nothing is known of any reply.
    """
    run = evidence.run
    known = [(reply, does) for reply in run.replies if (does := told(reply)) is not None]
    if not known:
        return Unmade(unknown if run.replies else NO_REPLIES)
    doing = [reply for reply, does in known if does]
    return Measured(
        figure=rate(evidence, [does for _, does in known], [reply.item for reply, _ in known]),
        of="replies",
        count=len(doing),
        sentence=sentence(doing) if sentence is not None else followed_of(run, doing),
        cases=[Case(one.item.id, failed if isinstance(failed, str) else failed(one)) for one in doing],
        parts=list(_by_kind(evidence, known)),
        parts_at_once=True,
        against=_against(evidence, told),
    )


def followed_of(run: SystemRun, replies: Iterable[Reply]) -> str:
    """Say how many of these replies do not follow their constraint."""
    outcomes = [run.followed.get(reply.item.id) for reply in replies]
    scored = [outcome for outcome in outcomes if outcome is not None]
    if not scored:
        return "None of them has a scored constraint."
    return (
        f"Their constraint is not followed by {scored.count(False)} of the {len(scored)} that have a scored one."
    )


def _by_kind(evidence: Evidence, known: Sequence[tuple[Reply, bool]]) -> Iterable[FindingPart]:
    kinds: dict[str, list[tuple[Reply, bool]]] = {}
    for reply, does in known:
        kinds.setdefault(reply.item.category, []).append((reply, does))
    level = all_at_once(len(kinds))
    for kind, name in _KINDS.items():
        if members := kinds.get(kind):
            found = [does for _, does in members]
            figure = rate(evidence, found, [reply.item for reply, _ in members], level)
            yield FindingPart(name, figure, sum(found))


def _against(evidence: Evidence, told: Told) -> Difference | None:
    if evidence.reference is None:
        return None
    theirs = evidence.reference.by_id
    both = [
        (reply, ours, other)
        for reply in evidence.run.replies
        if reply.item.id in theirs
        if (ours := told(reply)) is not None
        if (other := told(theirs[reply.item.id])) is not None
    ]
    if not both:
        return None
    return apart(evidence, [one[1] for one in both], [one[2] for one in both], [one[0].item for one in both])


@dataclass
class Group:
    """Things of one kind, such as the constraints of one code: which of them do it."""

    of: list[object] = field(default_factory=list)
    does: list[bool] = field(default_factory=list)

    def add(self, one: object, does: bool) -> None:
        """Count one more; it has a clip."""
        self.of.append(one)
        self.does.append(does)


@dataclass(frozen=True)
class Worst:
    """The group that is worst: its name, its figure, how large the trouble can be in any, and all of them."""

    name: str
    figure: Estimate
    count: int
    bound: float | None
    parts: tuple[FindingPart, ...]


def worst_of(evidence: Evidence, groups: Mapping[str, Group], rule: Rule) -> Worst:
    """Return the worst of some groups, none of them empty; all intervals hold at once, as one is picked."""
    level = all_at_once(len(groups))
    parts = [
        FindingPart(name, rate(evidence, group.does, group.of, level), sum(group.does))
        for name, group in groups.items()
    ]
    worst = max(parts, key=lambda part: (_gravity(rule, part.figure), part.figure.value or 0.0))
    bounds = [bound for part in parts if (bound := worst_bound(rule, part.figure)) is not None]
    return Worst(worst.name, worst.figure, worst.count or 0, max(bounds, default=None), tuple(parts))


def _gravity(rule: Rule, figure: Estimate) -> int:
    found = severity(rule, figure)
    return 0 if found is None else len(SEVERITIES) - SEVERITIES.index(found)
