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


class Judgement(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A judge's verdict on one reply, with the judge's own words.

    `followed` is None where the judge's reply could not be read; `reason` then says why. `reply_hash` is the
    SHA-256 of the model's reply that was judged: a judgement of another text is worth nothing.

    >>> Judgement("chain-of-thought/0000", True, "Result: YES", "0" * 64).followed
    True
    """

    item: str
    followed: bool | None
    judge_reply: str
    reply_hash: str
    reason: str | None = None


class Estimate(Struct, frozen=True, forbid_unknown_fields=True):
    """A figure with its 95 % interval, rates in percent. `value` is None where there is none; `why` says why.

    >>> Estimate(88.99, 87.1, 90.6, 1533, 0).value
    88.99
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int
    why: str | None = None


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """A following rate in percent with its 95 % interval; None where nothing is scored.

    >>> Rate(781, 933, 0, 83.71, 81.2, 85.9).n
    933
    """

    followed: int
    n: int
    unscored: int
    rate: float | None
    low: float | None
    high: float | None


class CodeTest(Struct, frozen=True, forbid_unknown_fields=True):
    """McNemar's test of one code against the reference, on the pairs that both runs have scored.

    `lost` counts pairs that only the reference follows, `gained` those that only the run follows; `p_holm` is
    adjusted over the codes tested together.
    """

    n: int
    lost: int
    gained: int
    p: float
    p_holm: float


class Reference(Struct, frozen=True, forbid_unknown_fields=True):
    """The reference system a summary was made against."""

    name: str
    signature: str
    ifrate: Estimate
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    wide: bool


class Summary(Struct, frozen=True, forbid_unknown_fields=True):
    """The figures of one scored run: the content of ``summary.json``, described in ``docs/formats.md``.

    All rates are in percent. `items` is the rate per item (all its constraints), `pairs` the rate per constraint.

    >>> Summary.__struct_fields__[:6]
    ('schema_version', 'name', 'signature', 'settings', 'ifrate', 'forgetting')
    """

    schema_version: int
    name: str
    signature: str
    settings: dict[str, Any]
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    ids: dict[str, Rate]
    datasets: dict[str, Rate]
    items: Rate
    pairs: Rate
    code_tests: dict[str, CodeTest]
    reference: Reference | None
    other_rules: dict[str, Any]
    near_misses: dict[str, int]
    unscored: dict[str, int]
    replies: dict[str, int]
    notes: list[str]


class Difference(Struct, frozen=True, forbid_unknown_fields=True):
    """A paired difference in percentage points, with its 95 % interval and its test.

    `p` is two-sided; `p_holm` is adjusted over the family that the comparison states. `value` is None, and
    `why` says why, where one side has no figure.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    why: str | None = None


class ComparedRun(Struct, frozen=True, forbid_unknown_fields=True):
    """One run of a comparison. `rank` is the interval of ranks, 1 the best, that the paired tests leave it."""

    name: str
    signature: str
    reference: str | None
    reference_wide: bool
    ifrate: Estimate
    forgetting: Estimate | None
    points: Estimate | None
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    rank: tuple[int, int] | None


class ComparedPair(Struct, frozen=True, forbid_unknown_fields=True):
    """Two runs of a comparison, by their index: the second minus the first.

    `gained` counts the constraints that only the second follows, `lost` those that only the first does.
    """

    first: int
    second: int
    ifrate: Difference
    forgetting: Difference | None
    gained: int
    lost: int


class Flip(Struct, frozen=True, forbid_unknown_fields=True):
    """A constraint of an item on which the runs do not agree: followed or not, run by run; None is unscored."""

    item: str
    constraint: str
    index: int
    code: str | None
    followed: tuple[bool | None, ...]


class Comparison(Struct, frozen=True, forbid_unknown_fields=True):
    """Runs side by side: what `speech-ifeval compare --json` prints, described in ``docs/formats.md``.

    >>> Comparison.__struct_fields__
    ('schema_version', 'runs', 'pairs', 'family', 'flips', 'notes')
    """

    schema_version: int
    runs: list[ComparedRun]
    pairs: list[ComparedPair]
    family: str
    flips: list[Flip]
    notes: list[str]
