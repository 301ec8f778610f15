"""Published figures beside those that runs at hand give: the leaderboard, the task level, and the scaled LoRA."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from msgspec.structs import replace

from speech_ifeval.analysis.published.reading import published_figures
from speech_ifeval.analysis.reproduction.at_hand import (
    AtHand,
    published_items,
    read_at_hand,
    reference_of,
    scaled,
    seconds_an_answer,
)
from speech_ifeval.analysis.reproduction.needs import BENCHMARK, Needs
from speech_ifeval.analysis.saved import read_analysis
from speech_ifeval.errors import UsageError
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import (
    Estimate,
    MissingSystem,
    PublishedFigures,
    PublishedSystem,
    Rate,
    Reference,
    ReproducedCell,
    ReproducedSystem,
    Reproduction,
    ScaledModel,
    Summary,
    Sweep,
)
from speech_ifeval.results.reproduction import Table
from speech_ifeval.runs import AnyRun, folder_of

AS_TRAINED = 1.0


def reproduce(
    table: Table,
    runs: Sequence[AnyRun] = (),
    *,
    scoring: str | None = None,
    seconds_per_answer: float | None = None,
) -> Reproduction:
    """Set a published table beside what runs at hand give.

    Args:
        table: ``leaderboard``, ``task-level`` or ``lora``.
        runs: scored run directories, each as its path, as what `evaluate` returned, or as ``NAME=PATH`` with the
            name of a published system; for ``lora`` also files that ``sweep --json`` wrote.
        scoring: which scoring, where a run directory holds several, as `compare` takes it.
        seconds_per_answer: how long an answer takes on the machine at hand; by default the mean over the runs that
            measured it, and unknown where none did.

    Raises:
        UsageError: another table, no scored run at a path, an unknown name, or a system with two runs.
        DataError: a file cannot be read.

    Source: arXiv 2505.19037; the file of published figures says what of it is recorded.

    >>> found = reproduce("lora")
    >>> [(one.system, one.answers, one.judge_calls, one.gpu_hours) for one in found.missing]
    [('SALMONN', 3066, 400, None), ('SALMONN, α 4', 1533, 200, None)]
    """
    figures = published_figures()
    if table not in _TABLES:
        raise UsageError(f"expected {', '.join(_TABLES)}, found {table!r}")
    named = [run if isinstance(run, str) else str(folder_of(run)) for run in runs]
    folders = [run for run in named if table != "lora" or not Path(run).is_file()]
    at_hand, notes = read_at_hand(folders, figures, scoring)
    measured = seconds_an_answer(at_hand)
    source = None
    if seconds_per_answer is not None:
        source = "as given"
    elif measured is not None:
        seconds_per_answer, count = measured
        source = f"mean of {count:,} measured answers at hand"
    needs = Needs(table, figures, seconds_per_answer)
    sweeps = [read_analysis(Path(run)) for run in named if run not in folders]
    if any(not isinstance(one, Sweep) for one in sweeps):
        raise UsageError("reproduce lora takes run directories and files that `speech-ifeval sweep --json` wrote")
    swept = [one for one in sweeps if isinstance(one, Sweep)]
    found = _Found([], [], [], notes)
    _TABLES[table](found, figures, at_hand, swept, needs)
    arithmetic = list(needs.arithmetic(found.missing, source)) if found.missing else []
    return Reproduction(
        SCHEMA_VERSION, table, figures.source, found.systems, found.missing, found.beside, arithmetic, found.notes
    )


class _Found:
    """What a table fills in."""

    def __init__(
        self,
        systems: list[ReproducedSystem],
        missing: list[MissingSystem],
        beside: list[ScaledModel],
        notes: list[str],
    ) -> None:
        self.systems, self.missing, self.beside, self.notes = systems, missing, beside, notes


def _leaderboard(
    found: _Found, figures: PublishedFigures, at_hand: Sequence[AtHand], swept: Sequence[Sweep], needs: Needs
) -> None:
    sides: dict[str, tuple[AtHand, Summary | Reference]] = {}
    for run in at_hand:
        reference = reference_of(run, figures)
        if run.system is not None and reference is not None and run.summary.reference is not None:
            sides.setdefault(reference.name, (run, run.summary.reference))
    for run in at_hand:
        if run.system is not None and scaled(run) is None:
            sides[run.system.name] = (run, run.summary)
    for name in sides:
        needs.had(name)
    for one in figures.systems:
        if one.name in sides:
            run, side = sides[one.name]
            cells = list(_rates(one, side))
            found.systems.append(ReproducedSystem(one.name, str(run.folder), side.signature, cells))
            found.notes += _reference_wanted(one, run, side, figures, needs)
    wanted = [one for one in figures.systems if one.name not in sides]
    for one in sorted(wanted, key=lambda one: one.kind == "reference"):
        if one.kind == "reference" and one.name in _asked_with(wanted):
            continue
        found.missing.append(needs.of(one, _printed(one)))
    _judges(found, figures, at_hand)


def _reference_wanted(
    one: PublishedSystem, run: AtHand, side: Summary | Reference, figures: PublishedFigures, needs: Needs
) -> Iterator[str]:
    """Say how the Δ of a run at hand is had that was scored without its reference."""
    if one.forgetting is None or (isinstance(side, Summary) and side.forgetting is not None):
        return
    reference = next(system for system in figures.systems if system.name == one.reference)
    asked = needs.of(reference, {}).commands[0]
    folder = asked.rpartition(" --output-dir ")[2]
    yield (
        f"Δ of {one.name} needs the replies of {reference.name} to the same items: `{asked}`, and then "
        f"`speech-ifeval score {shlex.quote(str(run.folder))} --reference {folder} --benchmark {BENCHMARK}`"
    )


def _asked_with(wanted: Sequence[PublishedSystem]) -> set[str]:
    """References that a missing model's own command asks."""
    return {one.reference for one in wanted if one.reference is not None}


def _printed(one: PublishedSystem) -> dict[str, float]:
    printed = {
        "closed-ended": one.closed_ended,
        "creative-writing": one.creative_writing,
        "chain-of-thought": one.chain_of_thought,
        "IFrate": one.ifrate,
        "Δ": one.forgetting,
    }
    return {name: float(value) for name, value in printed.items() if value is not None}


def _rates(one: PublishedSystem, side: Summary | Reference) -> Iterator[ReproducedCell]:
    yield cell("closed-ended", one.closed_ended, side.categories["closed-ended"])
    yield cell("creative-writing", one.creative_writing, side.categories["creative-writing"])
    yield cell("chain-of-thought", one.chain_of_thought, side.categories["chain-of-thought"])
    yield cell("IFrate", one.ifrate, side.ifrate)
    if one.forgetting is not None:
        yield cell("Δ", one.forgetting, side.forgetting if isinstance(side, Summary) else None)


def cell(figure: str, printed: Decimal, ours: Rate | Estimate | None) -> ReproducedCell:
    """Set a printed figure beside a recomputed one, at the digits that were printed.

    >>> found = cell("closed-ended", Decimal("83.71"), Rate(781, 933, 0, 83.7084, 81.2, 85.9))
    >>> found.same, found.inside
    (True, True)
    """
    digits = max(0, -int(printed.as_tuple().exponent))
    value = None if ours is None else ours.rate if isinstance(ours, Rate) else ours.value
    low, high = (None, None) if ours is None else (ours.low, ours.high)
    same = inside = None
    if value is not None:
        # The value as it would be printed, through its shortest form: 0.125 is a half, not a little less.
        same = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) == printed
    if low is not None and high is not None:
        inside = low <= float(printed) <= high
    return ReproducedCell(figure, float(printed), digits, value, low, high, same, inside)


def _task_level(
    found: _Found, figures: PublishedFigures, at_hand: Sequence[AtHand], swept: Sequence[Sweep], needs: Needs
) -> None:
    recorded = [one for one in figures.systems if any(task.system == one.name for task in figures.tasks)]
    for one in recorded:
        run = next((run for run in at_hand if run.system is one and run.summary.task is not None), None)
        tasks = [task for task in figures.tasks if task.system == one.name]
        if run is None or run.summary.task is None:
            printed = {
                f"{task.dataset}, {side}": float(value)
                for task in tasks
                for side, value in (("without", task.plain), ("with", task.constrained))
            }
            found.missing.append(needs.of(one, printed))
            continue
        cells = []
        for task in tasks:
            group = run.summary.task.datasets.get(task.dataset)
            for side, value in (("without", task.plain), ("with", task.constrained)):
                rate = None if group is None else group.plain if side == "without" else group.constrained
                ours = None if rate is None else Estimate(rate.rate, rate.low, rate.high, rate.n, rate.unscored)
                metric = "WER" if task.metric == "wer" else "accuracy"
                cells.append(cell(f"{task.dataset}, {metric}, {side}", value, ours))
        found.systems.append(ReproducedSystem(one.name, str(run.folder), run.summary.signature, cells))
    others = [one.name for one in figures.systems if one.kind == "slm" and one not in recorded]
    found.notes.append(
        f"the published task level of {', '.join(others)} is not recorded here: nothing to compare with"
    )
    _judges(found, figures, at_hand)


def _lora(
    found: _Found, figures: PublishedFigures, at_hand: Sequence[AtHand], swept: Sequence[Sweep], needs: Needs
) -> None:
    for scale in figures.scaled:
        one = next(system for system in figures.systems if system.name == scale.system)
        known = dict(_known(one, at_hand, swept))
        rows = (
            (AS_TRAINED, one.name, one.ifrate, one.forgetting, None),
            (scale.factor, f"{one.name}, α {scale.alpha:g}", scale.ifrate, scale.forgetting, scale),
        )
        for factor, name, ifrate, forgetting, scaling in rows:
            if factor in known:
                place, signature, ours, delta = known[factor]
                cells = [cell("IFrate", ifrate, ours)]
                cells += [cell("Δ", forgetting, delta)] if forgetting is not None else []
                found.systems.append(ReproducedSystem(name, place, signature, cells))
            else:
                printed = {"IFrate": float(ifrate)} | ({} if forgetting is None else {"Δ": float(forgetting)})
                found.missing.append(replace(needs.of(one, printed, scaling), system=name))
        found.notes.append(
            f"the factor at α {scale.alpha:g} is {scale.factor:g}: the LoRA was trained at α "
            f"{scale.trained_alpha:g} with r {scale.r}, and its scale is {scale.alpha / scale.r:g} instead of "
            f"{scale.trained_alpha / scale.r:g}"
        )
    for sweep in swept:
        why = _not_published(sweep, figures)
        if why is not None:
            found.beside.append(
                ScaledModel(
                    sweep.model,
                    sweep.points[0].signature if sweep.points else "",
                    {f"{point.scale:g}": point.ifrate for point in sweep.points if point.part == "all"},
                    why,
                )
            )


_Known = tuple[str, str, Estimate, Estimate | None]


def _known(
    one: PublishedSystem, at_hand: Sequence[AtHand], swept: Sequence[Sweep]
) -> Iterator[tuple[float, _Known]]:
    """What is at hand of a system, by the factor on its LoRA."""
    for sweep in swept:
        for point in sweep.points:
            if sweep.model == one.spec and point.part == "all" and published_items(point.signature):
                yield point.scale, (point.run, point.signature, point.ifrate, point.forgetting)
    for run in at_hand:
        if run.system is one:
            factor = scaled(run)
            figures = run.summary
            known = (str(run.folder), figures.signature, figures.ifrate, figures.forgetting)
            yield AS_TRAINED if factor is None else factor, known


def _not_published(sweep: Sweep, figures: PublishedFigures) -> str | None:
    names = {one.system for one in figures.scaled}
    if not any(sweep.model == one.spec for one in figures.systems if one.name in names):
        return "another model: beside, not compared"
    if not all(published_items(point.signature) for point in sweep.points):
        return "other items than the published ones: beside, not compared"
    return None


def _judges(found: _Found, figures: PublishedFigures, at_hand: Sequence[AtHand]) -> None:
    """Say which judge recomputed figures are by, where it is not the published one."""
    judges = {str(run.summary.settings.get("judge")) for run in at_hand if run.system is not None}
    published = figures.source.judge.partition(":")[2]
    other = sorted(judge for judge in judges if not judge.startswith("replay-") and published not in judge)
    if other:
        found.notes.append(f"judged by {', '.join(other)}; the published figures by {published}")


_TABLES = {"leaderboard": _leaderboard, "task-level": _task_level, "lora": _lora}
