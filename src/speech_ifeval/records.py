"""What flows between the stages: items, responses, verdicts, estimates. Frozen; unknown fields are refused."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

SCHEMA_VERSION = 1

CATEGORIES = ("closed-ended", "creative-writing", "chain-of-thought")
TWIN_CATEGORY = "closed-ended-plain"
CODES = ("CC", "SE", "WR", "JS", "BP", "KW", "LN", "CoT")
JUDGED_ID = "reasoning:chain_of_thought"
JUDGED_CODE = "CoT"
USES = ("reasoning", "accuracy", "transcript")


class Constraint(Struct, frozen=True, forbid_unknown_fields=True):
    """A demand on the output: an id and its kwargs.

    >>> Constraint("detectable_format:number_bullet_lists", {"num_bullets": 3}).kwargs
    {'num_bullets': 3}
    """

    id: str
    kwargs: dict[str, Any] = field(default_factory=dict)


class Item(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question of a benchmark.

    Attributes:
        id: unique in the benchmark, such as ``closed-ended/0150``.
        category: one of `CATEGORIES`, or `TWIN_CATEGORY` for the unconstrained twin of a closed-ended item.
        instruction: the text the model is given beside the audio.
        clip: the audio file, relative to the benchmark's audio folder; several items may share it.
        dataset: the task or corpus group the item belongs to.
        constraints: what the reply must follow; empty for an unconstrained twin.
        transcript: what the reference system reads instead of the audio, None where there is none.
        label: the right answer or reference transcript, None for open questions.
        metric: how the answer itself is measured: ``wer``, ``accuracy``, ``open``, ``cot``.
        twin: the id of the same question with (or without) its constraint.
        source: the corpus the clip comes from, and its licence where one is stated.
        speaker: who is heard, such as ``LibriSpeech/1995``; None where it is not known for sure.
        wording: which wording of its pool demands the constraint, such as ``en/startend:quotation/07``; None where
            the item was not drawn from a pool.

    >>> Item("closed-ended/0000", "closed-ended", "Transcribe.", "a.wav", "asr").constraints
    ()
    """

    id: str
    category: str
    instruction: str
    clip: str
    dataset: str
    constraints: tuple[Constraint, ...] = ()
    transcript: str | None = None
    label: str | None = None
    metric: str | None = None
    twin: str | None = None
    source: str | None = None
    licence: str | None = None
    speaker: str | None = None
    wording: str | None = None


class Response(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model's reply to one item. `text` is None where there is no reply; `error` then says why.

    Attributes:
        id: the item's id.
        text: the reply as the model gave it, thoughts included.
        finish_reason: ``stop``, ``length`` where the reply was cut off, ``error``; None where it is not known.
        error: why there is no text.
        input_tokens, output_tokens: as the model counts them; None where it does not say.
        seconds: how long the reply took, its share of a batch; None where it was not measured.
        audio_cut: whether the model heard only part of the clip; None where there was no audio.
        transcript: what a cascade's recogniser heard.
        fingerprint: of everything the reply depends on; what a run resumes by.

    >>> Response("closed-ended/0000", "HELLO").finish_reason is None
    True
    """

    id: str
    text: str | None
    finish_reason: Literal["stop", "length", "error"] | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None
    audio_cut: bool | None = None
    transcript: str | None = None
    fingerprint: str | None = None

    @property
    def answered(self) -> bool:
        """Whether there is a reply to score."""
        return self.text is not None


class Verdict(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Whether one reply follows one constraint. A row says all that a table of rates needs.

    Attributes:
        item: the item's id; `category`, `dataset` and `clip` are the item's.
        constraint: the constraint's id, and `code` the code it counts under.
        index: which of the item's constraints, from 0.
        rules: the rule set that decided; ``judge`` where a judge did.
        followed: None where the pair is unscored.
        reason: why it does not follow or is unscored; None where it is followed.
        near_miss: a short label where the reply misses by a known hair.
        otherwise: the rule set, if any, that would have decided the other way.

    >>> verdict = Verdict("closed-ended/0000", "closed-ended", "asr", "a.wav", "startend:quotation", "WR", 0,
    ...                   "official", None, "no response")
    >>> verdict.followed is None
    True
    """

    item: str
    category: str
    dataset: str
    clip: str
    constraint: str
    code: str | None
    index: int
    rules: str
    followed: bool | None
    reason: str | None = None
    near_miss: str | None = None
    otherwise: str | None = None


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of what a judge was sent.

    >>> Message("user", "Does it reason?").role
    'user'
    """

    role: str
    content: str


class Judgement(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a judge says of one reply, with the judge's own words. There is one for an item and a use.

    Attributes:
        item: the item's id.
        use: ``reasoning`` (does the reply reason step by step), ``accuracy`` (does it agree with the label),
            ``transcript`` (which part of it is the transcript).
        verdict: whether it reasons, or is right; None for transcripts, and where it is unscored.
        reply_hash: SHA-256 of the model's reply that was judged, in hexadecimal: a judgement of another text is
            worth nothing.
        judge_reply: the judge's own words, of the last try; None where none had to be asked, or a call failed.
        extracted: the transcript; None for other uses, and where it is unscored.
        reason: why it is unscored, or was not asked.
        messages: everything that was sent, in its order.
        earlier_replies: the replies before it: those that could not be read, and those of earlier repeats.
        verdicts: of each repeat, where the judge was asked several times.
        flags: what is to be known of it, such as ``not-a-substring``.

    >>> Judgement("chain-of-thought/0000", "reasoning", True, "0" * 64, "Result: YES").verdict
    True
    """

    item: str
    use: Literal["reasoning", "accuracy", "transcript"]
    verdict: bool | None
    reply_hash: str
    judge_reply: str | None
    extracted: str | None = None
    reason: str | None = None
    messages: tuple[Message, ...] = ()
    earlier_replies: tuple[str, ...] = ()
    verdicts: tuple[bool | None, ...] = ()
    flags: tuple[str, ...] = ()
