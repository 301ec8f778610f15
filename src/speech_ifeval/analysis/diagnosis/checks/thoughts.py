"""Thoughts that never end, and thoughts that are left in the answer."""

from __future__ import annotations

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import share_of_replies
from speech_ifeval.analysis.diagnosis.signs import thought_tag_in


@check(
    "unclosed-thoughts",
    title="thoughts that never end, so that there is no answer",
    about="replies",
    rule=Rule(SPOILT),
    cause="The token limit is spent on thoughts, or tuning has unlearnt the end of them.",
    advice=(
        "Ask again with a higher limit: `speech-ifeval run --max-new-tokens`.",
        "Switch the thoughts off in the chat template, where the model can.",
    ),
)
def unclosed_thoughts(evidence: Evidence) -> Measured | Unmade:
    """A leading ``<think>`` without its end."""
    return share_of_replies(evidence, lambda reply: not reply.closed, "its thoughts never end: there is no answer")


@check(
    "thoughts-left-in",
    title="answers that still hold their thoughts",
    about="replies",
    rule=Rule(SPOILT),
    cause="The thoughts do not lead the reply, or their tags are not `<think>`: they are taken for part of the "
    "answer, and rules and judge read them.",
    advice=("Take them off before scoring, or switch them off in the chat template, where the model can.",),
)
def thoughts_left_in(evidence: Evidence) -> Measured | Unmade:
    """A tag of thoughts in what counts as the answer."""
    return share_of_replies(
        evidence,
        lambda reply: thought_tag_in(reply.answer) is not None,
        lambda reply: f"{thought_tag_in(reply.answer)} stands in the answer",
    )
