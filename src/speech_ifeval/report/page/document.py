"""What the page is made from: one JSON document in it. Systems and items are named by their index.

Positions in texts count characters as Python does: code points.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from speech_ifeval.results import (
    CodeTest,
    Comparison,
    Diagnosis,
    Estimate,
    Isolation,
    Ladder,
    Rate,
    Sensitivity,
    Sweep,
    TaskLevel,
    WordingEffects,
)

Marks = list[tuple[int, int]]
Analysis = Sweep | Ladder | Isolation | WordingEffects


class ShownVerdict(Struct, frozen=True, omit_defaults=True):
    """One constraint of an item and one reply: followed unless it says otherwise; `index` is the constraint's."""

    index: int
    followed: bool | None = True
    reason: str | None = None
    near_miss: str | None = None
    otherwise: str | None = None


class ShownJudgement(Struct, frozen=True, omit_defaults=True):
    """What a judge was sent and said, for one use.

    `messages` are pairs of a role and the lines of what was sent, by their index in the document's `lines`, in
    which U+0000 stands for `token`; −1 is the reply that was judged. `withheld` counts messages that hold what may
    not be passed on.
    """

    use: str
    verdict: bool | None = None
    reply: str | None = None
    extracted: str | None = None
    reason: str | None = None
    messages: list[tuple[str, list[int]]] = []
    token: str | None = None
    withheld: int = 0


class ShownReply(Struct, frozen=True, omit_defaults=True):
    """A system's reply to one item.

    Attributes:
        text: as the model gave it; None where there is none, and `error` says why.
        cut: whether it was cut off at the token limit.
        followed: all constraints, as the diagnosis counts it; None is unscored.
        verdicts: of each constraint.
        marks: parts of the text that explain why it fails.
        judgements: of the reply.
        plain, plain_error, plain_judgements: the reply to the same question without its constraint.
        right, plain_right: whether the answer is right, where a judge says so.
        scored: whether the item was asked and scored at all.
    """

    text: str | None = None
    error: str | None = None
    cut: bool = False
    followed: bool | None = None
    verdicts: list[ShownVerdict] = []
    marks: Marks = []
    judgements: list[ShownJudgement] = []
    plain: str | None = None
    plain_error: str | None = None
    plain_judgements: list[ShownJudgement] = []
    right: bool | None = None
    plain_right: bool | None = None
    scored: bool = True


class ShownSystem(Struct, frozen=True, omit_defaults=True):
    """Whose replies: a run, or a reference system; one entry of `replies` an item."""

    name: str
    signature: str
    judge: str
    replies: list[ShownReply]


class ShownConstraint(Struct, frozen=True, omit_defaults=True):
    """A constraint of an item: its id, code, and kwargs in words."""

    id: str
    code: str | None = None
    kwargs: str = ""


class ShownItem(Struct, frozen=True, omit_defaults=True):
    """An item. `demand` is the part of the instruction that demands the constraint; `clip` numbers the clip.

    `withheld` says that transcript and label are left out, and `twin` is the id of its twin.
    """

    id: str
    category: str
    dataset: str
    instruction: str
    clip_name: str
    demand: tuple[int, int] | None = None
    constraints: list[ShownConstraint] = []
    clip: int | None = None
    source: str | None = None
    transcript: str | None = None
    label: str | None = None
    metric: str | None = None
    twin: str | None = None
    withheld: bool = False


class ItemSet(Struct, frozen=True, omit_defaults=True):
    """Items that something was found of, to be looked at together."""

    key: str
    title: str
    group: str
    items: list[int]


class ShownRun(Struct, frozen=True, omit_defaults=True):
    """A run with its figures. `system` and `reference` number the systems."""

    name: str
    signature: str
    system: int
    ifrate: Estimate
    categories: dict[str, Rate]
    codes: dict[str, Rate]
    datasets: dict[str, Rate]
    sentences: tuple[str, ...]
    remarks: list[str]
    diagnosis: Diagnosis
    sets: list[ItemSet]
    forgetting: Estimate | None = None
    points: Estimate | None = None
    reference: int | None = None
    reference_ifrate: Estimate | None = None
    reference_categories: dict[str, Rate] = {}
    reference_codes: dict[str, Rate] = {}
    code_tests: dict[str, CodeTest] = {}
    task: TaskLevel | None = None
    reference_task: TaskLevel | None = None
    sensitivity: Sensitivity | None = None


class LeftOut(Struct, frozen=True, omit_defaults=True):
    """What the page does not hold of one source, and why: so many clips and transcripts."""

    source: str
    why: str
    clips: int = 0
    transcripts: int = 0


class Audio(Struct, frozen=True, omit_defaults=True):
    """The clips: ``none``, ``link`` (relative paths) or ``embed``, which hold so many bytes."""

    mode: str
    clips: int = 0
    size: int = 0
    sources: list[str] = []


class ShownAnalysis(Struct, frozen=True):
    """Another analysis: ``sweep``, ``ladder``, ``isolation`` or ``wording``, as its ``--json`` prints it."""

    kind: str
    found: Any


class Document(Struct, frozen=True):
    """Everything that the page shows."""

    version: str
    benchmark: str
    fingerprint: str
    titles: dict[str, str]
    runs: list[ShownRun]
    systems: list[ShownSystem]
    items: list[ShownItem]
    comparison: Comparison | None
    analyses: list[ShownAnalysis]
    lines: list[str]
    audio: Audio
    left_out: list[LeftOut]
    notes: list[str]
