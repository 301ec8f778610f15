"""Replies that are not there, say nothing, go round in circles, or refuse."""

from __future__ import annotations

from collections import Counter

from speech_ifeval.analysis.diagnosis.evidence import Evidence, Reply
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Case, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import all_at_once, rate, share_of_replies
from speech_ifeval.analysis.diagnosis.signs import loop_at_end, refusal_in
from speech_ifeval.analysis.diagnosis.telling import quoted
from speech_ifeval.records import Item
from speech_ifeval.results import FindingPart

MISSING = "never answered"
ENGLISH = "en"


@check(
    "missing-replies",
    title="items without a reply",
    about="replies",
    rule=Rule(SPOILT),
    cause="The run was stopped, requests failed, or recorded responses do not cover the benchmark. What is "
    "missing is unscored: if it is the hard items, every rate is too good.",
    advice=(
        "Give the same `speech-ifeval run` again: it asks only what failed or is missing.",
        "`speech-ifeval score RUN --missing fail` shows what the figures are if all of these fail.",
    ),
)
def missing_replies(evidence: Evidence) -> Measured | Unmade:
    """Of all that was asked, twins included where any of them was."""
    run = evidence.run
    if not run.asked:
        return Unmade("nothing was asked")
    reasons = {item.id: why for item in run.asked if (why := _why_missing(evidence, item)) is not None}
    counted = Counter(reasons.values())
    level = all_at_once(len(counted))
    return Measured(
        figure=rate(evidence, [item.id in reasons for item in run.asked], run.asked),
        of="items",
        count=len(reasons),
        sentence=f"{counted[MISSING]} were {MISSING}, {len(reasons) - counted[MISSING]} failed.",
        cases=[Case(item, why) for item, why in reasons.items()],
        parts=[
            FindingPart(
                why, rate(evidence, [reasons.get(item.id) == why for item in run.asked], run.asked, level), count
            )
            for why, count in counted.most_common()
        ],
        parts_at_once=True,
    )


def _why_missing(evidence: Evidence, item: Item) -> str | None:
    response = evidence.run.responses.get(item.id)
    if response is None:
        return MISSING
    return None if response.text is not None else response.error or "the response is null"


@check(
    "empty-replies",
    title="empty replies",
    about="replies",
    rule=Rule(SPOILT),
    cause="The end token comes first: the prompt's form is not the one the model was tuned on, or the adapter has "
    "lost the turn of an answer.",
    advice=(
        "Compare the rendered prompt with the model's chat template (`speech-ifeval run` notes it in the "
        "manifest).",
        "See whether it happens at smaller LoRA scales: `speech-ifeval sweep`.",
    ),
)
def empty_replies(evidence: Evidence) -> Measured | Unmade:
    """Nothing but white space, thoughts left out; thoughts that never end are another trouble."""
    return share_of_replies(
        evidence, lambda reply: reply.closed and not reply.answer.strip(), "nothing but white space"
    )


@check(
    "looping-replies",
    title="replies that repeat themselves to their end",
    about="replies",
    rule=Rule(SPOILT),
    cause="Greedy decoding of a model that tuning has made too sure of its next word; or a model that never saw "
    "its end token.",
    advice=(
        "Look at the end token and the chat template first, then at the learning rate and the length of tuning.",
        "See whether it happens at smaller LoRA scales: `speech-ifeval sweep`.",
    ),
)
def looping_replies(evidence: Evidence) -> Measured | Unmade:
    """As `speech_ifeval.analysis.diagnosis.signs.loop_at_end` says; not where the clip itself does so."""

    def loops(reply: Reply) -> bool:
        if loop_at_end(reply.text) is None:
            return False
        heard = (reply.item.transcript or "", reply.item.label or "")
        return all(loop_at_end(text) is None for text in heard)

    return share_of_replies(evidence, loops, lambda reply: f"repeats {quoted(loop_at_end(reply.text) or '')}")


@check(
    "refusals",
    title="replies that say they cannot listen",
    about="replies",
    rule=Rule(SPOILT),
    cause="The text model's own manners come through: the audio reaches it as something that it does not take for "
    "speech, or the prompt speaks of audio where tuning never did.",
    advice=(
        "Make sure that the audio is there: `speech-ifeval run` checks it with two clips before it begins.",
        "Try another system prompt or another place of the audio in it (`speech-ifeval run --system`).",
    ),
)
def refusals(evidence: Evidence) -> Measured | Unmade:
    """By a few patterns of English, which `speech_ifeval.analysis.diagnosis.signs.refusal_in` states."""
    language = evidence.run.benchmark.language
    if language not in (None, ENGLISH):
        return Unmade(f"the patterns are English, the benchmark is {language}")
    return share_of_replies(
        evidence,
        lambda reply: refusal_in(reply.answer) is not None,
        lambda reply: f"it says {quoted(refusal_in(reply.answer) or '')}",
    )
