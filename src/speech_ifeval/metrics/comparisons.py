"""From several scored runs to a comparison: paired differences, rank intervals, what flipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, count
from typing import Any

from speech_ifeval.metrics import paired
from speech_ifeval.metrics.following import ClipIndex, Group, by_pair, rates
from speech_ifeval.metrics.multiple import holm, rank_intervals
from speech_ifeval.metrics.summaries import ScoredRun, against, arrays, category_groups, ifrate, is_wide
from speech_ifeval.records import CATEGORIES, CODES, SCHEMA_VERSION, Verdict
from speech_ifeval.results import ComparedPair, ComparedRun, Comparison, Difference, Estimate, Flip

_Groups = list[Group]
_Arrays = list[tuple[Any, Any]]
_Pair = tuple[int, int]


def compare_runs(
    runs: Sequence[ScoredRun],
    references: Sequence[ScoredRun | None] | None,
    notes: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Compare runs on the same items.

    Args:
        runs: scored runs; one alone has no rank.
        references: one for each run, None for one without, or None for all: then Δ is left out.
        notes: what is to be said of the runs beside their figures.
        progress: called with (done, all) as runs and their pairs are gone through.
    """
    steps = len(runs) * (len(runs) + 1) // 2
    done = count(1)

    def advance() -> None:
        if progress is not None:
            progress(next(done), steps)

    clips = ClipIndex()
    groups = [category_groups(run.verdicts, clips) for run in runs]
    against_whom = references or [None] * len(runs)
    their_groups = [None if run is None else category_groups(run.verdicts, clips) for run in against_whom]
    figures = [ifrate(one) for one in groups]
    complete = all(figure.value is not None for figure in figures)
    ranks = rank_intervals([arrays(one) for one in groups]) if complete and len(runs) > 1 else None
    compared = []
    for index, run in enumerate(runs):
        advance()
        forgetting = points = None
        wide = False
        reference, theirs = against_whom[index], their_groups[index]
        if theirs is not None:
            forgetting, points = against(groups[index], theirs)
            wide = is_wide(ifrate(theirs))
        compared.append(
            ComparedRun(
                name=run.name,
                signature=run.signature(),
                reference=None if reference is None else reference.name,
                reference_wide=wide,
                ifrate=figures[index],
                forgetting=forgetting,
                points=points,
                categories=rates(dict(zip(CATEGORIES, groups[index], strict=True)), CATEGORIES),
                codes=rates(by_pair(run.verdicts, lambda verdict: verdict.code, clips), CODES),
                rank=None if ranks is None else (ranks[index].low, ranks[index].high),
                task=run.task,
            )
        )
    flips = _flips(runs)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        runs=compared,
        pairs=_pairs(compared, groups, their_groups, flips, advance),
        family=_family(len(runs), sum(run.forgetting is not None for run in compared) > 1),
        flips=flips,
        notes=[*notes, *([] if complete else ["no ranks: a run has no IFrate"])],
    )


def _family(runs: int, with_references: bool) -> str:
    pairs = runs * (runs - 1) // 2
    if not pairs:
        return "One run alone: nothing is tested"
    apart = " of IFrate, and apart from them over those of Δ" if with_references else " of IFrate"
    return f"p (Holm) is adjusted over the {pairs} pairwise difference{'s' if pairs > 1 else ''}{apart}"


def _pairs(
    compared: Sequence[ComparedRun],
    groups: list[_Groups],
    their_groups: list[_Groups | None],
    flips: Sequence[Flip],
    advance: Callable[[], None],
) -> list[ComparedPair]:
    names = list(combinations(range(len(compared)), 2))

    def of_ifrate(pairs: Sequence[_Pair]) -> list[paired.Difference]:
        return paired.differences(sides(pairs))

    def sides(pairs: Sequence[_Pair]) -> Iterator[tuple[_Arrays, _Arrays]]:
        for first, second in pairs:
            advance()
            yield arrays(groups[second]), arrays(groups[first])

    rate = _differences(names, [run.ifrate for run in compared], of_ifrate)
    forgetting: dict[_Pair, Difference] = {}
    if any(one is not None for one in their_groups):

        def of_forgetting(pairs: Sequence[_Pair]) -> Iterable[paired.Difference]:
            # Only runs that are in a pair: the others may have no figure.
            used = sorted({index for pair in pairs for index in pair})
            place = {index: at for at, index in enumerate(used)}
            return paired.forgetting_differences(
                [arrays(groups[index]) for index in used],
                [arrays(their_groups[index] or []) for index in used],
                [(place[second], place[first]) for first, second in pairs],
            )

        forgetting = _differences(names, [run.forgetting for run in compared], of_forgetting)
    return [
        ComparedPair(
            first=first,
            second=second,
            ifrate=rate[first, second],
            forgetting=forgetting.get((first, second)),
            gained=sum(flip.followed[first] is False and flip.followed[second] is True for flip in flips),
            lost=sum(flip.followed[first] is True and flip.followed[second] is False for flip in flips),
        )
        for first, second in names
    ]


def _differences(
    pairs: Sequence[_Pair],
    figures: Sequence[Estimate | None],
    differ: Callable[[Sequence[_Pair]], Iterable[paired.Difference]],
) -> dict[_Pair, Difference]:
    missing: dict[_Pair, Difference] = {}
    for pair in pairs:
        both = (figures[pair[0]], figures[pair[1]])
        lacking = [figure for figure in both if figure is None or figure.value is None]
        if lacking:
            why = lacking[0].why if lacking[0] is not None else "no figure"
            missing[pair] = Difference(None, None, None, None, None, why)
    known = [pair for pair in pairs if pair not in missing]
    found = list(differ(known)) if known else []
    adjusted = holm([one.p for one in found])
    return missing | {
        pair: Difference(100 * one.value, 100 * one.low, 100 * one.high, one.p, p_holm)
        for pair, one, p_holm in zip(known, found, adjusted, strict=True)
    }


def _flips(runs: Sequence[ScoredRun]) -> list[Flip]:
    """The constraints on which scored runs disagree, in the order of the first run that holds them."""
    table: dict[tuple[str, int], list[bool | None]] = {}
    seen: dict[tuple[str, int], Verdict] = {}
    for index, run in enumerate(runs):
        for verdict in run.verdicts:
            key = (verdict.item, verdict.index)
            seen.setdefault(key, verdict)
            table.setdefault(key, [None] * len(runs))[index] = verdict.followed
    return [
        Flip(verdict.item, verdict.constraint, verdict.index, verdict.code, tuple(table[key]))
        for key, verdict in seen.items()
        if True in table[key] and False in table[key]
    ]
