"""What a judge is asked and what it says: the one interface of every judge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from msgspec import Struct

from speech_ifeval.records import Judgement

Use = Literal["reasoning", "accuracy", "transcript"]
Key = tuple[str, str]
Judgements = Mapping[Key, Judgement]

CALL_FAILED = "call-failed"


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """One reply to be judged.

    Attributes:
        item: the item's id.
        use: what is asked about the reply.
        question: what the model was asked, without its constraint.
        reply: what the model answered, without its thoughts; never empty.
        reply_hash: SHA-256 of the whole reply; the judgement bears it.
        label: the right answer, where the use is ``accuracy``; else None.

    >>> Question("a", "reasoning", "Who speaks?", "A pilot.", "0" * 64).label is None
    True
    """

    item: str
    use: Use
    question: str
    reply: str
    reply_hash: str
    label: str | None = None


class Cost(Struct, frozen=True):
    """The calls that judging takes, before the first of them; what is remembered costs nothing.

    Attributes:
        calls: one a verdict; a reply that cannot be read costs one more.
        input_tokens: a token for every 4 letters.
        output_tokens: the most that all replies may have together.

    >>> print(Cost(2066, 1_100_000, 2_115_584))
    2,066 calls: about 1,100,000 input tokens (one for 4 letters) and at most 2,115,584 output tokens
    """

    calls: int
    input_tokens: int
    output_tokens: int

    def __str__(self) -> str:
        calls = f"{self.calls:,} call{'' if self.calls == 1 else 's'}"
        return (
            f"{calls}: about {self.input_tokens:,} input tokens (one for 4 letters) and at most "
            f"{self.output_tokens:,} output tokens"
        )


@dataclass(frozen=True)
class Judged:
    """What a judge said: `label` names it in file names and signatures, ``none`` if there is none.

    `judgements` has one judgement for an item and a use, such as ``("closed-ended/0001", "accuracy")``.
    """

    label: str
    judgements: Judgements = field(default_factory=dict, repr=False)


class Judge(ABC):
    """Somebody who judges replies. A subclass gives `label` and `judge`; the rest has defaults.

    Attributes:
        label: who judges, and by what: signatures and file names have it. Letters, digits, ``.``, ``-`` and ``_``.
        name: what messages call it.
        remote_host: the host, other than this machine, that replies are sent to; None if there is none.
        recorded: what the judge has said already; then nothing is asked. None for a judge that is asked.

    >>> class Long(Judge):
    ...     label = "long-1"
    ...     def judge(self, questions):
    ...         for one in questions:
    ...             yield Judgement(one.item, one.use, len(one.reply) > 9, one.reply_hash, None)
    >>> [one.verdict for one in Long().judge([Question("a", "reasoning", "Who?", "A pilot.", "0" * 64)])]
    [False]
    """

    label: str
    remote_host: str | None = None
    recorded: Judged | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.label

    @abstractmethod
    def judge(self, questions: Iterable[Question]) -> Iterator[Judgement]:
        """Judge every reply once, in any order.

        A reply whose judging fails becomes a judgement without verdict whose `reason` says why; one with the flag
        `CALL_FAILED` is asked again by the next run.

        Raises:
            SpeechIFEvalError: no reply can be judged.
        """

    def cost(self, questions: Sequence[Question]) -> Cost | None:
        """Return what judging these would cost; None where it costs nothing."""
        return None

    def details(self) -> Mapping[str, Any]:
        """Return what is to be written down about the judge, JSON types only."""
        return {}

    def close(self) -> None:
        """Let go of what the judge holds."""
        return  # most judges hold nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def unscored(question: Question, reason: str, *, flags: tuple[str, ...] = ()) -> Judgement:
    """Return the judgement of a reply that could not be judged.

    >>> unscored(Question("a", "reasoning", "Who?", "A pilot.", "0" * 64), "no judge").reason
    'no judge'
    """
    return Judgement(question.item, question.use, None, question.reply_hash, None, reason=reason, flags=flags)
