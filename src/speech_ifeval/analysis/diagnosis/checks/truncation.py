"""Replies that are cut off, and clips of which only a part was heard."""

from __future__ import annotations

from speech_ifeval.analysis.diagnosis.evidence import Evidence, Reply
from speech_ifeval.analysis.diagnosis.measuring import SPOILT, Measured, Rule, Unmade
from speech_ifeval.analysis.diagnosis.registry import check
from speech_ifeval.analysis.diagnosis.shares import share_of_replies

CUT_OFF = "length"


@check(
    "truncation",
    title="replies cut off at the token limit",
    about="replies",
    rule=Rule(SPOILT),
    cause="The limit is too low for what the model has to say (thoughts above all), or the model does not stop: "
    "then its replies loop, or its end token is not the one that generation stops at.",
    advice=(
        "Ask again with a higher limit: `speech-ifeval run --max-new-tokens`.",
        "Where replies loop as well, look at the chat template and the end token before anything else.",
    ),
)
def truncation(evidence: Evidence) -> Measured | Unmade:
    """By the reason that the model gave for ending a reply."""

    def cut(reply: Reply) -> bool | None:
        reason = reply.response.finish_reason
        return None if reason is None else reason == CUT_OFF

    return share_of_replies(
        evidence, cut, "it ends at the token limit", unknown="no response says how it ended (finish_reason)"
    )


@check(
    "audio-cut",
    title="replies to clips of which only the beginning was heard",
    about="replies",
    rule=Rule(SPOILT),
    cause="The model's encoder takes so many seconds and no more.",
    advice=(
        "Leave the long clips out for a fair reading, or ask a model that takes them.",
        "Where it is transcripts that get worse, that is why: their ends were not heard.",
    ),
)
def audio_cut(evidence: Evidence) -> Measured | Unmade:
    """By what the model's adapter says."""
    return share_of_replies(
        evidence,
        lambda reply: reply.response.audio_cut,
        "only the beginning of the clip was heard",
        unknown="no response says how much of its clip was heard (audio_cut)",
    )
