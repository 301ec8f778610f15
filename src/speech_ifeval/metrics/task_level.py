"""From answers to the task level: accuracy and word error rate, with and without a constraint, and the change."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.answers import NOT_A_SUBSTRING, UNANSWERABLE, Answer, WordEdits
from speech_ifeval.metrics.bootstrap import Ratio, paired_change, ratio_interval, resampled
from speech_ifeval.metrics.clips import Floats
from speech_ifeval.metrics.clusters import cluster_unit, clusters
from speech_ifeval.metrics.intervals import rate_interval
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.paired import difference, mcnemar
from speech_ifeval.metrics.word_errors import NORMALISER, count_words
from speech_ifeval.records import CODES
from speech_ifeval.results import AnswerChange, AnswerRate, TaskGroup, TaskLevel

Key = TypeVar("Key", bound=Hashable)


def task_level(answers: Iterable[Answer], seed: int = 0) -> TaskLevel:
    """Measure the answers of each data set, whole and by code and constraint.

    Args:
        answers: of constrained items and of their twins.
        seed: of the bootstrap; every group is drawn with it afresh, so that no figure depends on another group.

    >>> def answer(pair: str, constrained: bool, correct: bool) -> Answer:
    ...     item = pair if constrained else f"{pair}-plain"
    ...     return Answer(item, pair, "mood", f"{pair}.wav", None, "accuracy", "CC", None, constrained, correct)
    >>> twins = [(str(n), constrained) for n in range(10) for constrained in (False, True)]
    >>> found = task_level(answer(n, side, int(n) < (6 if side else 8)) for n, side in twins)
    >>> mood = found.datasets["mood"]
    >>> mood.plain.rate, mood.constrained.rate, round(mood.change.value), mood.change.worse, mood.change.better
    (80.0, 60.0, -20, 2, 0)
    """
    pairs = _twins(answers)
    datasets: dict[str, TaskGroup] = {}
    for name, twins in _by(pairs, lambda twin: (twin.any.dataset, twin.any.metric)).items():
        label = name[0] if name[0] not in datasets else f"{name[0]} ({name[1]})"
        datasets[label] = _with_parts(twins, seed)
    return TaskLevel(NORMALISER, seed, _adjusted(datasets))


class _Twins(NamedTuple):
    """The answers to one question, without its constraint and with it; one of the two may be no item."""

    plain: Answer | None
    constrained: Answer | None

    @property
    def any(self) -> Answer:
        found = self.constrained or self.plain
        assert found is not None
        return found

    @property
    def scored(self) -> bool:
        """Whether both sides are, so that they can be compared."""
        return all(side is not None and side.scored for side in self)


def _twins(answers: Iterable[Answer]) -> list[_Twins]:
    sides: dict[str, list[Answer | None]] = {}
    for answer in answers:
        sides.setdefault(answer.pair, [None, None])[answer.constrained] = answer
    return [_Twins(*both) for both in sides.values()]


def _by(twins: Iterable[_Twins], key: Callable[[_Twins], Key]) -> dict[Key, list[_Twins]]:
    groups: dict[Key, list[_Twins]] = {}
    for twin in twins:
        groups.setdefault(key(twin), []).append(twin)
    return groups


def _with_parts(twins: list[_Twins], seed: int) -> TaskGroup:
    parts = []
    for named in (lambda twin: twin.any.code, lambda twin: twin.any.constraint):
        groups = {name: _group(part, seed) for name, part in _by(twins, named).items() if name is not None}
        parts.append(_adjusted({name: groups[name] for name in sorted(groups, key=_order)}))
    whole = _group(twins, seed)
    sound = [twin for twin in twins if UNANSWERABLE not in twin.any.flags]
    return msgspec.structs.replace(
        whole,
        codes=parts[0],
        constraints=parts[1],
        answerable=_group(sound, seed) if 0 < len(sound) < len(twins) else None,
    )


def _order(name: str) -> tuple[int, str]:
    return (CODES.index(name) if name in CODES else len(CODES), name)


def _adjusted(groups: Mapping[str, TaskGroup]) -> dict[str, TaskGroup]:
    """Adjust the p-values of groups that are shown together."""
    tested = {name: group.change.p for name, group in groups.items() if group.change.p is not None}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        name: msgspec.structs.replace(
            group, change=msgspec.structs.replace(group.change, p_holm=adjusted.get(name))
        )
        for name, group in groups.items()
    }


def _group(twins: Sequence[_Twins], seed: int) -> TaskGroup:
    together = _Clusters(twins, seed)
    accuracy = twins[0].any.metric == "accuracy"
    rate = _accuracy if accuracy else _word_errors
    change = (_accuracy_change if accuracy else _word_error_change)(twins, together)
    least, most = _bounds(twins, accuracy)
    return TaskGroup(
        metric=twins[0].any.metric,
        twins=len(twins),
        unit=together.unit,
        clusters=together.count,
        plain=rate([twin.plain for twin in twins if twin.plain is not None], together),
        constrained=rate([twin.constrained for twin in twins if twin.constrained is not None], together),
        change=msgspec.structs.replace(change, least=least, most=most),
    )


class _Clusters:
    """Which answers of a group belong together. The twins that are scored on both sides decide by what."""

    def __init__(self, twins: Sequence[_Twins], seed: int) -> None:
        # A group without such twins has rates alone, and then all of it decides.
        answers = [twin.any for twin in twins if twin.scored] or [twin.any for twin in twins]
        self.unit = cluster_unit(answers)
        self.count = len(set(self.of(answers).tolist()))
        self.seed = seed
        self._draws: dict[int, Floats] = {}

    def of(self, answers: Sequence[Answer]) -> NDArray[np.int64]:
        """Number the clusters of these answers from 0, shape (n,)."""
        return clusters(answers, self.unit)

    def rate(self, answers: Sequence[Answer], errors: Sequence[int], words: Sequence[int]) -> Ratio:
        """Return errors over words, one of each an answer, with its interval."""
        cluster = self.of(answers)
        top, bottom = (np.bincount(cluster, weights=column).astype(np.float64) for column in (errors, words))
        if len(top) not in self._draws:
            self._draws[len(top)] = resampled(len(top), self.seed)
        return ratio_interval(top, bottom, self._draws[len(top)])


def _accuracy(answers: Sequence[Answer], together: _Clusters) -> AnswerRate:
    scored = [answer for answer in answers if answer.correct is not None]
    unscored = len(answers) - len(scored)
    if not scored:
        return AnswerRate(0, unscored, None, None, None, correct=0)
    value, low, high = rate_interval([answer.correct for answer in scored], together.of(scored))
    correct = sum(answer.correct is True for answer in scored)
    return AnswerRate(len(scored), unscored, 100 * value, 100 * low, 100 * high, correct=correct)


def _word_errors(answers: Sequence[Answer], together: _Clusters) -> AnswerRate:
    scored = [(answer, answer.edits) for answer in answers if answer.edits is not None]
    edits = [edit for _, edit in scored]
    unflagged = [edit for answer, edit in scored if NOT_A_SUBSTRING not in answer.flags]
    figures = AnswerRate(
        n=len(scored),
        unscored=len(answers) - len(scored),
        rate=_wer(edits),
        low=None,
        high=None,
        words=sum(edit.words for edit in edits),
        substitutions=sum(edit.substitutions for edit in edits),
        deletions=sum(edit.deletions for edit in edits),
        insertions=sum(edit.insertions for edit in edits),
        flagged=len(scored) - len(unflagged),
        rate_unflagged=_wer(unflagged) if len(unflagged) < len(scored) else None,
    )
    if figures.rate is None:
        return figures
    answered = [answer for answer, _ in scored]
    ratio = together.rate(answered, [one.errors for one in edits], [one.words for one in edits])
    return msgspec.structs.replace(figures, low=_percent(ratio.low), high=_percent(ratio.high))


def _wer(edits: Sequence[WordEdits]) -> float | None:
    words = sum(edit.words for edit in edits)
    return 100 * sum(edit.errors for edit in edits) / words if words else None


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value


def _accuracy_change(twins: Sequence[_Twins], together: _Clusters) -> AnswerChange:
    both = [
        (plain, constrained)
        for plain, constrained in twins
        if plain is not None and plain.correct is not None
        if constrained is not None and constrained.correct is not None
    ]
    if not both:
        return _no_change(twins)
    before, after = (np.array([side.correct for side in sides]) for sides in zip(*both, strict=True))
    cluster = together.of([constrained for _, constrained in both])
    value, low, high, _ = difference([(after, cluster)], [(before, cluster)])
    worse, better = int((before & ~after).sum()), int((after & ~before).sum())
    p = mcnemar(worse, better)
    return AnswerChange(len(both), 100 * value, 100 * low, 100 * high, worse, better, p, None, None, None)


def _word_error_change(twins: Sequence[_Twins], together: _Clusters) -> AnswerChange:
    both = [
        (constrained, constrained.edits.errors - plain.edits.errors, constrained.edits.words)
        for plain, constrained in twins
        if plain is not None and plain.edits is not None
        if constrained is not None and constrained.edits is not None
    ]
    more, words = [errors for _, errors, _ in both], [count for *_, count in both]
    if not sum(words):
        return _no_change(twins)
    cluster = together.of([answer for answer, *_ in both])
    (value, low, high), p = paired_change(more, words, cluster, together.seed)
    return AnswerChange(
        n=len(both),
        value=100 * value,
        low=_percent(low),
        high=_percent(high),
        worse=sum(errors > 0 for errors in more),
        better=sum(errors < 0 for errors in more),
        p=p,
        p_holm=None,
        least=None,
        most=None,
        why=None if low is not None else f"all change alike, or there is one {together.unit}: no interval",
    )


def _no_change(twins: Sequence[_Twins]) -> AnswerChange:
    lacks_twins = all(plain is None for plain, _ in twins)
    why = "no item has a twin without its constraint" if lacks_twins else "no twins are scored on both sides"
    return AnswerChange(0, None, None, None, 0, 0, None, None, None, None, why)


def _bounds(twins: Sequence[_Twins], accuracy: bool) -> tuple[float | None, float | None]:
    """Return the least and the most that the change over all twins can be, whatever is unscored."""
    least = most = total = 0
    for plain, constrained in twins:
        if plain is not None and constrained is not None:
            (before_low, before_high), (after_low, after_high) = _range(plain), _range(constrained)
            least, most = least + after_low - before_high, most + after_high - before_low
            total += 1 if accuracy else constrained.words or 0
    return (100 * least / total, 100 * most / total) if total else (None, None)


def _range(answer: Answer) -> tuple[int, int]:
    """Return the fewest and the most of what is counted: right answers, or word errors."""
    if answer.metric == "accuracy":
        return (0, 1) if answer.correct is None else (int(answer.correct), int(answer.correct))
    if answer.edits is not None:
        return answer.edits.errors, answer.edits.errors
    # No part of a reply has more errors than the longer of reply and reference has words.
    return 0, max(answer.words or 0, count_words(answer.text or ""))
