"""Format rigidity: the answer is right, and its form is wrong all the same."""

from __future__ import annotations

from speech_ifeval.analysis.diagnosis.evidence import NO_JUDGE, NO_TWINS, Evidence, SystemRun
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import Group, worst_of
from speech_ifeval.analysis.diagnosis.telling import told
from speech_ifeval.metrics.answers import Answer

MUCH = 30.0  # percent; as high forgetting: a reference that follows everything would be that much better
RIGHT_TRANSCRIPT = 0.1  # word errors per word of the reference up to which a transcript counts as right
MARGIN = SPOILT  # points that a constraint may cost the answers before the task level does not hold

RULE = Rule(MUCH, floor=None)  # that some constraints fail is what IFrate says


@check(
    "format-rigidity",
    title="format rigidity (right answers in another form than demanded, in the worst code)",
    about="following",
    rule=RULE,
    cause="The answers it was tuned on all had one form, and the form was learnt with the task: what is heard is "
    "right, how to say it is no longer read off the instruction.",
    advice=(
        "Put demands on the form into the tuning data, or tune on answers that the text model wrote under them "
        "(`speech-ifeval lab study`).",
        "See whether smaller LoRA scales give the form back without losing the answers: `speech-ifeval sweep`.",
        "See whether only some wordings of the demand fail: `speech-ifeval wording`.",
    ),
)
def format_rigidity(evidence: Evidence) -> Measured | Unmade:
    """Of the answers that are right, how many miss the form by more than a hair; the task level must hold."""
    run = evidence.run
    known = [answer for answer in run.answers if answer.constrained and answer.scored]
    if not known:
        return Unmade(NO_JUDGE if run.answers else "no closed question has a label")
    right = [answer for answer in known if is_right(answer) and run.followed.get(answer.pair) is not None]
    if not right:
        return Unmade("no answer is right and has a scored constraint")
    groups: dict[str, Group] = {}
    for answer in right:
        groups.setdefault(answer.code or "without a code", Group()).add(answer, _is_rigid(run, answer))
    worst = worst_of(evidence, groups, RULE)
    failing = [answer for answer in right if run.followed[answer.pair] is False]
    holds, said = _task_level(evidence)
    near = sum(not _is_rigid(run, answer) for answer in failing)
    share = f"{len(failing)} of {len(right)} right answers do not have the demanded form"
    return Measured(
        figure=worst.figure,
        of=f"right answers under {worst.name}",
        sentence=f"Over all codes {share}, {near} of them by a known hair, which is not counted here. {said}",
        count=worst.count,
        cases=[
            Case(answer.item, f"the answer is right; {run.why(answer.item)}")
            for answer in failing
            if (answer.code or "without a code") == worst.name and _is_rigid(run, answer)
        ],
        parts=worst.parts,
        parts_at_once=True,
        at_most="severe" if holds else "notable",
        bound=worst.bound,
    )


def _is_rigid(run: SystemRun, answer: Answer) -> bool:
    """Whether the form is missed by more than a hair: who forgets a bracket has read what was demanded."""
    return run.followed[answer.pair] is False and run.failures[answer.pair].near_miss is None


def is_right(answer: Answer) -> bool:
    """Whether an answer is right: judged so, or a transcript with at most one word error in ten words."""
    if answer.edits is not None:
        return answer.edits.errors <= RIGHT_TRANSCRIPT * answer.edits.words
    return answer.correct is True


def _task_level(evidence: Evidence) -> tuple[bool, str]:
    """Say whether the answers are shown to be no worse with a constraint than without, by more than the margin."""
    found = evidence.sensitivity
    if found is None:
        return False, f"Whether the answers hold is not known: {NO_TWINS}."
    wrong = next((row for row in found.behaviours if (row.name, row.by) == ("wrong", "all")), None)
    if wrong is not None:
        change, what = wrong.change, "wrong answers to closed questions"
    else:
        errors = next((row for row in found.word_errors if row.by == "all"), None)
        if errors is None or errors.change.value is None:
            return False, "Whether the answers hold is not known: no twins are scored on both sides."
        change, what = errors.change, "word errors"
    if change.value is None:
        return False, "Whether the answers hold is not known: no twins are scored on both sides."
    holds = change.high is not None and change.high <= MARGIN
    verb = "hold" if holds else "are not shown to hold"
    figure = told(change.value, change.low, change.high, signed=True)
    return (
        holds,
        f"The answers themselves {verb} within {MARGIN:g} points under a constraint: {what} {figure} points.",
    )
