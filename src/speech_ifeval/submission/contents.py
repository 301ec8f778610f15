"""What a submission holds: its members in their order, and the records in them. Unknown fields are refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.contents import missing_categories
from speech_ifeval.benchmarks.licences import may_pass_on_instruction, may_pass_on_speech
from speech_ifeval.judges.wording import token_in
from speech_ifeval.records import Constraint, Item, Judgement, Message

KIND: Literal["speech-ifeval submission"] = "speech-ifeval submission"
SUBMISSION_VERSION = 1
HEADER, ITEMS, SUMMARY = "submission.json", "items.jsonl", "summary.json"
SIDES = ("run", "reference")
RESPONSES, ASKED = "responses.jsonl", "responses.manifest.json"
VERDICTS, SCORED = "verdicts.jsonl", "verdicts.manifest.json"
JUDGEMENTS, JUDGE = "judgements.jsonl", "judgements.manifest.json"
OF_A_SIDE = (RESPONSES, ASKED, VERDICTS, SCORED, JUDGEMENTS, JUDGE)
OPTIONAL = (JUDGEMENTS, JUDGE)
# The one order of members in the file; the header comes first and says what the others hash to.
MEMBERS = (HEADER, ITEMS, SUMMARY, *(f"{side}/{name}" for side in SIDES for name in OF_A_SIDE))

_ENCODER = msgspec.json.Encoder(order="deterministic")


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """One member: how many bytes it has, and their SHA-256 in hexadecimal."""

    bytes: int
    sha256: str


class About(Struct, frozen=True, forbid_unknown_fields=True):
    """The benchmark: what it is called, its fingerprint, and how many items it has, twins included."""

    name: str
    fingerprint: str
    items: int
    licence: str | None
    language: str | None


class ScoredHow(Struct, frozen=True, forbid_unknown_fields=True):
    """The options of the scoring that verdicts and figures depend on."""

    rules: str
    loose: bool
    missing: str
    limit: int | None
    seed: int


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """``submission.json``.

    `verifiers` are the versions of the verifiers that decided, `versions` those of packages when it was packed,
    and `changed` says how many texts were written otherwise because they named a place on somebody's machine.
    """

    kind: Literal["speech-ifeval submission"]
    submission_version: int
    versions: dict[str, str]
    benchmark: About
    scoring: ScoredHow
    verifiers: dict[str, int]
    changed: int
    members: dict[str, Member]


class PackedItem(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An item; `withheld` has the SHA-256 of each text that may not be passed on, by the field's name."""

    id: str
    category: str
    clip: str
    dataset: str
    constraints: tuple[Constraint, ...] = ()
    instruction: str | None = None
    transcript: str | None = None
    label: str | None = None
    metric: str | None = None
    twin: str | None = None
    source: str | None = None
    licence: str | None = None
    speaker: str | None = None
    wording: str | None = None
    withheld: dict[str, str] = {}


class PackedJudgement(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A judgement. Where its messages hold what may not be passed on: their hashes, and the judge's token."""

    judgement: Judgement
    withheld: tuple[str, ...] = ()
    token: str | None = None


def encoded(document: Any) -> bytes:
    """Return a document, or a record, in the one way that it is written."""
    return _ENCODER.encode(document)


def member_of(content: bytes) -> Member:
    """Return what the header says of a member."""
    return Member(len(content), hashlib.sha256(content).hexdigest())


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def packed_item(item: Item, licence: str | None) -> PackedItem:
    """Return an item with a hash in the place of each text that may not be passed on.

    Args:
        item: the item.
        licence: of the benchmark's items as a whole.
    """
    texts = {"instruction": item.instruction, "transcript": item.transcript, "label": item.label}
    speech = may_pass_on_speech(item, licence)
    free = {"instruction": may_pass_on_instruction(licence), "transcript": speech, "label": speech}
    fields = msgspec.structs.asdict(item)
    return PackedItem(
        **{**fields, **{name: text if free[name] else None for name, text in texts.items()}},
        withheld={name: text_hash(text) for name, text in texts.items() if text is not None and not free[name]},
    )


def item_of(packed: PackedItem) -> Item:
    """Return the item that can be scored; a text that was withheld is empty in it."""
    fields = {name: value for name, value in msgspec.structs.asdict(packed).items() if name != "withheld"}
    fields["instruction"] = fields["instruction"] or ""
    return Item(**{**fields, **dict.fromkeys(packed.withheld, "")})


def hashed(packed: PackedItem) -> PackedItem:
    """Return the same item with all its texts withheld: what two packings of one item agree in."""
    texts = {"instruction": packed.instruction, "transcript": packed.transcript, "label": packed.label}
    hashes = {name: text_hash(text) for name, text in texts.items() if text is not None}
    return replace(
        packed,
        instruction=None,
        transcript=None,
        label=None,
        source=None,
        licence=None,
        speaker=None,
        wording=None,
        withheld={**packed.withheld, **hashes},
    )


def sealed_fingerprint(items: list[PackedItem]) -> str:
    """Return the SHA-256 over what `fingerprint_of` counts, with hashes in the place of all texts."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(encoded(hashed(item)) + b"\n")
    return digest.hexdigest()


def packed_judgement(judgement: Judgement, *, free: bool) -> PackedJudgement:
    """Return a judgement, without what was sent to the judge unless all of the item's texts are free."""
    if free or not judgement.messages:
        return PackedJudgement(judgement)
    hashes = tuple(text_hash(encoded(message).decode()) for message in judgement.messages)
    return PackedJudgement(replace(judgement, messages=()), hashes, token_in(judgement.messages))


def token_of(packed: PackedJudgement) -> str | None:
    """Return the token that the judge's verdict bears; None where it has none."""
    messages: tuple[Message, ...] = packed.judgement.messages
    return token_in(messages) if messages else packed.token


def benchmark_of(about: About, items: list[Item]) -> Benchmark:
    """Return the benchmark that a submission's items make; its fingerprint is the one that is claimed."""
    return Benchmark(
        name=about.name,
        items=tuple(items),
        fingerprint=about.fingerprint,
        root=Path(),
        missing_categories=missing_categories(items),
        licence=about.licence,
        language=about.language,
    )
