"""Wordings: does it matter in which words a constraint is demanded, and how much of IFrate is luck with them?

Of scored runs, side by side; with several, whether the same wordings are good for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import msgspec

from speech_ifeval.analysis.worded import Worded, variations, worded_of
from speech_ifeval.analysis.wording_tests import Examined, conclusions, draw, generator, together
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.metrics.dealing import EFFECTS, Dealt
from speech_ifeval.metrics.following import ClipIndex, by_pair, following_rate
from speech_ifeval.metrics.intervals import Interval
from speech_ifeval.metrics.luck import Source, deviation, widened
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.shared_effects import shared_effects
from speech_ifeval.metrics.summaries import ScoredRun, category_groups, ifrate
from speech_ifeval.pipeline.comparing import MOST_RUNS, load_scored
from speech_ifeval.records import CATEGORIES, SCHEMA_VERSION
from speech_ifeval.results import (
    Deviation,
    Estimate,
    Rate,
    SharedEffects,
    WordedConstraint,
    WordedRun,
    WordingEffects,
    WordingLuck,
)
from speech_ifeval.runs import AnyRun, folder_of

EFFECT = 1.0
IFRATE = "IFrate"
TOO_SMALL = "the effects are too small, in one run at least, to be compared"
NO_INTERVAL = "no interval: resamples of the wordings often show no effect"
_Z = 1.959964  # by which the half-width of an interval over clips is read as standard errors


def wording_effects(
    runs: Sequence[AnyRun],
    benchmark: str | Path | Benchmark,
    *,
    scoring: str | None = None,
    effect: float = EFFECT,
    seed: int = 0,
) -> WordingEffects:
    """Measure how much the wording of constraints matters in scored runs.

    Args:
        runs: run directories, as `speech_ifeval.pipeline.scoring.score` writes them, or what `evaluate` returned;
            one, or several side by side.
        benchmark: what they answer: a benchmark, its folder, or its name.
        scoring: as `speech_ifeval.pipeline.comparing.load_scored` takes it.
        effect: standard deviation of wordings' effects, in logits, at which power is stated.
        seed: of everything that is drawn.

    Raises:
        UsageError: no run or too many, an effect out of range, or what reading a run raises.
        MismatchError: a run was scored on another benchmark.
        DataError: a file of verdicts is broken.

    >>> wording_effects([Path("runs/one")], "example", effect=0)
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: --effect takes a number above 0, at most 10, found 0
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise UsageError(f"wording takes 1 to {MOST_RUNS} runs, found {len(runs)}")
    folders = [folder_of(run) for run in runs]
    if len({path.resolve() for path in folders}) < len(runs):
        raise UsageError("the same run directory is named twice; name each once")
    if not 0 < effect <= EFFECTS[-1]:
        raise UsageError(f"--effect takes a number above 0, at most {EFFECTS[-1]:g}, found {effect:g}")
    loaded = load_benchmark(benchmark)
    return wording_effects_of([load_scored(path, scoring) for path in folders], loaded, effect=effect, seed=seed)


def wording_effects_of(
    runs: Sequence[ScoredRun], benchmark: Benchmark, *, effect: float = EFFECT, seed: int = 0
) -> WordingEffects:
    """Measure how much the wording matters in runs that were read; see `wording_effects`."""
    worded = [worded_of(run, benchmark) for run in runs]
    return WordingEffects(
        schema_version=SCHEMA_VERSION,
        effect=effect,
        seed=seed,
        runs=[_run(run, constraints, effect, seed) for run, constraints in zip(runs, worded, strict=True)],
        pairs=_pairs(worded, seed),
    )


def _run(run: ScoredRun, constraints: Sequence[Worded], effect: float, seed: int) -> WordedRun:
    drawn = draw(constraints, effect, seed)
    clips = ClipIndex()
    tested = conclusions(drawn, effect)
    at_once = together(drawn, effect, seed)
    return WordedRun(
        name=run.name,
        signature=f"{run.signature()}|wording-effect:{effect:g}|wording-seed:{seed}",
        constraints=[
            WordedConstraint(
                category=worded.category,
                constraint=worded.constraint,
                fixed=worded.fixed,
                prompts=worded.prompts,
                rate=_rate(worded, clips),
                tests=tests,
            )
            for worded, tests in zip(constraints, tested, strict=True)
        ],
        together=None if at_once is None else at_once[0],
        power=None if at_once is None else at_once[1],
        luck=list(_luck(run, drawn)),
        notes=list(_notes(run, constraints)),
    )


def _rate(worded: Worded, clips: ClipIndex) -> Rate:
    return following_rate(by_pair([*worded.verdicts, *worded.unscored], lambda _: "all", clips)["all"])


def _luck(run: ScoredRun, drawn: Sequence[Sequence[Examined]]) -> Iterator[WordingLuck]:
    """Yield how much of each category's rate, and of IFrate, is luck with wordings."""
    groups = dict(zip(CATEGORIES, category_groups(run.verdicts, ClipIndex()), strict=True))
    several = {verdict.category for verdict in run.verdicts if verdict.index > 0}
    sources: dict[str, list[Source]] = {}
    untold = dict.fromkeys(CATEGORIES, 0)
    for tests in drawn:
        for one in tests:
            category = one.worded.category
            limits = one.limits if one.variation.counts_as_luck else None
            if limits is not None and category not in several:
                share = 1 / len(groups[category].followed)
                sources.setdefault(category, []).append(Source(one.dealt, limits, share))
        if tests and not tests[0].dealt.information:
            untold[tests[0].worded.category] += tests[0].dealt.followed.size
    for category, group in groups.items():
        if group.keys:
            rate = following_rate(group)
            estimate = Estimate(rate.rate, rate.low, rate.high, rate.n, rate.unscored)
            yield _luck_of(category, estimate, sources.get(category, []), untold[category])
    whole = [replace(source, share=source.share / len(CATEGORIES)) for own in sources.values() for source in own]
    yield _luck_of(IFRATE, ifrate(list(groups.values())), [] if several else whole, sum(untold.values()))


def _luck_of(group: str, rate: Estimate, sources: Sequence[Source], untold: int) -> WordingLuck:
    if rate.value is None or rate.low is None or rate.high is None or not sources:
        return WordingLuck(group, rate, None, None, None, None, None, untold)
    shared = max(sum(source.shared().value for source in sources), 0.0)
    clips = ((rate.high - rate.low) / 200 / _Z) ** 2
    both = widened(Interval(rate.value / 100, rate.low / 100, rate.high / 100), shared)
    redrawn, dealt = (
        Deviation(*(100 * one for one in deviation([getattr(source, what)() for source in sources])))
        for what in ("redrawn", "dealt_anew")
    )
    share = 100 * shared / (shared + clips) if shared + clips > 0 else 0.0
    return WordingLuck(group, rate, 100 * both.low, 100 * both.high, share, redrawn, dealt, untold)


def _notes(run: ScoredRun, constraints: Sequence[Worded]) -> Iterator[str]:
    unscored = sum(len(worded.unscored) for worded in constraints)
    if unscored:
        yield f"{unscored} verdicts are unscored and left out"
    prompts = list(dict.fromkeys(worded.category for worded in constraints if worded.prompts))
    if prompts:
        yield (
            f"question and constraint are one sentence in {', '.join(prompts)}: what differs between wordings "
            "there is the whole prompt"
        )
    several = len({verdict.item for verdict in run.verdicts if verdict.index > 0})
    if several:
        yield f"{several} items have several constraints, so what wordings add to the rate of items is left out"


def _pairs(worded: Sequence[Sequence[Worded]], seed: int) -> list[SharedEffects]:
    """Compare the effects of wordings between any two runs, on the items that both have scored."""
    rows = []
    for first, second in combinations(range(len(worded)), 2):
        theirs = {one.name: one for one in worded[second]}
        both = [
            pair
            for one in worded[first]
            if one.name in theirs and (pair := _on_the_same(one, theirs[one.name])) is not None
        ]
        found = shared_effects(both, generator(seed, "shared", str(first), str(second)))
        why = TOO_SMALL if found.value is None else NO_INTERVAL if found.low is None else None
        rows.append(
            SharedEffects(first, second, found.labels, found.value, found.low, found.high, found.p, found.p, why)
        )
    adjusted = holm([row.p for row in rows])
    return [msgspec.structs.replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]


def _on_the_same(one: Worded, other: Worded) -> tuple[Dealt, Dealt] | None:
    """Return both runs' outcomes of a constraint on the items that both have scored; None where there are none."""
    sides = [
        {
            (verdict.item, verdict.index): (verdict, demand)
            for verdict, demand in zip(side.verdicts, side.demands, strict=True)
        }
        for side in (one, other)
    ]
    keys = [key for key in sides[0] if key in sides[1]]
    if not keys:
        return None
    dealt = []
    for side in sides:
        verdicts, demands = (list(column) for column in zip(*(side[key] for key in keys), strict=True))
        common = Worded(one.category, one.constraint, one.fixed, verdicts, demands)
        dealt.append(variations(common)[0].dealt)
    return dealt[0], dealt[1]
