"""Judge trouble: what could not be judged, what the judge contradicts, and verdicts far from what rules see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from speech_ifeval.analysis.diagnosis.evidence import NO_JUDGE, NO_TWINS, Evidence
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import all_at_once, apart, rate
from speech_ifeval.analysis.diagnosis.telling import quoted
from speech_ifeval.analysis.sensitivity import HEURISTIC
from speech_ifeval.judges import Question
from speech_ifeval.judges.kinds.heuristic import reasons
from speech_ifeval.pipeline.answers import NOT_JUDGED
from speech_ifeval.pipeline.judging import questions_about
from speech_ifeval.pipeline.verdicts import OTHER_REPLY
from speech_ifeval.records import Item, Judgement
from speech_ifeval.results import Estimate, FindingPart

# Points. The rules agree with the published judge on 95.5 % of DeSTA2's replies, and by the interval on 91.6 %
# (docs/judge-agreement.md): up to 8.4 points the rules alone can be the reason.
FAR = 10.0
NOBODY_JUDGED = "there is no judge: score the run with --judge"


def _questions(evidence: Evidence) -> list[Question]:
    """What a judge had to be asked: of the uses in which this one judged anything at all."""
    run = evidence.run
    uses = {use for _, use in run.judged.judgements}
    questions, _ = questions_about(run.items, run.benchmark, run.responses, task_level=True)
    return [one for one in questions if one.use in uses]


def _unscored(question: Question, judgements: Mapping[tuple[str, str], Judgement]) -> str | None:
    found = judgements.get((question.item, question.use))
    if found is None:
        return NOT_JUDGED
    if found.reply_hash != question.reply_hash:
        return OTHER_REPLY
    said = found.extracted if question.use == "transcript" else found.verdict
    return (found.reason or "the judge gave no verdict") if said is None else None


@check(
    "judge-unscored",
    title="replies that the judge left without a verdict",
    about="scoring",
    rule=Rule(SPOILT),
    cause="Its words do not end as they were asked to, its own replies are cut off, calls failed, or it judged "
    "other replies than these.",
    advice=(
        "Give the same `speech-ifeval score --judge` again: failed calls are asked anew.",
        "Ask a judge that can do as it is told: `speech-ifeval judge-agreement` compares two.",
    ),
)
def judge_unscored(evidence: Evidence) -> Measured | Unmade:
    """Of all that this judge had to judge."""
    run = evidence.run
    questions = _questions(evidence)
    if not questions:
        return Unmade(NOBODY_JUDGED)
    items = [run.benchmark.item(one.item) for one in questions]
    why = [_unscored(one, run.judged.judgements) for one in questions]
    counted = Counter(reason for reason in why if reason is not None)
    level = all_at_once(len(counted))
    return Measured(
        figure=rate(evidence, [reason is not None for reason in why], items),
        of="replies to judge",
        count=counted.total(),
        sentence=f"The judge is {run.judged.label}.",
        cases=[
            Case(one.item, f"{one.use}: {reason}") for one, reason in zip(questions, why, strict=True) if reason
        ],
        parts=[
            FindingPart(reason, rate(evidence, [one == reason for one in why], items, level), count)
            for reason, count in counted.most_common()
        ],
        parts_at_once=True,
    )


@check(
    "judge-contradicted",
    title="answers judged wrong that are said to be the label",
    about="scoring",
    rule=Rule(SPOILT),
    cause="The judge overlooks the answer or holds something else against it. A change between the sides of "
    "twins can then be the judge's.",
    advice=(
        "Read them: `speech-ifeval sensitivity RUN --items` lists all.",
        "Judge again with another judge and compare: `speech-ifeval judge-agreement`, or a sample by hand: "
        "`speech-ifeval annotate`.",
    ),
)
def judge_contradicted(evidence: Evidence) -> Measured | Unmade:
    """Of the judged answers to closed questions: wrong ones that say that the answer is the label."""
    sides = [side for twin in evidence.run.twins for side in (twin.plain, twin.constrained)]
    known = [(side.answer, bool(side.contradicted)) for side in sides if side.contradicted is not None]
    if not known:
        return Unmade(NO_JUDGE if sides else NO_TWINS)
    plain, constrained = (sum(does for one, does in known if one.constrained is side) for side in (False, True))
    return Measured(
        figure=rate(evidence, [does for _, does in known], [answer for answer, _ in known]),
        of="judged answers",
        count=sum(does for _, does in known),
        sentence=f"{plain} without and {constrained} with a constraint.",
        cases=[
            Case(
                answer.item,
                f"judged wrong; the label is {quoted(evidence.run.benchmark.item(answer.item).label or '')}",
            )
            for answer, does in known
            if does
        ],
    )


@check(
    "judged-unlike-rules",
    title="chain of thought judged otherwise than its form suggests",
    about="scoring",
    rule=Rule(FAR, worse="either"),
    unit="points",
    cause="The judge reads the rubric more strictly or more kindly than steps and grounds in the text suggest, or "
    "it is moved by whether the answer is right.",
    advice=(
        "Read the judge's own words on the examples (judgements.….jsonl in the run directory).",
        "Judge a sample by hand and compare: `speech-ifeval annotate`, `speech-ifeval judge-agreement`.",
    ),
)
def judged_unlike_rules(evidence: Evidence) -> Measured | Unmade:
    """Share of replies that reason by the judge, minus the share by the heuristic judge's rules."""
    label = evidence.run.judged.label
    judged = list(_reasoning(evidence))
    if not judged:
        return Unmade("no judge has judged chain of thought")
    if label.startswith(HEURISTIC):
        return Unmade(f"the judge {label} is these rules")
    verdicts, ruled = [verdict for _, verdict, _ in judged], [rules for *_, rules in judged]
    change = apart(evidence, verdicts, ruled, [item for item, *_ in judged])
    return Measured(
        figure=Estimate(change.value, change.low, change.high, len(judged), 0),
        of="replies",
        sentence=f"{label} says of {sum(verdicts)} that they reason, the rules say so of {sum(ruled)}.",
        cases=[
            Case(item.id, f"{label} says {_yes(verdict)}, the rules say {_yes(rules)}")
            for item, verdict, rules in judged
            if verdict is not rules and verdict is ((change.value or 0) > 0)
        ],
    )


def _yes(verdict: bool) -> str:
    return "that it reasons" if verdict else "that it does not reason"


def _reasoning(evidence: Evidence) -> Iterator[tuple[Item, bool, bool]]:
    run = evidence.run
    for one in _questions(evidence):
        judgement = run.judged.judgements.get((one.item, one.use))
        if one.use != "reasoning" or judgement is None or judgement.reply_hash != one.reply_hash:
            continue
        if judgement.verdict is not None:
            yield run.benchmark.item(one.item), judgement.verdict, reasons(one.reply)
