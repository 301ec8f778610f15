"""What a judge's recorded words say, read once more: nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from speech_ifeval.endpoints import CallError
from speech_ifeval.judges.cache import Said
from speech_ifeval.judges.interface import CALL_FAILED, Question
from speech_ifeval.judges.language_judge import judged_by
from speech_ifeval.judges.replay import judgement_of_reply
from speech_ifeval.judges.wording import CUT_OFF, UNREADABLE, Sent
from speech_ifeval.records import Judgement, Message


def reread(judgement: Judgement, response: str, answer: str, token: str | None) -> Judgement | None:
    """Return the judgement that follows from a judge's words; None where there are no words to read.

    Where a call failed nothing follows, whatever was said before.

    Args:
        judgement: as it was recorded.
        response: the reply that was judged, whole.
        answer: the same without its thoughts.
        token: what the judge was told to put before its verdict; None for replies in the published form.

    >>> said = Judgement("a", "reasoning", True, "0" * 64, "It does not.\\nResult: NO")
    >>> reread(said, "A pilot.", "A pilot.", None).verdict
    False
    """
    if CALL_FAILED in judgement.flags:
        return Judgement(judgement.item, judgement.use, None, judgement.reply_hash, None, flags=judgement.flags)
    if token is None:
        if judgement.judge_reply is None:
            return None
        return judgement_of_reply(judgement.item, judgement.use, response, judgement.judge_reply)
    replies = [*judgement.earlier_replies, *([judgement.judge_reply] if judgement.judge_reply is not None else [])]
    question = Question(judgement.item, judgement.use, "", answer, judgement.reply_hash)
    sent = Sent(judgement.messages[:2], token)
    numbers = count()

    def ask(messages: Sequence[Message], repeat: int) -> Said:
        number = next(numbers)
        if number >= len(replies):
            raise CallError("no reply is recorded")
        return Said(replies[number])

    found = judged_by(question, sent, ask, max(1, len(judgement.verdicts)))
    left = len(replies) - next(numbers)
    if left > 0:
        raise CallError(f"{left} more replies are recorded than were asked for")
    return found


def same_finding(recorded: Judgement, found: Judgement) -> bool:
    """Whether two judgements say the same: verdicts, transcript and flags, and why there is none.

    That a reply was cut off is not to be seen in its words, so it counts as one that cannot be read; and why a
    call failed is known to nobody but who made it.
    """
    return _finding(recorded) == _finding(found)


def _finding(judgement: Judgement) -> tuple[object, ...]:
    reason = UNREADABLE if judgement.reason == CUT_OFF else judgement.reason
    if judgement.verdict is None and judgement.judge_reply is None:
        reason = None
    return judgement.verdict, judgement.extracted, judgement.verdicts, judgement.flags, reason
