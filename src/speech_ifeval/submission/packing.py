"""A scored run directory becomes one file that tells nothing of the machine it was made on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import MismatchError, OutputError
from speech_ifeval.judges import Judged
from speech_ifeval.judges.replay import SEAL
from speech_ifeval.models.recorded import benchmark_answered
from speech_ifeval.pipeline.judging import judgements_digest
from speech_ifeval.pipeline.scoring import asked_items, verifier_versions
from speech_ifeval.records import Response
from speech_ifeval.results import Submitted
from speech_ifeval.runs import AnyRun, folder_of, write_bytes
from speech_ifeval.submission import contents as own
from speech_ifeval.submission.anonymity import (
    anonymous,
    anonymous_document,
    anonymous_judgement,
    anonymous_response,
    anonymous_summary,
    anonymous_verdict,
)
from speech_ifeval.submission.archive import LIMITS, begins_as_submission, zipped
from speech_ifeval.submission.checking import check_submission
from speech_ifeval.submission.gathering import Gathered, Side, gather
from speech_ifeval.submission.reading import parsed, too_much
from speech_ifeval.submission.work import Answered, work_of

SUFFIX = ".submission.zip"
_PACKAGES = ("speech-ifeval", "numpy", "jiwer", "whisper-normalizer")


def submit(
    run: AnyRun,
    path: str | Path | None = None,
    *,
    benchmark: str | Path | Benchmark | None = None,
    reference: AnyRun | None = None,
    scoring: str | None = None,
) -> Submitted:
    """Pack a scored run into one file that somebody else can score again.

    The same run gives the same bytes. Texts whose licence is not known to allow it are not in the file, but their
    hashes; nor are audio, keys, hosts and paths. What is packed is verified before it is written.

    Args:
        run: the run directory, or the `Run` that `evaluate` returned.
        path: the file to write; by default ``<run>.submission.zip`` beside the run directory.
        benchmark: what was answered: a benchmark, its folder, or its name; by default what the run says.
        reference: the reference system's run directory; by default the one in the run directory.
        scoring: which scoring, where the run holds several: a rule set, or a name or pattern.

    Raises:
        UsageError: no scored run is there, several scorings are, or the reference is elsewhere.
        DataError: a file of the run is broken.
        MismatchError: the run's files do not belong together, or to this benchmark.
        OutputError: the file cannot be written, is there and no submission, or is more than anybody verifies.

    >>> import tempfile
    >>> import speech_ifeval as sif
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = sif.evaluate("replay:example:tuned", output_dir=f"{folder}/tuned")
    ...     packed = sif.submit(run)
    ...     verified = sif.verify(packed.file)
    >>> packed.items, packed.withheld, verified.holds
    (106, 0, True)
    """
    folder = folder_of(run)
    target = _beside(folder) if path is None else Path(path)
    _refuse_strange(target)
    loaded = load_benchmark(benchmark if benchmark is not None else benchmark_answered(str(folder)))
    gathered = gather(folder, loaded, scoring, None if reference is None else folder_of(reference))
    packing = _Packing(gathered, loaded)
    if packing.work > LIMITS.work:
        raise OutputError(f"{folder} makes a submission that nobody verifies: {too_much(packing.work, LIMITS)}")
    content = zipped(packing.members())
    found = check_submission(parsed(content, target.name), loaded)
    wrong = next((claim for claim in found.claims if claim.holds is False), None)
    if wrong is not None:
        example = wrong.contradictions[0] if wrong.contradictions else None
        first = "" if example is None else f"; {example.item}: {example.expected} expected, {example.found} found"
        raise MismatchError(
            f"{folder} would not be verified ({wrong.name}: {wrong.detail}{first}); score it again with "
            f"`speech-ifeval score {folder}`"
        )
    write_bytes(target, content)
    return Submitted(
        file=str(target),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        name=found.name,
        signature=found.signature,
        items=len(packing.items),
        withheld=sum(len(item.withheld) for item in packing.items.values()),
        changed=packing.changed,
        with_reference=gathered.reference is not None,
    )


def _beside(folder: Path) -> Path:
    plain = folder if folder.name else folder.resolve()
    return plain.parent / f"{plain.name}{SUFFIX}"


def _refuse_strange(path: Path) -> None:
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder; name a file with -o")
        if path.exists() and not begins_as_submission(path):
            raise OutputError(f"{path} is there and no submission; name another file with -o, or delete it")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error}); name another file") from None


class _Packing:
    """The members of the file; `changed` counts the texts that told of a machine."""

    def __init__(self, gathered: Gathered, benchmark: Benchmark) -> None:
        self._gathered = gathered
        self._benchmark = benchmark
        self.items = {item.id: own.packed_item(item, benchmark.licence) for item in benchmark}
        self.changed = 0

    @property
    def work(self) -> int:
        """What scoring it again takes, in characters × constraints."""
        sides = [side for side in (self._gathered.run, self._gathered.reference) if side is not None]
        runs = (
            Answered(one.judge.label, one.intake.responses.values(), list(one.judge.judgements.values()))
            for one in sides
        )
        return work_of(list(self.items.values()), self._how(), runs)

    def _how(self) -> own.ScoredHow:
        scoring = self._gathered.scoring
        return own.ScoredHow(scoring.rules, scoring.loose, scoring.missing, scoring.limit, scoring.seed)

    def members(self) -> dict[str, bytes]:
        """Return what the file holds, in the order in which it holds it."""
        before = self._gathered.summary
        summary = anonymous_summary(before)
        self._count([before], [summary])
        found = {own.ITEMS: _lines(self.items.values()), own.SUMMARY: own.encoded(summary)}
        for name, side in zip(own.SIDES, (self._gathered.run, self._gathered.reference), strict=True):
            if side is not None:
                found |= {f"{name}/{member}": content for member, content in self._members_of(side).items()}
        ordered = {name: found[name] for name in own.MEMBERS if name in found}
        return {own.HEADER: own.encoded(self._header(ordered)), **ordered}

    def _header(self, members: Mapping[str, bytes]) -> own.Header:
        benchmark, scoring = self._benchmark, self._gathered.scoring
        items = asked_items(benchmark, self._gathered.run.intake, scoring)
        return own.Header(
            kind=own.KIND,
            submission_version=own.SUBMISSION_VERSION,
            versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
            benchmark=own.About(
                benchmark.name, benchmark.fingerprint, len(benchmark), benchmark.licence, benchmark.language
            ),
            scoring=self._how(),
            verifiers=verifier_versions(items, scoring.rules),
            changed=self.changed,
            members={name: own.member_of(content) for name, content in members.items()},
        )

    def _members_of(self, side: Side) -> dict[str, bytes]:
        before = [side.intake.responses[id] for id in sorted(side.intake.responses)]
        responses = [anonymous_response(one) for one in before]
        said = [side.judge.judgements[key] for key in sorted(side.judge.judgements)]
        judgements = [anonymous_judgement(one) for one in said]
        self._count([*before, *said], [*responses, *judgements])
        digest = replace(side.intake, responses={one.id: one for one in responses}).fingerprint()
        judge = Judged(side.judge.label, {(one.item, one.use): one for one in judgements})
        asked = anonymous_document(side.asked)
        scored = {
            **side.scored,
            "name": anonymous(str(side.scored.get("name"))),
            "responses": digest,
            "judgements": judgements_digest(judge),
        }
        members = {
            own.RESPONSES: _lines(map(self._without_speech, responses)),
            own.ASKED: own.encoded(asked | ({"responses": digest} if "responses" in asked else {})),
            own.VERDICTS: _lines(map(anonymous_verdict, side.verdicts)),
            own.SCORED: own.encoded(scored),
        }
        if judgements:
            packed = (own.packed_judgement(one, free=self._free(one.item)) for one in judgements)
            members[own.JUDGEMENTS] = _lines(packed)
        if judgements and side.judge_details:
            details = anonymous_document({**side.judge_details})
            details.pop(SEAL, None)  # a hash of judgements that hold what is withheld here
            members |= {own.JUDGE: own.encoded(details)} if details else {}
        return members

    def _count(self, before: list[Any], after: list[Any]) -> None:
        self.changed += sum(one != other for one, other in zip(before, after, strict=True))

    def _without_speech(self, response: Response) -> Response:
        """Take out what a recogniser heard of speech that may not be passed on."""
        if response.transcript is None or self._free(response.id):
            return response
        return msgspec.structs.replace(response, transcript=None)

    def _free(self, id: str) -> bool:
        """Whether all texts of an item and of its twin are in the file."""
        twin = self._benchmark.item(id).twin
        return not any(self.items[one].withheld for one in (id, twin) if one is not None)


def _lines(records: Iterable[Any]) -> bytes:
    return b"".join(own.encoded(record) + b"\n" for record in records)
