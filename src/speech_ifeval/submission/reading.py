"""Members become records: typed, without unknown fields, and only in the one way that `submit` writes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from speech_ifeval.benchmarks.rows import check_clip, check_constraint, decode_row
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Response, Verdict
from speech_ifeval.results import Summary
from speech_ifeval.submission import contents as own
from speech_ifeval.submission.archive import LIMITS, Limits, read_file, unzipped
from speech_ifeval.submission.work import Answered, work_of

# Bytes of a line: of an item; of a reply; of all that a judge was sent about one, with what it said.
_LONGEST_LINE = {own.ITEMS: 1 << 18, own.RESPONSES: 1 << 22, own.VERDICTS: 1 << 22, own.JUDGEMENTS: 1 << 24}
_MOST_LINES = 500_000
_LARGEST_DOCUMENT = 16 << 20
_REMEDY = "the file was written by something else than `speech-ifeval submit`, or changed since"

Read = TypeVar("Read")


class _Asked(msgspec.Struct):
    """What is read of a manifest of responses; the rest of it is for people."""

    name: str
    selection: Selection = Selection()


_HEADER = msgspec.json.Decoder(own.Header)
_ITEM = msgspec.json.Decoder(own.PackedItem)
_SUMMARY = msgspec.json.Decoder(Summary)
_RESPONSE = msgspec.json.Decoder(Response)
_VERDICT = msgspec.json.Decoder(Verdict)
_JUDGEMENT = msgspec.json.Decoder(own.PackedJudgement)
_ASKED = msgspec.json.Decoder(_Asked)
_DOCUMENT = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True)
class PackedSide:
    """A run or its reference as it is packed: rows in the order of the file, doubles too."""

    name: str
    selection: Selection
    responses: list[Response]
    verdicts: list[Verdict]
    judgements: list[own.PackedJudgement]
    scored: dict[str, Any]

    @property
    def answered(self) -> Answered:
        """What was said in it, which tells how much work it makes."""
        judge = str(self.scored.get("judge"))
        return Answered(judge, self.responses, [row.judgement for row in self.judgements])


@dataclass(frozen=True)
class Submission:
    """A submission that could be read; nothing of what it says has been checked."""

    file: str
    sha256: str
    header: own.Header
    found: dict[str, own.Member]
    items: list[own.PackedItem]
    summary: Summary
    run: PackedSide
    reference: PackedSide | None


def read_submission(path: Path, limits: Limits = LIMITS) -> Submission:
    """Read a submission.

    Raises:
        UsageError: there is no such file.
        DataError: it is no submission, or a broken one.
    """
    return parsed(read_file(path, limits), path.name, limits)


def parsed(content: bytes, file: str, limits: Limits = LIMITS) -> Submission:
    """Read a submission that is in memory; `file` is what it is called.

    Raises:
        DataError: it is no submission, or a broken one.
    """
    members = unzipped(content, file, limits)
    for name in (own.HEADER, own.ITEMS, own.SUMMARY):
        if name not in members:
            raise DataError(f"{file}: the member {name!r} is missing; {_REMEDY}")
    reader = _Reader(file, members)
    header = reader.document(own.HEADER, _HEADER)
    if header.submission_version != own.SUBMISSION_VERSION:
        raise DataError(
            f"{file}: {own.HEADER}:1: expected submission_version {own.SUBMISSION_VERSION}, found "
            f"{header.submission_version}; verify it with the version of speech-ifeval that wrote it"
        )
    items = reader.rows(own.ITEMS, _ITEM)
    summary, run = reader.document(own.SUMMARY, _SUMMARY), reader.side("run")
    reference = reader.side("reference") if any(name.startswith("reference/") for name in members) else None
    work = work_of(items, header.scoring, [side.answered for side in (run, reference) if side is not None])
    if work > limits.work:
        raise DataError(f"{file}: {too_much(work, limits)}")
    for number, item in enumerate(items, start=1):  # it compiles their constraints, which is work as well
        _check_item(f"{file}: {own.ITEMS}:{number}", item)
    return Submission(
        file=file,
        sha256=hashlib.sha256(content).hexdigest(),
        header=header,
        found={name: own.member_of(one) for name, one in members.items() if name != own.HEADER},
        items=items,
        summary=summary,
        run=run,
        reference=reference,
    )


def too_much(work: int, limits: Limits = LIMITS) -> str:
    """Say that scoring a submission again takes more than anybody who verifies it is to spend."""
    return (
        f"expected at most {limits.work:,} characters × constraints to score again, found {work:,}; score fewer "
        "items (--limit) and submit that run"
    )


class _Reader:
    def __init__(self, file: str, members: dict[str, bytes]) -> None:
        self._file = file
        self._members = members

    def side(self, side: str) -> PackedSide:
        """Read a run's members."""
        for name in own.OF_A_SIDE:
            if name not in own.OPTIONAL and f"{side}/{name}" not in self._members:
                raise DataError(f"{self._file}: the member {f'{side}/{name}'!r} is missing; {_REMEDY}")
        asked = f"{side}/{own.ASKED}"
        self.document(asked, _DOCUMENT)
        try:
            known = decode_row(f"{self._file}: {asked}:1", self._members[asked], _ASKED)
        except UsageError as error:  # a selection that no run can have been asked for
            raise DataError(f"{self._file}: {asked}:1: {error}") from None
        if f"{side}/{own.JUDGE}" in self._members:
            self.document(f"{side}/{own.JUDGE}", _DOCUMENT)
        return PackedSide(
            name=known.name,
            selection=known.selection,
            responses=self.rows(f"{side}/{own.RESPONSES}", _RESPONSE),
            verdicts=self.rows(f"{side}/{own.VERDICTS}", _VERDICT),
            judgements=self.rows(f"{side}/{own.JUDGEMENTS}", _JUDGEMENT),
            scored=self.document(f"{side}/{own.SCORED}", _DOCUMENT),
        )

    def document(self, name: str, decoder: msgspec.json.Decoder[Read]) -> Read:
        """Read a member that is one JSON object."""
        content = self._members[name]
        if len(content) > _LARGEST_DOCUMENT:
            raise DataError(f"{self._file}: {name}: expected at most {_LARGEST_DOCUMENT} bytes, found more")
        return self._decoded(f"{self._file}: {name}:1", content, decoder)

    def rows(self, name: str, decoder: msgspec.json.Decoder[Read]) -> list[Read]:
        """Read a member of JSON lines; none where there is no such member."""
        content = self._members.get(name, b"")
        if content and not content.endswith(b"\n"):
            raise DataError(f"{self._file}: {name}: the last line is torn; {_REMEDY}")
        if content.count(b"\n") > _MOST_LINES:
            raise DataError(f"{self._file}: {name}: expected at most {_MOST_LINES} lines, found more; {_REMEDY}")
        longest = _LONGEST_LINE[name.rpartition("/")[2]]
        found = []
        for number, line in enumerate(content.split(b"\n")[:-1], start=1):
            place = f"{self._file}: {name}:{number}"
            if len(line) > longest:
                raise DataError(f"{place}: expected at most {longest} bytes, found more; {_REMEDY}")
            found.append(self._decoded(place, line, decoder))
        return found

    def _decoded(self, place: str, content: bytes, decoder: msgspec.json.Decoder[Read]) -> Read:
        try:
            content.decode()
        except UnicodeDecodeError as error:
            raise DataError(f"{place}: expected UTF-8, found {error.reason}; {_REMEDY}") from None
        found = decode_row(place, content, decoder)
        # A key that is there twice, or a number written in two ways, is read differently by different readers.
        try:
            same = own.encoded(found) == content
        except RecursionError:
            raise DataError(f"{place}: expected a JSON object, found one nested too deeply; {_REMEDY}") from None
        if not same:
            raise DataError(f"{place}: expected JSON in the one way that submit writes it; {_REMEDY}")
        return found


def _check_item(place: str, item: own.PackedItem) -> None:
    check_clip(place, item.clip)
    if item.category not in (*CATEGORIES, TWIN_CATEGORY):
        raise DataError(f"{place}: the category {item.category[:60]!r} is none; {_REMEDY}")
    if (item.category == TWIN_CATEGORY) != (not item.constraints):
        raise DataError(f"{place}: every item but a twin has a constraint, and no twin has one; {_REMEDY}")
    for constraint in item.constraints:
        check_constraint(place, constraint.id, constraint.kwargs)
    texts = {"instruction": item.instruction, "transcript": item.transcript, "label": item.label}
    for name in item.withheld:
        if name not in texts or texts[name] is not None:
            raise DataError(f"{place}: {name[:60]!r} cannot be withheld here; {_REMEDY}")
    if item.instruction is None and "instruction" not in item.withheld:
        raise DataError(f"{place}: an item has an instruction, or its hash; {_REMEDY}")
