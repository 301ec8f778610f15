"""Two conditions on the same items: what got better and what worse, held against a margin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from speech_ifeval.analysis.observing import Observed
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import code_of
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.bootstrap import paired_change
from speech_ifeval.metrics.clusters import clusters
from speech_ifeval.metrics.equivalence import ALPHA, equivalent
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.paired import group_difference
from speech_ifeval.records import CATEGORIES, CODES
from speech_ifeval.results import (
    Contrast,
    Difference,
    Estimate,
    FlipExcess,
    KindDifference,
    PairedChange,
    WordErrorContrast,
)
from speech_ifeval.results.isolation import RowVerdict

# What a constraint binds: how an answer is written, or which words are in it. Chain of thought is neither.
KINDS = {"CC": "form", "WR": "form", "JS": "form", "BP": "form", "LN": "form", "SE": "content", "KW": "content"}
FORM, CONTENT = "form", "content"
_FAMILIES = ("category", "code", "kind", "metric")

Outcome = Literal["following", "answers"]


class Terms(NamedTuple):
    """What every figure is made with: the margin, as a fraction, and the seed."""

    margin: float
    seed: int


class Names(NamedTuple):
    """What is contrasted: the outcome, and the two conditions."""

    outcome: Outcome
    first: str
    second: str


@dataclass(frozen=True)
class Pair:
    """One item under two conditions: -1 worse, 0 the same, +1 better; `right` is None for word errors."""

    change: int
    right: tuple[bool, bool] | None
    clips: tuple[str, str]
    answers: tuple[Answer, Answer] | None = None


Pairs = Mapping[str, Pair]


def following_pairs(first: Observed, second: Observed) -> dict[str, Pair]:
    """Pair the verdicts of the items that are scored under both conditions."""
    found = {}
    for id, before in first.followed.items():
        after = second.followed.get(id)
        if after is not None:
            clips = first.benchmark.item(id).clip, second.benchmark.item(id).clip
            found[id] = Pair(int(after) - int(before), (before, after), clips)
    return found


def answer_pairs(first: Mapping[str, Answer], second: Mapping[str, Answer]) -> dict[str, Pair]:
    """Pair the answers scored under both conditions: right or wrong, or with more or fewer word errors."""
    found = {}
    for id, before in first.items():
        after = second.get(id)
        if after is None:
            continue
        clips, both = (before.clip, after.clip), (before, after)
        if before.correct is not None and after.correct is not None:
            change = int(after.correct) - int(before.correct)
            found[id] = Pair(change, (before.correct, after.correct), clips, both)
        elif before.edits is not None and after.edits is not None:
            more = after.edits.errors - before.edits.errors
            found[id] = Pair((more < 0) - (more > 0), None, clips, both)
    return found


def contrast(
    names: Names, by: str, group: str, ours: Pairs, theirs: Pairs | None, terms: Terms
) -> Contrast | None:
    """Count what got better and worse; None where there is nothing to count.

    Args:
        names: what is contrasted.
        by: how the items are divided, and
        group: which of them these are.
        ours: the model's.
        theirs: the reference system's, of these and other items.
        terms: margin and seed.
    """
    if not ours:
        return None
    pairs = list(ours.values())
    rights = [pair.right for pair in pairs if pair.right is not None]
    told = rights if len(rights) == len(pairs) else []
    shared = [id for id in ours if theirs is not None and id in theirs]
    against = None
    if theirs is not None and shared:
        less = [ours[id].change - theirs[id].change for id in shared]
        against = _measured(less, [ours[id] for id in shared], terms, most=2)
    return Contrast(
        outcome=names.outcome,
        first=names.first,
        second=names.second,
        by=by,
        group=group,
        n=len(pairs),
        before=100 * sum(before for before, _ in told) / len(told) if told else None,
        after=100 * sum(after for _, after in told) / len(told) if told else None,
        change=_measured([pair.change for pair in pairs], pairs, terms),
        worse=tuple(id for id, pair in ours.items() if pair.change < 0),
        better=tuple(id for id, pair in ours.items() if pair.change > 0),
        against_reference=against,
    )


def contrasts(
    names: Names,
    ours: Pairs,
    theirs: Pairs | None,
    benchmark: Benchmark,
    terms: Terms,
    divided: Sequence[str] = (),
) -> list[Contrast]:
    """Return the contrast of all items and, as `divided`, of their parts; p-values adjusted over each division."""
    rows = [contrast(names, "all", "all", ours, theirs, terms)]
    for by in divided:
        parts: dict[str, dict[str, Pair]] = {}
        for id, pair in ours.items():
            part = _part(by, id, pair, benchmark)
            if part is not None:
                parts.setdefault(part, {})[id] = pair
        rows += [contrast(names, by, name, parts[name], theirs, terms) for name in sorted(parts, key=_order)]
    return list(_adjusted([row for row in rows if row is not None]))


def _order(name: str) -> tuple[int, str]:
    known = (*CATEGORIES, *CODES)
    return (known.index(name) if name in known else len(known), name)


def _part(by: str, id: str, pair: Pair, benchmark: Benchmark) -> str | None:
    item = benchmark.item(id)
    if by == "category":
        return item.category
    if by == "metric":
        return item.metric
    code = code_of(item)
    return code if by == "code" or code is None else KINDS.get(code)


def labellings(pairs: Sequence[Pair]) -> list[Any]:
    """Number which items belong together: by the clip they have first and, where that is another, second.

    Answers go by speaker where enough are known, as at the task level.
    """
    sides = []
    for side in (0, 1):
        answers = [pair.answers[side] for pair in pairs if pair.answers is not None]
        if len(answers) == len(pairs):
            sides.append(clusters(answers))
        else:
            sides.append(np.unique([pair.clips[side] for pair in pairs], return_inverse=True)[1])
    return sides[:1] if all(pair.clips[0] == pair.clips[1] for pair in pairs) else sides


def _measured(change: Sequence[int], pairs: Sequence[Pair], terms: Terms, most: int = 1) -> PairedChange:
    found = equivalent(change, labellings(pairs), terms.margin, most=most, seed=terms.seed)
    return PairedChange(
        n=found.n,
        value=100 * found.value,
        low=100 * found.low,
        high=100 * found.high,
        p=found.p,
        p_holm=found.p,
        p_equivalent=found.p_equivalent,
        power=100 * found.power,
        least_margin=100 * found.least_margin,
        verdict=_verdict(found.p_equivalent, found.p),
    )


def _verdict(p_equivalent: float, p: float) -> RowVerdict:
    if p_equivalent < ALPHA:
        return "same"
    return "differs" if p < ALPHA else "undecided"


def _adjusted(rows: Sequence[Contrast]) -> Iterator[Contrast]:
    adjusted: dict[int, Contrast] = {}
    for by in _FAMILIES:
        members = [index for index, row in enumerate(rows) if row.by == by]
        for field in ("change", "against_reference"):
            tested = [(index, getattr(rows[index], field)) for index in members]
            tested = [(index, one) for index, one in tested if one is not None]
            for (index, one), p in zip(tested, holm([one.p for _, one in tested]), strict=True):
                better = replace(one, p_holm=p, verdict=_verdict(one.p_equivalent, p))
                adjusted[index] = replace(adjusted.get(index, rows[index]), **{field: better})
    for index, row in enumerate(rows):
        yield adjusted.get(index, row)


def flip_excess(floor: str, swapped: Pairs, kept: Pairs, terms: Terms) -> FlipExcess | None:
    """Compare how many verdicts flip with another clip, and where the clip is kept; None where none are."""
    shared = [id for id in swapped if id in kept]
    if not shared:
        return None
    pairs = [swapped[id] for id in shared]
    flips, floors = ([bool(one[id].change) for id in shared] for one in (swapped, kept))
    excess = [int(one) - int(other) for one, other in zip(flips, floors, strict=True)]
    return FlipExcess(floor, _share(flips, pairs), _share(floors, pairs), _measured(excess, pairs, terms))


def _share(flips: Sequence[bool], pairs: Sequence[Pair]) -> Estimate:
    value, low, high = rate_interval(np.array(flips), labellings(pairs)[0])
    return Estimate(100 * value, 100 * low, 100 * high, len(flips), 0)


def kind_difference(names: Names, pairs: Pairs, benchmark: Benchmark) -> KindDifference | None:
    """Compare the change of constraints on content with that of constraints on form; None where one is missing."""
    kinds = {id: _part("kind", id, pair, benchmark) for id, pair in pairs.items()}
    known = [id for id in pairs if kinds[id] is not None]
    content = np.array([kinds[id] == CONTENT for id in known])
    if not len(known) or content.all() or not content.any():
        return None
    chosen = [pairs[id] for id in known]
    value, low, high, p = group_difference([one.change for one in chosen], labellings(chosen)[0], content)
    change = Difference(100 * value, None, None, p, p, "no item changes")
    if low is not None and high is not None:
        change = Difference(100 * value, 100 * low, 100 * high, p, p)
    return KindDifference(*names, form=int((~content).sum()), content=int(content.sum()), change=change)


def word_error_contrast(names: Names, pairs: Pairs, seed: int) -> WordErrorContrast | None:
    """Compare the word error rates of the transcripts among the pairs; None where there are none."""
    both = [pair.answers for pair in pairs.values() if pair.answers is not None and pair.right is None]
    edits = [(one.edits, other.edits) for one, other in both if one.edits is not None and other.edits is not None]
    words = [before.words for before, _ in edits]
    if not sum(words):
        return None
    more = [after.errors - before.errors for before, after in edits]
    (value, low, high), p = paired_change(more, words, clusters([one for one, _ in both]), seed)
    change = Difference(100 * value, None, None, p, p, "all change alike, or they are one cluster: no interval")
    if low is not None and high is not None:
        change = Difference(100 * value, 100 * low, 100 * high, p, p)
    return WordErrorContrast(
        first=names.first,
        second=names.second,
        n=len(edits),
        words=sum(words),
        before=100 * sum(before.errors for before, _ in edits) / sum(words),
        after=100 * sum(after.errors for _, after in edits) / sum(words),
        change=change,
    )
