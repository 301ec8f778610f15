"""The verdicts of a run by constraint, each with the wording that demanded it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.demands import Demand, demand_of
from speech_ifeval.errors import DataError, MismatchError
from speech_ifeval.metrics.clips import Ints
from speech_ifeval.metrics.dealing import Dealt, strata
from speech_ifeval.metrics.nested import is_nested
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.records import Verdict

WORDING, PHRASE = "wording", "phrase"


@dataclass
class Worded:
    """The scored verdicts on one constraint of a category whose wordings are alternatives to each other.

    Attributes:
        category, constraint, fixed: what it is; `fixed` as `speech_ifeval.benchmarks.demands.Demand` has it.
        verdicts: those that are scored, and `demands` how each was demanded.
        unscored: the others.
    """

    category: str
    constraint: str
    fixed: str
    verdicts: list[Verdict] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    unscored: list[Verdict] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return "/".join((self.category, self.constraint, *([self.fixed] if self.fixed else [])))

    @property
    def prompts(self) -> bool:
        """Whether question and constraint are one text in most items."""
        return 2 * sum(demand.whole for demand in self.demands) > len(self.demands)

    def dealt(
        self, labels: Sequence[Hashable], within: Callable[[Demand], Hashable] | None = None
    ) -> tuple[Dealt, list[Hashable]]:
        """Return the outcomes with these labels, one an item, and the labels in the order of their numbers.

        Args:
            labels: one for each verdict.
            within: what items must have in common, beside their data set, to be exchangeable.
        """
        apart = [
            (verdict.dataset, within(demand) if within is not None else None)
            for verdict, demand in zip(self.verdicts, self.demands, strict=True)
        ]
        numbers, names = numbered(labels)
        followed = np.array([bool(verdict.followed) for verdict in self.verdicts])
        return Dealt(followed, numbers, strata(apart, [verdict.clip for verdict in self.verdicts])), names

    def by_clip(self) -> Dealt:
        """Return the outcomes with their clips as labels, within data sets."""
        numbers, _ = numbered((verdict.dataset, verdict.clip) for verdict in self.verdicts)
        followed = np.array([bool(verdict.followed) for verdict in self.verdicts])
        dataset = [verdict.dataset for verdict in self.verdicts]
        return Dealt(followed, numbers, strata(dataset, range(len(dataset))))


def numbered(labels: Iterable[Hashable]) -> tuple[Ints, list[Hashable]]:
    """Number labels from 0 in the order in which they come.

    >>> numbers, names = numbered(["b", "a", "b"])
    >>> numbers.tolist(), names
    ([0, 1, 0], ['b', 'a'])
    """
    places: dict[Hashable, int] = {}
    numbers = np.array([places.setdefault(label, len(places)) for label in labels], dtype=np.int64)
    return numbers, list(places)


def worded_of(run: ScoredRun, benchmark: Benchmark) -> list[Worded]:
    """Sort a run's verdicts by constraint, in the order in which the benchmark has them.

    Raises:
        MismatchError: the run was scored on another benchmark.
        DataError: a verdict is about no constraint of the benchmark.
    """
    asked = f"{benchmark.name}-{benchmark.short_fingerprint}"
    if run.settings.get("benchmark") != asked:
        raise MismatchError(
            f"{run.name} was scored on {run.settings.get('benchmark')}, found the benchmark {asked}; name the one "
            "it answers with --benchmark"
        )
    found: dict[tuple[str, str, str], Worded] = {}
    for verdict in run.verdicts:
        item = benchmark.by_id.get(verdict.item)
        if item is None or not 0 <= verdict.index < len(item.constraints):
            raise DataError(
                f"{run.name}: a verdict on {verdict.item!r}, constraint {verdict.index}, which {asked} does not "
                "have; score the run again"
            )
        demand = demand_of(benchmark, item, verdict.index)
        key = (verdict.category, verdict.constraint, demand.fixed)
        worded = found.setdefault(key, Worded(*key))
        if verdict.followed is None:
            worded.unscored.append(verdict)
        else:
            worded.verdicts.append(verdict)
            worded.demands.append(demand)
    return list(found.values())


@dataclass(frozen=True)
class Variation:
    """Something that varies between the items of a constraint, to be tested.

    Attributes:
        varied: what; see `speech_ifeval.results.WordingTest`.
        dealt: the items with its levels as labels.
        keys, texts: of each level, in the order of the labels.
        inner: the items with the levels that these hold whole, None where they hold none.
        counts_as_luck: whether its variance is luck with wordings; of what is told apart only once.
    """

    varied: str
    dealt: Dealt
    keys: list[str]
    texts: list[str]
    inner: Dealt | None = None
    counts_as_luck: bool = True


def variations(worded: Worded) -> list[Variation]:
    """Return what varies between the items of a constraint: its wording and, where there is one, its phrase.

    Where each phrase has one wording, as in the published release, only both together can be seen item by item:
    wordings are then told apart by exchanging whole phrases, phrases within the wordings that have several.
    """
    if all(demand.phrase is None for demand in worded.demands):
        return [_variation(worded, WORDING, _WORDING)]
    of_wording, of_phrase = (
        numbered(one.of(demand) for demand in worded.demands)[0] for one in (_WORDING, _PHRASE)
    )
    if is_nested(of_phrase, of_wording):
        return _told_apart(worded, PHRASE, _PHRASE, WORDING, _WORDING)
    if is_nested(of_wording, of_phrase):
        return _told_apart(worded, WORDING, _WORDING, PHRASE, _PHRASE)
    return [_variation(worded, WORDING, _WORDING), _variation(worded, PHRASE, _PHRASE)]


class _Level(NamedTuple):
    """What tells a level apart, and the text that shows it."""

    of: Callable[[Demand], Hashable]
    text: Callable[[Demand], str]


_WORDING = _Level(lambda demand: demand.wording, lambda demand: demand.text)
_PHRASE = _Level(lambda demand: demand.phrase, lambda demand: demand.phrase or "")
_BOTH = _Level(
    lambda demand: f"{demand.wording} · {demand.phrase}", lambda demand: f"{demand.text} · {demand.phrase}"
)


def _told_apart(worded: Worded, inner: str, of_inner: _Level, outer: str, of_outer: _Level) -> list[Variation]:
    both = _variation(worded, f"{WORDING} with its {PHRASE}", _BOTH)
    over = _variation(worded, f"{outer} over {inner}s", of_outer)
    if len(both.keys) == len(over.keys):  # each has the other to itself
        return [both]
    within = _variation(worded, f"{inner} within {outer}", of_inner, of_outer.of)
    return [
        both,
        replace(over, inner=both.dealt, counts_as_luck=False),
        replace(within, counts_as_luck=False),
    ]


def _variation(
    worded: Worded, varied: str, level: _Level, within: Callable[[Demand], Hashable] | None = None
) -> Variation:
    labels = [level.of(demand) for demand in worded.demands]
    dealt, names = worded.dealt(labels, within)
    inner = None
    if (
        dealt.strata.of_clip.any() and not dealt.information
    ):  # it varies between clips only: they are exchanged whole
        inner = worded.by_clip()
    texts: dict[Hashable, str] = {}
    for label, demand in zip(labels, worded.demands, strict=True):
        texts.setdefault(label, level.text(demand))
    return Variation(varied, dealt, [str(name) for name in names], [texts[name] for name in names], inner)
