"""What is wrong with a run: findings with their evidence, what was not found, and what nobody could see."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from speech_ifeval.results.comparison import Difference
from speech_ifeval.results.showing import Shown
from speech_ifeval.results.summary import Estimate

Severity = Literal["severe", "notable", "note"]
Unit = Literal["%", "points"]
Worse = Literal["higher", "lower", "either"]
About = Literal["forgetting", "following", "answers", "replies", "scoring"]


class FindingPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One part of what a finding counts, such as a code.

    `count` of `figure.n` do it; `p` is of the test against the reference, adjusted (Holm); `text` says what else
    is known of it.
    """

    name: str
    figure: Estimate
    count: int | None = None
    p: float | None = None
    text: str | None = None


class FindingExample(Struct, frozen=True, forbid_unknown_fields=True):
    """An item that shows a finding: what was asked and replied, shortened in the middle, and what is wrong."""

    item: str
    instruction: str
    reply: str
    failed: str


class Finding(Struct, frozen=True, forbid_unknown_fields=True):
    """A check that found something.

    Attributes:
        check, title: its name, and what it looks for.
        about: ``forgetting``, ``following`` of constraints, the ``answers`` themselves, the ``replies`` as texts,
            or the ``scoring``.
        severity: ``severe``: the whole interval is beyond the threshold; ``notable``: the figure is; ``note``: it
            is not, but the interval excludes that there is nothing.
        figure: in `unit`, over `figure.n` of what `of` says; `count` of them do it, None where it is no share.
        threshold, worse: what the figure is held against, and which direction is bad.
        sentence: what was found, in words.
        against_reference: the figure minus the reference's on what both have; None where there is none.
        parts: the same by code, by kind of reply, or by reason.
        parts_at_once: whether the 95 % intervals of the parts, and that of `figure` where it is the worst of them,
            hold all at once; else each for itself.
        examples: a few items, three unless asked otherwise.
        items: all of them.
        cause: what is usually behind it.
        advice: what to try.

    >>> Finding.__struct_fields__[:3]
    ('check', 'title', 'about')
    """

    check: str
    title: str
    about: About
    severity: Severity
    figure: Estimate
    unit: Unit
    of: str
    count: int | None
    threshold: float
    worse: Worse
    sentence: str
    against_reference: Difference | None
    parts: tuple[FindingPart, ...]
    parts_at_once: bool
    examples: tuple[FindingExample, ...]
    items: tuple[str, ...]
    cause: str
    advice: tuple[str, ...]


class CleanCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """A check that found nothing. `bound` is how large the trouble can be all the same, by the 95 % interval."""

    check: str
    title: str
    about: About
    figure: Estimate
    unit: Unit
    of: str
    count: int | None
    threshold: float
    worse: Worse
    bound: float | None
    beyond: bool


class UnmadeCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """A check that could not be made, and why."""

    check: str
    title: str
    about: About
    why: str


class Diagnosis(Shown, frozen=True, forbid_unknown_fields=True):
    """The troubles of one run: what `speech-ifeval diagnose --json` prints.

    `findings` has the gravest first; `clean` are the checks that found nothing, `beyond` telling those of them
    that could hide more than their threshold; `unmade` are those that could not be made.

    >>> Diagnosis.__struct_fields__[4:]
    ('ifrate', 'forgetting', 'findings', 'clean', 'unmade', 'notes', 'reference_signature')
    """

    schema_version: int
    name: str
    reference: str | None
    signature: str
    ifrate: Estimate
    forgetting: Estimate | None
    findings: tuple[Finding, ...]
    clean: tuple[CleanCheck, ...]
    unmade: tuple[UnmadeCheck, ...]
    notes: tuple[str, ...]
    reference_signature: str | None = None
