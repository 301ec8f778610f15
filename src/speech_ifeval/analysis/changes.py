"""Changes between twins as figures: what appeared and disappeared, differences of rates and of word error rates.

Twins are resampled by speaker or by clip, as at the task level, so that the two print the same intervals. With a
reference system: what remains of a change when the reference's own is taken off (difference in differences).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from speech_ifeval.analysis.twins import Side, Twin
from speech_ifeval.metrics.bootstrap import paired_change
from speech_ifeval.metrics.clips import count_clips, fit
from speech_ifeval.metrics.clusters import clusters
from speech_ifeval.metrics.combinations import combine, sum_limits
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.paired import difference, mcnemar, no_difference
from speech_ifeval.results import Behaviour, ChangedAnswers, Difference, Estimate, WordErrorChange

LEVEL = 0.95
NOTHING = "no twins to compare"
_NO_SPREAD = "all twins change alike, or they are one cluster: no interval"

Told = Callable[[Side], bool | None]


class Grouping(NamedTuple):
    """Twins that are counted together: by what, and the group's name."""

    by: str
    group: str


def behaviour(
    name: str, grouping: Grouping, twins: Sequence[Twin], told: Told, reference: Mapping[str, Twin] | None
) -> Behaviour | None:
    """Count what `told` says of both sides of the twins; None where it says nothing of any."""
    known = [twin for twin in twins if told(twin.plain) is not None and told(twin.constrained) is not None]
    if not known:
        return None
    plain, constrained = (np.array([bool(told(side)) for side in sides]) for sides in _sides(known))
    appeared = [twin.id for twin, is_new in zip(known, constrained & ~plain, strict=True) if is_new]
    disappeared = [twin.id for twin, is_gone in zip(known, plain & ~constrained, strict=True) if is_gone]
    cluster = _clusters(known)
    found = difference([(constrained, cluster)], [(plain, cluster)], LEVEL)
    p = mcnemar(len(disappeared), len(appeared))
    against, n = _against(known, told, reference)
    return Behaviour(
        name=name,
        by=grouping.by,
        group=grouping.group,
        n=len(known),
        plain=int(plain.sum()),
        constrained=int(constrained.sum()),
        change=Difference(100 * found.value, 100 * found.low, 100 * found.high, p, p),
        appeared=tuple(appeared),
        disappeared=tuple(disappeared),
        against_reference=against,
        reference_n=n,
    )


def _against(
    known: Sequence[Twin], told: Told, reference: Mapping[str, Twin] | None
) -> tuple[Difference | None, int]:
    if reference is None:
        return None, 0
    both = [(twin, reference[twin.id]) for twin in known if twin.id in reference]
    both = [
        (twin, other)
        for twin, other in both
        if told(other.plain) is not None and told(other.constrained) is not None
    ]
    if not both:
        return Difference(None, None, None, None, None, NOTHING), 0
    cluster = _clusters([twin for twin, _ in both])
    ours, theirs = _sides([twin for twin, _ in both]), _sides([other for _, other in both])
    # With minus without, of ours, less the same of the reference.
    groups = [np.array([bool(told(side)) for side in sides]) for sides in (*reversed(ours), *reversed(theirs))]
    sums = combine([fit(counts) for counts in count_clips(*([(group, cluster)] for group in groups))])
    weights = np.array([1.0, -1.0, -1.0, 1.0])
    value, low, high = (100 * float(limit[0]) for limit in sum_limits(sums, weights, LEVEL))
    p = no_difference(sums, weights)[1]
    return Difference(value, low, high, p, p), len(both)


def changed_answers(metric: str, grouping: Grouping, twins: Sequence[Twin]) -> ChangedAnswers | None:
    """Count the twins whose answers differ; None where none has both scored."""
    scored = [twin for twin in twins if twin.plain.answer.scored and twin.constrained.answer.scored]
    known = [twin for twin in scored if twin.changed is not None]
    if not scored:
        return None
    items = tuple(twin.id for twin in known if twin.changed)
    untold = len(scored) - len(known)
    if known:
        cluster = _clusters(known)
        value, low, high = rate_interval(np.array([bool(twin.changed) for twin in known]), cluster, LEVEL)
        rate = Estimate(100 * value, 100 * low, 100 * high, len(known), untold)
    else:
        rate = Estimate(None, None, None, 0, untold, "of no twins can it be told")
    ends = 100 * len(items) / len(scored), 100 * (len(items) + untold) / len(scored)
    return ChangedAnswers(
        metric=metric,
        by=grouping.by,
        group=grouping.group,
        n=len(known),
        changed=len(items),
        rate=rate,
        untold=untold,
        if_untold=ends if untold else None,
        items=items,
    )


def word_errors(
    grouping: Grouping, twins: Sequence[Twin], reference: Mapping[str, Twin] | None, seed: int
) -> WordErrorChange | None:
    """Compare the word error rates without and with the constraint; None where there are no transcripts.

    Only twins of which both are scored count. `seed` is that of the bootstrap.
    """
    if not twins:
        return None
    known = [twin for twin in twins if _errors(twin) is not None]
    counts = _counts(known)
    more = [twin.id for twin, row in zip(known, counts, strict=True) if row[1] > row[0]]
    fewer = [twin.id for twin, row in zip(known, counts, strict=True) if row[1] < row[0]]
    against, n = None, 0
    if reference is not None:
        both = [twin for twin in known if twin.id in reference and _errors(reference[twin.id]) is not None]
        theirs = _counts([reference[twin.id] for twin in both])
        changes = [row - other for row, other in zip(_changes(_counts(both)), _changes(theirs), strict=True)]
        against, n = _rate_change(changes, both, seed), len(both)
    words = int(counts[:, 2].sum())
    return WordErrorChange(
        by=grouping.by,
        group=grouping.group,
        n=len(known),
        words=words,
        plain=100 * float(counts[:, 0].sum()) / words if words else None,
        constrained=100 * float(counts[:, 1].sum()) / words if words else None,
        change=_rate_change(_changes(counts), known, seed),
        items=tuple(more),
        fewer=tuple(fewer),
        unscored=len(twins) - len(known),
        against_reference=against,
        reference_n=n,
    )


def _errors(twin: Twin) -> tuple[int, int, int] | None:
    """Errors without and with the constraint, and the words of the one reference that twins have."""
    plain, constrained = twin.plain.answer.edits, twin.constrained.answer.edits
    return None if plain is None or constrained is None else (plain.errors, constrained.errors, constrained.words)


def _counts(twins: Sequence[Twin]) -> Any:
    return np.array([_errors(twin) for twin in twins], dtype=np.float64).reshape(-1, 3)


def _changes(counts: Any) -> Any:
    return counts[:, 1] - counts[:, 0]


def _rate_change(changes: Sequence[float], twins: Sequence[Twin], seed: int) -> Difference:
    """What the changed errors are of the reference's words, in points."""
    words = [errors[2] for twin in twins if (errors := _errors(twin)) is not None]
    if not sum(words):
        return Difference(None, None, None, None, None, NOTHING)
    (value, low, high), p = paired_change(changes, words, _clusters(twins), seed, LEVEL)
    if low is None or high is None:
        return Difference(100 * value, None, None, p, p, _NO_SPREAD)
    return Difference(100 * value, 100 * low, 100 * high, p, p)


def _clusters(twins: Sequence[Twin]) -> Any:
    return clusters([twin.answer for twin in twins])


def _sides(twins: Sequence[Twin]) -> tuple[list[Side], list[Side]]:
    return [twin.plain for twin in twins], [twin.constrained for twin in twins]


def adjusted(rows: Sequence[Any]) -> list[Any]:
    """Return the rows with p-values adjusted (Holm): over data sets, over codes, and over constraints.

    The other rows are no family: their adjusted value is their own.
    """
    families: dict[tuple[str, str], list[int]] = {}
    for index, row in enumerate(rows):
        if row.by in ("dataset", "code", "constraint"):
            families.setdefault((row.by, getattr(row, "name", "")), []).append(index)
    result = list(rows)
    for members in families.values():
        for field in ("change", "against_reference"):
            found = [(index, getattr(rows[index], field)) for index in members]
            tested = [(index, one) for index, one in found if one is not None and one.p is not None]
            for (index, one), p in zip(tested, holm([one.p for _, one in tested]), strict=True):
                changed = msgspec.structs.replace(one, p_holm=float(p))
                result[index] = msgspec.structs.replace(result[index], **{field: changed})
    return result
