"""Is the constraint isolated from the speech? From runs under several conditions to two verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Final

from speech_ifeval.analysis.carrying import carried
from speech_ifeval.analysis.contrasts import (
    Names,
    Pairs,
    Terms,
    answer_pairs,
    contrasts,
    flip_excess,
    following_pairs,
    kind_difference,
    word_error_contrast,
)
from speech_ifeval.analysis.observing import Observed
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.equivalence import ALPHA
from speech_ifeval.metrics.multiple import holm
from speech_ifeval.metrics.word_errors import NORMALISER
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import (
    Carried,
    Contrast,
    FlipExcess,
    Isolation,
    IsolationFinding,
    PairedChange,
    WordErrorContrast,
)

ORIGINAL, SWAPPED, REPHRASED, PLACEBO, REPEATED, SILENT = CONDITIONS = (
    "original",
    "swapped",
    "rephrased",
    "placebo",
    "repeated",
    "silent",
)
PLAIN, CONSTRAINED = "plain", "constrained"
MARGIN = 5.0  # points; why: docs/isolation.md
FOLLOWING: Final = "following"
ANSWERS: Final = "answers"
TO_FOLLOWING: Final = "audio to following"
TO_PERCEPTION: Final = "constraint to perception"

Runs = Mapping[str, Observed]


def isolation(model: Runs, *, reference: Runs | None = None, margin: float = MARGIN, seed: int = 0) -> Isolation:
    """Conclude from runs whether constraints are isolated from the speech.

    Args:
        model: what was observed, by the condition's name; ``original`` and ``swapped`` must be there.
        reference: the same of the reference system, which reads; its changes are taken off.
        margin: what counts as no change, in points; fixed before the figures are seen.
        seed: of the draw of clips; also that of the tests and of the power.

    Raises:
        UsageError: the margin is none.
        MismatchError: a condition is missing.
    """
    if not 0 < margin < 100:
        raise UsageError(f"--margin takes points between 0 and 100, found {margin:g}")
    for name in (ORIGINAL, SWAPPED):
        if name not in model:
            raise MismatchError(f"the check needs a run under the condition {name!r}, found {', '.join(model)}")
    terms = Terms(margin / 100, seed)
    control = _control(model, terms)
    used, unused = _used(control)
    following = list(_following(model, reference or {}, terms))
    perception = list(_perception(model, reference or {}, terms))
    swap = following_pairs(model[ORIGINAL], model[SWAPPED])
    kept = {name: following_pairs(model[ORIGINAL], model[name]) for name in (REPHRASED, REPEATED) if name in model}
    flips = [row for name in kept if (row := flip_excess(name, swap, kept[name], terms)) is not None]
    moved = carried(model[ORIGINAL], model[SWAPPED], seed)
    plain = model[ORIGINAL].plain
    constrained = answer_pairs(plain, model[ORIGINAL].constrained)
    kinds = [
        kind_difference(Names(FOLLOWING, ORIGINAL, SWAPPED), swap, model[ORIGINAL].benchmark),
        kind_difference(Names(ANSWERS, PLAIN, CONSTRAINED), constrained, model[ORIGINAL].benchmark),
    ]
    return Isolation(
        schema_version=SCHEMA_VERSION,
        name=model[ORIGINAL].name,
        reference=None if reference is None else reference[ORIGINAL].name,
        signature=_signature(model, margin, seed),
        runs={name: _settings(run) for name, run in _named(model, reference)},
        margin=margin,
        findings=[
            _to_following(unused, following, flips, moved),
            _to_perception(unused, perception, reference is not None),
        ],
        audio_used=used,
        control=control,
        following=following,
        flips=flips,
        carried=moved,
        perception=perception,
        word_errors=list(_word_errors(model, seed)),
        kinds=[row for row in kinds if row is not None],
        notes=list(_notes(model, reference, perception)),
    )


def _control(model: Runs, terms: Terms) -> list[Contrast]:
    """The answers with another clip, where that clip's own answer is another one."""
    original = model[ORIGINAL].benchmark
    labels = {(item.dataset, item.clip): item.label for item in original if item.label is not None}

    def other(id: str) -> bool:
        item = original.item(id)
        clip = model[SWAPPED].benchmark.item(id).clip
        return labels.get((item.dataset, clip)) != item.label

    pairs = answer_pairs(model[ORIGINAL].plain, model[SWAPPED].plain)
    pairs = {id: pair for id, pair in pairs.items() if other(id)}
    return contrasts(Names(ANSWERS, ORIGINAL, SWAPPED), pairs, None, original, terms, ["metric"])


def _used(control: list[Contrast]) -> tuple[bool | None, str | None]:
    """Whether the audio is used, None where that is not known; and why nothing can be said, None where it can."""
    if not control:
        return None, "no judged answers say whether the audio is used"
    change = control[0].change
    if change.p < ALPHA and change.value < 0:
        return True, None
    if change.verdict == "same":
        return False, "the audio is not used: answers do not get worse with another clip"
    why = f"it is not shown that the audio is used: with another clip answers change by {_points(change)}"
    return None, why


def _following(model: Runs, reference: Runs, terms: Terms) -> Iterator[Contrast]:
    benchmark = model[ORIGINAL].benchmark
    for name in (SWAPPED, REPHRASED, REPEATED, SILENT):
        if name in model:
            ours = following_pairs(model[ORIGINAL], model[name])
            theirs = following_pairs(reference[ORIGINAL], reference[name]) if name in reference else None
            divided = ["category", "kind", "code"] if name == SWAPPED else []
            yield from contrasts(Names(FOLLOWING, ORIGINAL, name), ours, theirs, benchmark, terms, divided)


def _answers(run: Runs, condition: str) -> Mapping[str, Answer] | None:
    """The answers to the same questions: without a constraint, with one, or without one but otherwise."""
    if condition in (PLAIN, CONSTRAINED):
        return run[ORIGINAL].plain if condition == PLAIN else run[ORIGINAL].constrained
    if condition not in run:
        return None
    return run[condition].constrained if condition == PLACEBO else run[condition].plain


def _answer_pairs(run: Runs, first: str, second: str) -> Pairs | None:
    before, after = (_answers(run, name) if run else None for name in (first, second))
    return None if before is None or after is None else answer_pairs(before, after)


def _perception(model: Runs, reference: Runs, terms: Terms) -> Iterator[Contrast]:
    benchmark = model[ORIGINAL].benchmark
    sides = [(PLAIN, name) for name in (CONSTRAINED, PLACEBO, REPHRASED, REPEATED, SILENT)]
    for first, second in (*sides[:1], (PLACEBO, CONSTRAINED), *sides[1:]):
        ours = _answer_pairs(model, first, second)
        if ours is not None:
            divided = ["metric", "kind", "code"] if second == CONSTRAINED and first == PLAIN else []
            theirs = _answer_pairs(reference, first, second)
            yield from contrasts(Names(ANSWERS, first, second), ours, theirs, benchmark, terms, divided)


def _word_errors(model: Runs, seed: int) -> Iterator[WordErrorContrast]:
    for second in (CONSTRAINED, PLACEBO, REPHRASED, REPEATED, SWAPPED, SILENT):
        pairs = _answer_pairs(model, PLAIN, second)
        row = None if pairs is None else word_error_contrast(Names(ANSWERS, PLAIN, second), pairs, seed)
        if row is not None:
            yield row


def _to_following(
    unused: str | None, rows: list[Contrast], flips: list[FlipExcess], moved: Carried | None
) -> IsolationFinding:
    if unused is not None:
        return IsolationFinding(TO_FOLLOWING, "no evidence", unused)
    rate = next((row.change for row in rows if (row.second, row.by) == (SWAPPED, "all")), None)
    if rate is None or moved is None:
        return IsolationFinding(TO_FOLLOWING, "no evidence", "no constraint is scored with both clips")
    floor = flips[0] if flips else None
    # Three ways to find an influence; only a surplus of flips is one.
    surplus = 1.0 if floor is None or floor.excess.value <= 0 else floor.excess.p
    p_rate, p_moved, p_flips = holm([rate.p, moved.p, surplus])
    found = []
    if p_rate < ALPHA and rate.verdict != "same":
        found.append(f"the rate changes with the clip by {_points(rate)}")
    if p_moved < ALPHA:
        found.append(f"following moves with the clip (correlation {moved.correlation:.2f}, p {moved.p:.3f})")
    if floor is not None and p_flips < ALPHA and floor.excess.verdict != "same":
        found.append(
            f"verdicts flip with the clip more often than {_FLOORS[floor.floor]}, by {_points(floor.excess)}"
        )
    if found:
        return IsolationFinding(TO_FOLLOWING, "interacts", "; ".join(found))
    missing = []
    if rate.verdict != "same":
        missing.append(f"the change of the rate, {_points(rate)}, {_UNSHOWN} ({_power(rate)})")
    if floor is None:
        missing.append("there is no run with the clip kept to count flips against")
    elif floor.excess.verdict != "same":
        missing.append(
            f"the surplus of flips over {_FLOORS[floor.floor]}, {_points(floor.excess)}, {_UNSHOWN} "
            f"({_power(floor.excess)})"
        )
    if missing:
        return IsolationFinding(TO_FOLLOWING, "undecided", "; ".join(missing))
    return IsolationFinding(
        TO_FOLLOWING, "isolated", f"the rate changes by {_points(rate)}, and no more verdicts flip"
    )


_UNSHOWN = "is not shown to be smaller than the margin"
_FLOORS = {REPHRASED: "with other words", REPEATED: "when asked again"}


def _to_perception(unused: str | None, rows: list[Contrast], has_reference: bool) -> IsolationFinding:
    if unused is not None:
        return IsolationFinding(TO_PERCEPTION, "no evidence", unused)
    row = next((row for row in rows if (row.first, row.second, row.by) == (PLAIN, CONSTRAINED, "all")), None)
    change = None if row is None else row.against_reference if has_reference else row.change
    if change is None:
        why = "no answers are judged both without and with a constraint"
        return IsolationFinding(
            TO_PERCEPTION, "no evidence", why + (", of model and reference" if has_reference else "")
        )
    whose = "less the reference's own, " if has_reference else ""
    if change.verdict == "same":
        return IsolationFinding(TO_PERCEPTION, "isolated", f"the answers change, {whose}by {_points(change)}")
    if change.verdict == "differs":
        return IsolationFinding(TO_PERCEPTION, "interacts", f"the answers change, {whose}by {_points(change)}")
    why = f"the change of the answers, {whose}{_points(change)}, {_UNSHOWN} ({_power(change)})"
    return IsolationFinding(TO_PERCEPTION, "undecided", why)


def _points(change: PairedChange) -> str:
    return f"{change.value:+.1f} points ({change.low:+.1f} to {change.high:+.1f})"


def _power(change: PairedChange) -> str:
    return f"power {change.power:.0f} %; {change.least_margin:.1f} points could be shown"


def _named(model: Runs, reference: Runs | None) -> Iterator[tuple[str, Observed]]:
    yield from model.items()
    for name, run in (reference or {}).items():
        yield f"reference {name}", run


def _settings(run: Observed) -> str:
    return "|".join(f"{name}:{value}" for name, value in run.settings.items())


def _signature(model: Runs, margin: float, seed: int) -> str:
    run = model[ORIGINAL]
    parts = {
        "benchmark": f"{run.benchmark.name}@{run.benchmark.short_fingerprint}",
        "rules": run.settings.get("rules"),
        "verifiers": run.settings.get("verifiers"),
        "judge": run.settings.get("judge"),
        "subset": run.settings.get("subset"),
        "normaliser": NORMALISER,
        "conditions": "+".join(f"{name}@{one.benchmark.short_fingerprint}" for name, one in model.items()),
        "margin": f"{margin:g}",
        "seed": str(seed),
        "version": version("speech-ifeval"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def _notes(model: Runs, reference: Runs | None, perception: list[Contrast]) -> Iterator[str]:
    for name, run in _named(model, reference):
        if run.unscored:
            yield f"{run.unscored} items of {name} are unscored: they take a judge, or there is no reply"
        unjudged = sum(not one.scored for side in (run.plain, run.constrained) for one in side.values())
        if unjudged:
            yield f"{unjudged} answers of {name} are unscored"
    for name in CONDITIONS:
        if name not in model:
            yield f"the condition {name} was left out"
    rows = {(row.first, row.second): row.change for row in perception if row.by == "all"}
    constraint, over = rows.get((PLAIN, CONSTRAINED)), rows.get((PLACEBO, CONSTRAINED))
    if constraint is not None and over is not None and constraint.verdict == "differs" != over.verdict:
        yield "a neutral sentence of the constraint's length is not shown to do less than the constraint"
