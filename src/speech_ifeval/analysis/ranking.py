"""Scored runs by rank: those that are comparable together, and in words what keeps the others apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from speech_ifeval.analysis.published.recomputing import published_block
from speech_ifeval.errors import UsageError
from speech_ifeval.metrics.comparisons import compare_runs
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.pipeline.comparing import (
    MUST_AGREE,
    REFERENCE_FOLDER,
    check_agreement,
    load_scored,
    refuse_doubles,
    told_apart,
)
from speech_ifeval.pipeline.contamination import CONTAMINATED, told_contaminated
from speech_ifeval.records import CATEGORIES, SCHEMA_VERSION
from speech_ifeval.results import Apart, Comparison, Leaderboard, LeaderboardGroup, Ranked, Unranked
from speech_ifeval.runs import AnyRun, folder_of

MOST_RUNS = 100
SIGNIFICANT = 0.05
# One judge for a table; what was recorded run by run does not say who judged, and is taken for one.
KEYS = (*MUST_AGREE, "judge", CONTAMINATED)
_OF_A_REFERENCE = (*MUST_AGREE, "judge")  # a reference has not been through the same training
RECORDED = "recorded replies"
NONE_KNOWN = "none known"
NOT_SAID = "not said"

Progress = Callable[[int, int], None]
_Placed = tuple[Path, ScoredRun]


def leaderboard(
    runs: Sequence[AnyRun],
    *,
    references: Sequence[AnyRun] = (),
    scoring: str | None = None,
    published: bool = True,
    progress: Progress | None = None,
) -> Leaderboard:
    """Rank scored runs by IFrate.

    Runs are ranked with those of the same benchmark, items, rules and judge. Places come with rank intervals, and
    two runs are tied where the paired test on their items, adjusted by Holm over all pairs of the group, does not
    tell them apart; overlapping intervals decide nothing.

    Args:
        runs: run directories, as `score` writes them, or what `evaluate` returned; none gives the published rows
            alone.
        references: one run directory for all, or one for each run; empty takes ``RUN/reference`` where it is.
        scoring: which scoring to take where a run directory holds several, as `compare` takes it.
        published: whether the published rows stand below.
        progress: called with (done, all) as the pairs of a group are gone through.

    Raises:
        UsageError: more than 100 runs, one twice, no scored run at a path, or several scorings to choose from.
        DataError: a file of verdicts is broken.

    Source of the rank intervals: `speech_ifeval.metrics.multiple.rank_intervals`.

    >>> import tempfile
    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> from speech_ifeval.models.recorded import locate
    >>> from speech_ifeval.pipeline.scoring import score
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = [Path(folder) / name for name in ("tuned", "reference")]
    ...     for run in made:
    ...         _ = score([locate(f"example:{run.name}")], load_benchmark("example"), output_dir=run)
    ...     (group,) = leaderboard(made, published=False).groups
    >>> [(group.comparison.runs[one.run].name, one.place, one.low, one.high) for one in group.ranked]
    [('reference', 1, 1, 1), ('tuned', 2, 2, 2)]
    """
    if len(runs) > MOST_RUNS:
        raise UsageError(f"a leaderboard takes at most {MOST_RUNS} runs, found {len(runs)}")
    if len(references) not in (0, 1, len(runs)):
        raise UsageError(
            f"--reference was given {len(references)} times for {len(runs)} runs: give it once, or once a run"
        )
    folders, named = [folder_of(run) for run in runs], [folder_of(run) for run in references]
    refuse_doubles(folders)
    scored = told_apart(folders, [load_scored(path, scoring) for path in folders])
    named = named if len(named) == len(folders) else named * len(folders)
    notes: list[str] = []
    against = [
        _reference(at, named, path, run, scoring, notes)
        for at, (path, run) in enumerate(zip(folders, scored, strict=True))
    ]
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, run in enumerate(scored):
        groups.setdefault(key_of(run.settings), []).append(index)
    ordered = sorted(groups, key=lambda key: -len(groups[key]))  # the largest is the one to be compared with
    made = []
    for key in ordered:
        members = groups[key]
        made.append(
            _group(
                dict(zip(KEYS, key, strict=True)),
                [(folders[at], scored[at]) for at in members],
                [against[at] for at in members],
                dict(zip(KEYS, ordered[0], strict=True)),
                progress,
            )
        )
    return Leaderboard(SCHEMA_VERSION, made, published_block() if published else None, notes)


def key_of(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what runs must have in common to be ranked together, in the order of `KEYS`.

    >>> key_of({"benchmark": "a-1", "judge": "replay-588821e7"})[-2:]
    ('recorded replies', 'none known')
    """
    values = {key: str(settings.get(key, NOT_SAID)) for key in KEYS}
    if values["judge"].startswith("replay-"):
        values["judge"] = RECORDED
    if told_contaminated(settings) is None:
        values[CONTAMINATED] = NONE_KNOWN
    return tuple(values.values())


def _reference(
    at: int, named: Sequence[Path], path: Path, run: ScoredRun, scoring: str | None, notes: list[str]
) -> ScoredRun | None:
    """The reference of a run, if it is scored alike; what speaks against it goes into `notes`."""
    own = path / REFERENCE_FOLDER
    if not named and not own.is_dir():
        return None
    try:
        found = load_scored(named[at] if named else own, scoring)
    except UsageError as error:
        if named:
            raise
        notes.append(f"{run.name} has no Δ: {error}")
        return None
    unlike = [
        key
        for key, ours, theirs in zip(KEYS, key_of(run.settings), key_of(found.settings), strict=True)
        if ours != theirs and key in _OF_A_REFERENCE
    ]
    if unlike:
        notes.append(f"{run.name} has no Δ: its reference was scored otherwise ({', '.join(unlike)})")
        return None
    return found


def _group(
    settings: dict[str, str],
    runs: Sequence[_Placed],
    references: Sequence[ScoredRun | None],
    first: dict[str, str],
    progress: Progress | None,
) -> LeaderboardGroup:
    apart = [Apart(key, first[key], settings[key]) for key in KEYS if first[key] != settings[key]]
    whole = [_lacks(run) is None for _, run in runs]
    chosen = [one for one, has in zip(runs, whole, strict=True) if has]
    unranked = [
        Unranked(run.name, run.signature(), f"no scored item in {_lacks(run)}")
        for (_, run), has in zip(runs, whole, strict=True)
        if not has
    ]
    if not chosen:
        return LeaderboardGroup(settings, None, [], unranked, apart)
    theirs = [one for one, has in zip(references, whole, strict=True) if has]
    compared = compare_runs([run for _, run in chosen], theirs, check_agreement(chosen), progress)
    # Flips are what `compare` is for: of a hundred runs they would be most of the benchmark.
    return LeaderboardGroup(settings, replace(compared, flips=[]), list(_ranked(compared)), unranked, apart)


def _lacks(run: ScoredRun) -> str | None:
    """The categories of a run that hold no scored item, without which there is no IFrate."""
    held = {verdict.category for verdict in run.verdicts if verdict.followed is not None}
    return ", ".join(category for category in CATEGORIES if category not in held) or None


def _ranked(compared: Comparison) -> Iterator[Ranked]:
    values = [round(run.ifrate.value or 0.0, 10) for run in compared.runs]
    tied: dict[int, list[int]] = {index: [] for index in range(len(values))}
    for pair in compared.pairs:
        if pair.ifrate.p_holm is not None and pair.ifrate.p_holm >= SIGNIFICANT:
            tied[pair.first].append(pair.second)
            tied[pair.second].append(pair.first)
    for index in sorted(range(len(values)), key=lambda at: -values[at]):
        place = 1 + sum(value > values[index] for value in values)
        low, high = compared.runs[index].rank or (1, 1)
        yield Ranked(index, place, low, high, sorted(tied[index], key=lambda at: -values[at]))
