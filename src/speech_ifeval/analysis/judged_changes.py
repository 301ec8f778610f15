"""Two judges of the same replies, by data set and by constraint: do they see the same change?

Judges that agree well over all replies can still disagree more on one side of twins than on the other, and then a
change that one of them measures is not the other's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from speech_ifeval.analysis.changes import NOTHING, Grouping, adjusted, behaviour
from speech_ifeval.analysis.twins import Side, Twin
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.judges import Judgements
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.clusters import clusters
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.pipeline.agreeing import judge_agreement, read_source
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Item
from speech_ifeval.results import Behaviour, Difference, Estimate, JudgeAgreement, JudgedChange

Both = tuple[Answer, Answer]  # one reply's answer as the first, and as the second judge has it


def compare_judges(first: Path, second: Path, benchmark: Benchmark | None = None) -> JudgeAgreement:
    """Compare two judges as `speech_ifeval.pipeline.agreeing.judge_agreement` does, and the changes they see.

    Raises:
        UsageError, DataError, MismatchError: as there.

    >>> compare_judges(Path("a.jsonl"), Path("a.jsonl"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: the same judgements are named twice ('a.jsonl'); name two judges
    """
    found = judge_agreement(first, second, benchmark)
    if benchmark is None:
        return found
    one, other = (read_source(path, benchmark).judgements for path in (first, second))
    return msgspec.structs.replace(found, changes=judged_changes(one, other, benchmark))


def judged_changes(first: Judgements, second: Judgements, benchmark: Benchmark) -> list[JudgedChange]:
    """Return what the constraint does to closed questions in the eyes of two judges: over all, and by data set.

    Only replies of which both say whether they are right count, by the hash of their text. p-values are adjusted
    (Holm) over the data sets.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> judged_changes({}, {}, load_benchmark("example"))
    []
    """
    both = list(_both(first, second, benchmark))
    groups = {Grouping("all", "all"): both} if both else {}
    for pair in both:
        groups.setdefault(Grouping("dataset", pair[0].dataset), []).append(pair)
    rows = [[_change(grouping, pairs, judge) for grouping, pairs in groups.items()] for judge in (0, 1)]
    known = [[row for row in judged if row is not None] for judged in rows]
    ones, others = ({(row.by, row.group): row for row in adjusted(judged)} for judged in known)
    return [_judged(grouping, pairs, ones, others) for grouping, pairs in groups.items()]


def _both(first: Judgements, second: Judgements, benchmark: Benchmark) -> Iterator[Both]:
    for item in benchmark.items:
        one, other = first.get((item.id, "accuracy")), second.get((item.id, "accuracy"))
        if item.category not in (CATEGORIES[0], TWIN_CATEGORY) or one is None or other is None:
            continue
        if one.reply_hash == other.reply_hash and one.verdict is not None and other.verdict is not None:
            yield _answer(item, one.verdict), _answer(item, other.verdict)


def _answer(item: Item, correct: bool) -> Answer:
    constrained = item.category == CATEGORIES[0]
    pair = item.id if constrained or item.twin is None else item.twin
    return Answer(
        item.id, pair, item.dataset, item.clip, item.speaker, "accuracy", None, None, constrained, correct
    )


def _twins(pairs: Sequence[Both], judge: int) -> list[Twin]:
    plain = {pair[judge].pair: pair[judge] for pair in pairs if not pair[judge].constrained}
    constrained = [pair[judge] for pair in pairs if pair[judge].constrained and pair[judge].pair in plain]
    # Of the replies themselves nothing is known here.
    return [
        Twin(one.pair, Side(plain[one.pair], None, None, ()), Side(one, None, None, ())) for one in constrained
    ]


def _change(grouping: Grouping, pairs: Sequence[Both], judge: int) -> Behaviour | None:
    """What one judge sees; against the reference is against the other judge."""
    other = {twin.id: twin for twin in _twins(pairs, 1 - judge)}
    return behaviour("right", grouping, _twins(pairs, judge), lambda side: side.answer.correct, other)


def _judged(
    grouping: Grouping,
    pairs: Sequence[Both],
    ones: Mapping[tuple[str, str], Behaviour],
    others: Mapping[tuple[str, str], Behaviour],
) -> JudgedChange:
    one, other = ones.get(grouping), others.get(grouping)
    nothing = Difference(None, None, None, None, None, NOTHING)
    return JudgedChange(
        by=grouping.by,
        group=grouping.group,
        plain=_equal([pair for pair in pairs if not pair[0].constrained]),
        constrained=_equal([pair for pair in pairs if pair[0].constrained]),
        twins=0 if one is None else one.n,
        right=(_right(one), _right(other)),
        changes=(nothing if one is None else one.change, nothing if other is None else other.change),
        apart=nothing if other is None else other.against_reference or nothing,
    )


def _right(row: Behaviour | None) -> tuple[int, int]:
    return (0, 0) if row is None else (row.plain, row.constrained)


def _equal(pairs: Sequence[Both]) -> Estimate:
    if not pairs:
        return Estimate(None, None, None, 0, 0, "no reply was scored by both")
    equal = np.array([one.correct == other.correct for one, other in pairs])
    value, low, high = rate_interval(equal, clusters([one for one, _ in pairs], "clip"))
    return Estimate(100 * value, 100 * low, 100 * high, len(pairs), 0)
