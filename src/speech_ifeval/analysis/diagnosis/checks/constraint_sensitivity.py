"""Constraint sensitivity: answers get wrong, change or are made up, transcripts get worse."""

from __future__ import annotations

from speech_ifeval.analysis.diagnosis.evidence import NO_JUDGE, NO_REFERENCE, NO_TWINS, Evidence
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import apart
from speech_ifeval.analysis.diagnosis.telling import quoted
from speech_ifeval.analysis.twins import Twin
from speech_ifeval.results import Behaviour, Difference, Estimate, FindingPart, WordErrorChange

_CAUSE = (
    "The demand on the form takes part in what is heard: tuning never had the same question with and without "
    "one, or the form (a title, a phrase to repeat) crowds the answer out."
)
_ADVICE = (
    "List every changed answer: `speech-ifeval sensitivity RUN --items`.",
    "See whether a neutral sentence of the same length does the same: `speech-ifeval isolation`.",
    "Tune on questions with and without a demand on the form (`speech-ifeval lab study`).",
)
_CODES = ("code", "dataset")


@check(
    "worse-answers",
    title="answers that a constraint makes wrong, less those that it makes right",
    about="answers",
    rule=Rule(SPOILT),
    unit="points",
    cause=_CAUSE,
    advice=_ADVICE,
)
def worse_answers(evidence: Evidence) -> Measured | Unmade:
    """Wrong answers to closed questions, with minus without the constraint."""
    return _appeared(evidence, "wrong", "right without the constraint, wrong with it")


@check(
    "made-up-answers",
    title="answers that a constraint makes up, less those that it stops",
    about="answers",
    rule=Rule(SPOILT),
    unit="points",
    cause=_CAUSE,
    advice=_ADVICE,
)
def made_up_answers(evidence: Evidence) -> Measured | Unmade:
    """Closed questions answered with none of their options, and transcripts with half as many words again."""
    found = evidence.sensitivity
    if found is None:
        return Unmade(NO_TWINS)
    rows = [row for row in found.behaviours if row.name == "made-up"]
    closed = next((row for row in rows if row.group == "accuracy"), None)
    spoken = next((row for row in rows if row.group == "wer"), None)
    main = closed or spoken
    if main is None:
        return Unmade(NO_JUDGE)
    more = f"Of {spoken.n} transcripts {spoken.constrained} with and {spoken.plain} without are." if spoken else ""
    return _behaviour(evidence, main, [], "made up with the constraint, not without it", more)


def _appeared(evidence: Evidence, name: str, failed: str) -> Measured | Unmade:
    found = evidence.sensitivity
    if found is None:
        return Unmade(NO_TWINS)
    rows = [row for row in found.behaviours if row.name == name]
    main = next((row for row in rows if row.by == "all"), None)
    if main is None:
        return Unmade(NO_JUDGE)
    return _behaviour(evidence, main, [row for row in rows if row.by in _CODES], failed, "")


def _behaviour(evidence: Evidence, row: Behaviour, parts: list[Behaviour], failed: str, more: str) -> Measured:
    sides = f"{row.plain} without and {row.constrained} with the constraint"
    gone = f"{len(row.appeared)} appeared, {len(row.disappeared)} went"
    return Measured(
        figure=_estimate(row.change, row.n),
        of="twins",
        sentence=" ".join(part for part in (f"{sides}: {gone}.", more) if part),
        cases=[Case(item, f"{failed}: {_before(evidence, item)}") for item in row.appeared],
        parts=[
            FindingPart(
                name=part.group,
                figure=_estimate(part.change, part.n),
                p=part.change.p_holm,
                text=f"{part.plain} → {part.constrained}",
            )
            for part in parts
        ],
        against=row.against_reference,
    )


def _before(evidence: Evidence, item: str) -> str:
    """What the twin's reply was, of which the reader sees only the constrained one."""
    return f"without it the reply is {quoted(evidence.run.twin[item].plain.reply or '')}"


def _estimate(change: Difference, n: int) -> Estimate:
    return Estimate(change.value, change.low, change.high, n, 0, change.why)


@check(
    "worse-transcripts",
    title="word errors that a constraint adds",
    about="answers",
    rule=Rule(SPOILT),
    unit="points",
    cause=_CAUSE,
    advice=_ADVICE,
)
def worse_transcripts(evidence: Evidence) -> Measured | Unmade:
    """The corpus word error rate, with minus without the constraint."""
    found = evidence.sensitivity
    if found is None:
        return Unmade(NO_TWINS)
    rows = found.word_errors
    main = next((row for row in rows if row.by == "all"), None)
    if main is None:
        return Unmade("there are no transcripts")
    if main.change.value is None:
        return Unmade(NO_JUDGE if not main.n else main.change.why or "there is no word error rate")
    worst = sorted(main.items, key=lambda item: -_added(evidence, item))
    return Measured(
        figure=_estimate(main.change, main.n),
        of="twins",
        sentence=f"{main.plain:.2f} % without and {main.constrained:.2f} % with the constraint, in {main.words} "
        f"words: {len(main.items)} transcripts are worse, {len(main.fewer)} better.",
        cases=[
            Case(item, f"{_added(evidence, item)} more word errors than without: {_before(evidence, item)}")
            for item in worst
        ],
        parts=[_errors_of(row) for row in rows if row.by == "code" and row.change.value is not None],
        against=main.against_reference,
    )


def _errors_of(row: WordErrorChange) -> FindingPart:
    sides = f"{row.plain:.2f} → {row.constrained:.2f} %"
    return FindingPart(row.group, _estimate(row.change, row.n), None, row.change.p_holm, sides)


def _added(evidence: Evidence, item: str) -> int:
    twin = evidence.run.twin[item]
    before, after = twin.plain.answer.edits, twin.constrained.answer.edits
    return 0 if before is None or after is None else after.errors - before.errors


@check(
    "changed-answers",
    title="answers that change under a constraint, beyond the reference's own",
    about="answers",
    rule=Rule(SPOILT),
    unit="points",
    cause=_CAUSE,
    advice=_ADVICE,
)
def changed_answers(evidence: Evidence) -> Measured | Unmade:
    """The share of answers that are others with the constraint, minus the same of the reference."""
    found = evidence.sensitivity
    if found is None:
        return Unmade(NO_TWINS)
    row = next((row for row in found.answers if (row.metric, row.by) == ("accuracy", "all")), None)
    if row is None or row.rate.value is None:
        return Unmade(NO_JUDGE)
    reference = evidence.reference
    if reference is None:
        share = f"{row.rate.value:.2f} %, {row.rate.low:.2f} to {row.rate.high:.2f}"
        own = f"{row.changed} of {row.n} answers to closed questions change ({share})"
        why = "name its run with --reference" if evidence.no_reference == NO_REFERENCE else evidence.no_reference
        return Unmade(f"{own}; how many change anyway, only a reference tells: {why}")
    theirs = reference.twin
    both = [
        (twin, theirs[twin.id])
        for twin in evidence.run.twins
        if twin.id in theirs and _both_told(twin, theirs[twin.id])
    ]
    if not both:
        return Unmade("the reference answers no twins, or no judge has said which of its answers are right")
    ours = [bool(twin.changed) for twin, _ in both]
    others = [bool(other.changed) for _, other in both]
    change = apart(evidence, ours, others, [twin.answer for twin, _ in both])
    return Measured(
        figure=_estimate(change, len(both)),
        of="twins",
        sentence=f"{sum(ours)} of the run's answers change, {sum(others)} of the reference's.",
        cases=[
            Case(twin.id, f"another answer than without the constraint: {_before(evidence, twin.id)}")
            for twin, other in both
            if twin.changed and not other.changed
        ],
    )


def _both_told(twin: Twin, other: Twin) -> bool:
    return twin.answer.metric == "accuracy" and twin.changed is not None and other.changed is not None
