"""From several scored runs to a comparison: paired differences, rank intervals, what flipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from speech_ifeval.metrics import paired
from speech_ifeval.metrics.following import ClipIndex, Group, by_pair, rates
from speech_ifeval.metrics.multiple import holm, rank_intervals
from speech_ifeval.metrics.summaries import ScoredRun, against, arrays, category_groups, ifrate, is_wide
from speech_ifeval.records import (
    CATEGORIES,
    CODES,
    SCHEMA_VERSION,
    ComparedPair,
    ComparedRun,
    Comparison,
    Difference,
    Estimate,
    Flip,
    Verdict,
)

_Groups = list[Group]
_Pair = tuple[int, int]


def compare_runs(
    runs: Sequence[ScoredRun], references: Sequence[ScoredRun] | None, notes: Sequence[str]
) -> Comparison:
    """Compare runs on the same items.

    Args:
        runs: two or more scored runs.
        references: one for each run, or None: then Δ is left out.
        notes: what is to be said of the runs beside their figures.
    """
    clips = ClipIndex()
    groups = [category_groups(run.verdicts, clips) for run in runs]
    their_groups = None if references is None else [category_groups(run.verdicts, clips) for run in references]
    figures = [ifrate(one) for one in groups]
    complete = all(figure.value is not None for figure in figures)
    ranks = rank_intervals([arrays(one) for one in groups]) if complete else None
    compared = []
    for index, run in enumerate(runs):
        forgetting = points = None
        wide = False
        if their_groups is not None:
            forgetting, points = against(groups[index], their_groups[index])
            wide = is_wide(ifrate(their_groups[index]))
        compared.append(
            ComparedRun(
                name=run.name,
                signature=run.signature(),
                reference=None if references is None else references[index].name,
                reference_wide=wide,
                ifrate=figures[index],
                forgetting=forgetting,
                points=points,
                categories=rates(dict(zip(CATEGORIES, groups[index], strict=True)), CATEGORIES),
                codes=rates(by_pair(run.verdicts, lambda verdict: verdict.code, clips), CODES),
                rank=None if ranks is None else (ranks[index].low, ranks[index].high),
            )
        )
    flips = _flips(runs)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        runs=compared,
        pairs=_pairs(runs, compared, groups, their_groups, flips),
        family=_family(len(runs), references is not None),
        flips=flips,
        notes=[*notes, *([] if complete else ["no ranks: a run has no IFrate"])],
    )


def _family(runs: int, with_references: bool) -> str:
    pairs = runs * (runs - 1) // 2
    apart = " of IFrate, and apart from them over those of Δ" if with_references else " of IFrate"
    return f"p (Holm) is adjusted over the {pairs} pairwise difference{'s' if pairs > 1 else ''}{apart}"


def _pairs(
    runs: Sequence[ScoredRun],
    compared: Sequence[ComparedRun],
    groups: list[_Groups],
    their_groups: list[_Groups] | None,
    flips: Sequence[Flip],
) -> list[ComparedPair]:
    names = list(combinations(range(len(runs)), 2))

    def of_ifrate(pair: _Pair) -> paired.Difference:
        first, second = pair
        return paired.difference(arrays(groups[second]), arrays(groups[first]))

    rate = _differences(names, [run.ifrate for run in compared], of_ifrate)
    forgetting: dict[_Pair, Difference] = {}
    if their_groups is not None:
        theirs = their_groups

        def of_forgetting(pair: _Pair) -> paired.Difference:
            first, second = pair
            return paired.forgetting_difference(
                arrays(groups[second]), arrays(theirs[second]), arrays(groups[first]), arrays(theirs[first])
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
    differ: Callable[[_Pair], paired.Difference],
) -> dict[_Pair, Difference]:
    found: dict[_Pair, paired.Difference] = {}
    missing: dict[_Pair, Difference] = {}
    for pair in pairs:
        lacking = [
            figure for figure in (figures[pair[0]], figures[pair[1]]) if figure is None or figure.value is None
        ]
        if lacking:
            why = lacking[0].why if lacking[0] is not None else "no figure"
            missing[pair] = Difference(None, None, None, None, None, why)
        else:
            found[pair] = differ(pair)
    adjusted = dict(zip(found, holm([one.p for one in found.values()]), strict=True))
    return missing | {
        pair: Difference(100 * one.value, 100 * one.low, 100 * one.high, one.p, adjusted[pair])
        for pair, one in found.items()
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
