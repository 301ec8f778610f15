"""From outcomes of items to the figures that a harness shows, in percent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from speech_ifeval.metrics.following import EMPTY, ClipIndex, Group, following_rate
from speech_ifeval.metrics.standard_errors import standard_errors
from speech_ifeval.metrics.summaries import arrays, ifrate
from speech_ifeval.records import CATEGORIES, Verdict

NAMES = {category: category.replace("-", "_") for category in CATEGORIES}
IFRATE = "ifrate"


class Outcome(NamedTuple):
    """Whether one item follows all its constraints; None where it is unscored."""

    item: str
    category: str
    clip: str
    followed: bool | None


def outcome_of(verdicts: Sequence[Verdict]) -> Outcome:
    """Return what the verdicts on one item come to: one that fails decides, and then one that is unscored.

    >>> verdict = Verdict("a", "closed-ended", "asr", "a.wav", "startend:quotation", "WR", 0, "official", None)
    >>> outcome_of([verdict]).followed is None
    True
    """
    first = verdicts[0]
    followed = [verdict.followed for verdict in verdicts]
    decided = False if False in followed else None if None in followed else True
    return Outcome(first.item, first.category, first.clip, decided)


def figures(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Return IFrate with its interval and the following rates, each with its standard error, in percent.

    A rate of which nothing is scored is left out, and IFrate where one of the three is.

    >>> found = figures([Outcome("a", "closed-ended", "a.wav", True), Outcome("b", "closed-ended", "b.wav", None)])
    >>> sorted(found), found["closed_ended"]
    (['closed_ended', 'closed_ended_stderr'], 100.0)
    """
    groups = _groups(outcomes)
    whole = ifrate(groups)
    found: dict[str, float] = {}
    if whole.value is not None and whole.low is not None and whole.high is not None:
        errors = standard_errors(arrays(groups))
        found |= {IFRATE: whole.value, f"{IFRATE}_stderr": 100 * errors.mean}
        found |= {f"{IFRATE}_low": whole.low, f"{IFRATE}_high": whole.high}
    for category, group in zip(CATEGORIES, groups, strict=True):
        rate = following_rate(group).rate
        if rate is not None:
            (error,) = standard_errors(arrays([group])).groups
            found |= {NAMES[category]: rate, f"{NAMES[category]}_stderr": 100 * error}
    return found


def _groups(outcomes: Iterable[Outcome]) -> list[Group]:
    clips = ClipIndex()
    by_category: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_category.setdefault(outcome.category, []).append(outcome)
    return [_group(by_category[category], clips) if category in by_category else EMPTY for category in CATEGORIES]


def _group(outcomes: Sequence[Outcome], clips: ClipIndex) -> Group:
    scored = [outcome for outcome in outcomes if outcome.followed is not None]
    return Group(
        tuple(outcome.item for outcome in scored),
        np.array([outcome.followed for outcome in scored], dtype=np.bool_),
        np.array([clips[outcome.clip] for outcome in scored], dtype=np.int64),
        len(outcomes) - len(scored),
    )
