"""A judge that is a language model: sent rubric and fenced texts, asked once more, remembered, repeated."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from speech_ifeval.endpoints import CallError, concurrently
from speech_ifeval.judges.cache import ReplyCache, Said, safe_name
from speech_ifeval.judges.criteria import Rubric, rubrics_digest
from speech_ifeval.judges.extraction import NOT_A_SUBSTRING, NOT_IN_REPLY, is_substring
from speech_ifeval.judges.interface import CALL_FAILED, Cost, Judge, Question, unscored
from speech_ifeval.judges.wording import (
    CUT_OFF,
    UNREADABLE,
    Read,
    Sent,
    asked_again,
    messages_for,
    protocol_text,
    read_reply,
)
from speech_ifeval.records import Judgement, Message

LETTERS_PER_TOKEN = 4
NO_MAJORITY = "the judge's repeats are evenly divided"

Ask = Callable[[Sequence[Message], int], Said]


class _NotKeptError(Exception):
    """The reply is not in the cache, and the judge may not be asked now."""


class LanguageJudge(Judge):
    """Judges by asking a language model, each reply on its own.

    Args:
        name: the model's.
        ask: sends messages, the second argument being the number of the repeat from 0; raises `CallError` where
            one call got no reply, another `SpeechIFEvalError` where none can.
        rubrics: what it is told, by use.
        settings: what its replies depend on beside what it is sent, JSON types only.
        cache: replies from before.
        repeats: how often each verdict is asked for; transcripts are asked for once.
        slots: the most calls at a time.
        longest: the most tokens of a reply, for the estimate.

    The label is the model's name and six digits of a hash over the rubrics, all else that is sent, and the
    settings; ``.x3`` is added for three repeats.
    """

    def __init__(
        self,
        name: str,
        ask: Ask,
        *,
        rubrics: Mapping[str, Rubric],
        settings: Mapping[str, Any],
        cache: ReplyCache,
        repeats: int = 1,
        slots: int = 1,
        longest: int = 0,
    ) -> None:
        self._ask = ask
        self._rubrics = rubrics
        self._cache = cache
        self._repeats = repeats
        self._slots = slots
        self._longest = longest
        self._name = name
        made_of = [name, rubrics_digest(rubrics), protocol_text(), settings]
        digest = hashlib.sha256(msgspec.json.encode(made_of, order="deterministic")).hexdigest()[:6]
        self.label = f"{safe_name(name)}.{digest}{f'.x{repeats}' if repeats > 1 else ''}"

    @property
    def name(self) -> str:
        return self._name

    def judge(self, questions: Iterable[Question]) -> Iterator[Judgement]:
        to_ask = []
        for question in questions:
            try:
                yield self._judged(question, self._remembered)
            except _NotKeptError:
                to_ask.append(question)
        yield from concurrently(self._live, to_ask, self._slots)

    def cost(self, questions: Sequence[Question]) -> Cost | None:
        calls = letters = 0
        for question in questions:
            messages = self._sent(question).messages
            for repeat in range(self._times(question)):
                if self._cache.get(self._cache.key(messages, repeat)) is None:
                    calls += 1
                    letters += sum(len(message.content) for message in messages)
        return Cost(calls, math.ceil(letters / LETTERS_PER_TOKEN), calls * self._longest)

    def _sent(self, question: Question) -> Sent:
        return messages_for(question, self._rubrics[question.use])

    def _times(self, question: Question) -> int:
        return 1 if question.use == "transcript" else self._repeats

    def _live(self, question: Question) -> Judgement:
        return self._judged(question, self._asked)

    def _remembered(self, messages: Sequence[Message], repeat: int) -> Said:
        said = self._cache.get(self._cache.key(messages, repeat))
        if said is None:
            raise _NotKeptError
        return said

    def _asked(self, messages: Sequence[Message], repeat: int) -> Said:
        key = self._cache.key(messages, repeat)
        said = self._cache.get(key)
        if said is None:
            said = self._ask(messages, repeat)
            self._cache.put(key, said)
        return said

    def _judged(self, question: Question, ask: Ask) -> Judgement:
        return judged_by(question, self._sent(question), ask, self._times(question))


def judged_by(question: Question, sent: Sent, ask: Ask, times: int) -> Judgement:
    """Ask as often as is wanted, once more where a reply cannot be read, and return what comes of it.

    Args:
        question: what is judged.
        sent: what the judge is sent about it.
        ask: see `LanguageJudge`.
        times: how many repeats.
    """
    tries: list[_Tries] = []
    for repeat in range(times):
        tries.append(_Tries(question, sent, ask, repeat))
        if tries[-1].failure is not None:
            break
    replies = [reply for one in tries for reply in one.replies]
    follow_ups = [message for one in tries for message in one.follow_ups]
    last = tries[-1]
    if last.failure is not None:
        failed = unscored(question, f"the call failed: {last.failure}", flags=(CALL_FAILED,))
        return replace(failed, messages=(*sent.messages, *follow_ups), earlier_replies=tuple(replies))
    judgement = Judgement(
        item=question.item,
        use=question.use,
        verdict=None,
        reply_hash=question.reply_hash,
        judge_reply=replies[-1],
        messages=(*sent.messages, *follow_ups),
        earlier_replies=tuple(replies[:-1]),
    )
    if question.use == "transcript":
        return _with_transcript(judgement, question, last)
    verdicts = tuple(None if one.read is None else one.read.verdict for one in tries)
    verdict, why = _majority(verdicts)
    if verdict is None and why is None:
        why = last.why
    return replace(judgement, verdict=verdict, reason=why, verdicts=verdicts if len(verdicts) > 1 else ())


class _Tries:
    """One repeat: the reply, and another where it cannot be read; `failure` where a call got none."""

    def __init__(self, question: Question, sent: Sent, ask: Ask, repeat: int) -> None:
        self.replies: list[str] = []
        self.follow_ups: tuple[Message, ...] = ()
        self.read: Read | None = None
        self.why: str | None = None
        self.failure: CallError | None = None
        try:
            self._ask(question, sent, ask, repeat)
        except CallError as error:
            self.failure = error

    def _ask(self, question: Question, sent: Sent, ask: Ask, repeat: int) -> None:
        said = ask(sent.messages, repeat)
        self.replies.append(said.text)
        self.read, self.why = _read(said, question, sent)
        if self.read is None:
            self.follow_ups = asked_again(sent, question.use, said.text)
            said = ask((*sent.messages, *self.follow_ups), repeat)
            self.replies.append(said.text)
            self.read, self.why = _read(said, question, sent)


def _read(said: Said, question: Question, sent: Sent) -> tuple[Read | None, str | None]:
    if said.cut_off:
        return None, CUT_OFF
    read = read_reply(said.text, question.use, sent.token)
    return read, None if read is not None else UNREADABLE


def _with_transcript(judgement: Judgement, question: Question, tries: _Tries) -> Judgement:
    if tries.read is None or tries.read.extracted is None:
        return replace(judgement, reason=tries.why)
    if not is_substring(tries.read.extracted, question.reply):
        return replace(judgement, reason=NOT_IN_REPLY, flags=(NOT_A_SUBSTRING,))
    return replace(judgement, extracted=tries.read.extracted)


def _majority(verdicts: Sequence[bool | None]) -> tuple[bool | None, str | None]:
    counts = Counter(verdict for verdict in verdicts if verdict is not None)
    if not counts:
        return None, None
    if counts[True] == counts[False]:
        return None, NO_MAJORITY
    return counts[True] > counts[False], None
