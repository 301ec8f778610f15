"""Every claim of a submission, checked against what follows from its responses: the scoring, made once more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.training_record import contaminated_share
from speech_ifeval.errors import DataError, SpeechIFEvalError
from speech_ifeval.judges import Judged, use_of
from speech_ifeval.metrics.summaries import ScoredRun, summarise
from speech_ifeval.models.recorded import Intake
from speech_ifeval.pipeline.contamination import claimed_training
from speech_ifeval.pipeline.rescoring import ScoredAgain, score_again
from speech_ifeval.pipeline.scoring import Scoring, asked_items, verifier_versions
from speech_ifeval.records import CATEGORIES, TWIN_CATEGORY, Item, Judgement, Response, Verdict
from speech_ifeval.results import Claim, Contamination, Contradiction, Verification
from speech_ifeval.submission import contents as own
from speech_ifeval.submission.benchmark_claim import check_benchmark
from speech_ifeval.submission.claims import claim, contradiction, differences, plain
from speech_ifeval.submission.judge_claim import check_judge
from speech_ifeval.submission.reading import PackedSide, Submission

_THEIRS = " of the reference"
SHOWN = "Shown: verdicts, figures and signature are what this version of speech-ifeval makes of these responses."
REFUTED = "Shown: not all that the file claims is what this version of speech-ifeval makes of these responses."
NOT_SHOWN = (
    "Not shown: that a model wrote the responses, that it heard the clips, or that a judge wrote its replies."
)
_VERSION = "version"  # of the package: it is in the signature, and another one alone refutes nothing


@dataclass(frozen=True)
class _Side:
    """A run that was scored once more, beside what is claimed of it."""

    label: str
    packed: PackedSide
    intake: Intake
    judge: Judged
    again: ScoredAgain
    items: list[Item]


def check_submission(submission: Submission, benchmark: Benchmark | None) -> Verification:
    """Check all that a submission claims.

    Args:
        submission: as it was read.
        benchmark: the benchmark itself, where it is at hand; its texts stand in for those that are withheld.

    Raises:
        DataError: the scoring that is claimed cannot be made.
        MissingExtraError: a constraint needs an optional package.
    """
    header, summary = submission.header, submission.summary
    claims = [_files(submission), _items(submission)]
    found = check_benchmark(header.benchmark, _sound(submission.items), benchmark)
    claims.append(found.claim)
    scoring = _scoring(header.scoring)
    sides = [_side("", submission.run, found.benchmark, scoring, with_task=found.whole)]
    if submission.reference is not None:
        sides.append(_side(_THEIRS, submission.reference, found.benchmark, scoring, with_task=found.whole))
    claims.append(_verifiers(header, sides[0].intake, found.benchmark, scoring))
    for side in sides:
        claims.append(_responses(side, found.benchmark))
        claims.append(check_judge(side.label, side.packed, side.intake, found, changed=header.changed))
        claims.append(_verdicts(side))
        claims.append(_settings(side))
    claims += _figures(submission, sides, whole=found.whole)
    holds = all(one.holds is not False for one in claims)
    return Verification(
        file=submission.file,
        sha256=submission.sha256,
        name=summary.name,
        signature=summary.signature,
        benchmark=f"{header.benchmark.name}-{header.benchmark.fingerprint[:12]}",
        version=version("speech-ifeval"),
        holds=holds,
        claims=tuple(claims),
        proves=(SHOWN if holds else REFUTED, NOT_SHOWN),
    )


def _scoring(claimed: own.ScoredHow) -> Scoring:
    try:
        return Scoring(
            rules=claimed.rules,
            loose=claimed.loose,
            missing=claimed.missing,
            limit=claimed.limit,
            seed=claimed.seed,
        )
    except SpeechIFEvalError as error:
        raise DataError(f"{own.HEADER}:1: a scoring that nobody can make ({error})") from None


def _files(submission: Submission) -> Claim:
    """The members are those that the header lists, byte for byte."""

    def wrong() -> Iterator[Contradiction]:
        claimed = submission.header.members
        for name in sorted({*claimed, *submission.found}):
            if name not in submission.found or name not in claimed:
                yield contradiction(name, *(("listed", "missing") if name in claimed else ("not listed", "there")))
            elif claimed[name] != submission.found[name]:
                yield contradiction(name, claimed[name].sha256, submission.found[name].sha256)

    return claim("files", f"{len(submission.found)} members with the SHA-256 that the header has", wrong())


def _items(submission: Submission) -> Claim:
    """Ids are unique, and twins name each other."""

    def wrong() -> Iterator[Contradiction]:
        about = submission.header.benchmark
        seen: set[str] = set()
        for item in submission.items:
            if item.id in seen:
                yield contradiction(item.id, "one item of this id", "another")
            seen.add(item.id)
        if len(submission.items) != about.items:
            yield contradiction(own.ITEMS, f"{about.items} items", f"{len(submission.items)} items")
        by_id = {item.id: item for item in submission.items}
        for item in submission.items:
            other = by_id.get(item.twin or "")
            if item.twin is not None and (other is None or other.twin != item.id):
                yield contradiction(item.id, f"the twin {item.twin}, which names it", "none")

    return claim("items", f"{len(submission.items)} items with ids of their own", wrong())


def _sound(items: list[own.PackedItem]) -> list[own.PackedItem]:
    """The items that can be scored whatever is wrong with them: the first of each id, and twins that are twins."""
    by_id: dict[str, own.PackedItem] = {}
    for item in items:
        by_id.setdefault(item.id, item)

    def is_twin(item: own.PackedItem) -> bool:
        other = by_id.get(item.twin or "")
        return (
            other is not None
            and other.twin == item.id
            and {item.category, other.category} == {CATEGORIES[0], TWIN_CATEGORY}
        )

    return [item if is_twin(item) else msgspec.structs.replace(item, twin=None) for item in by_id.values()]


def _side(label: str, packed: PackedSide, benchmark: Benchmark, scoring: Scoring, *, with_task: bool) -> _Side:
    responses: dict[str, Response] = {}
    for one in packed.responses:
        if one.id in benchmark.by_id:
            responses.setdefault(one.id, one)
    intake = Intake(packed.name, responses, (), (), None, packed.selection)
    judgements: dict[tuple[str, str], Judgement] = {}
    for said in (row.judgement for row in packed.judgements):
        item = benchmark.by_id.get(said.item)
        if item is not None and use_of(item) == said.use:
            judgements.setdefault((said.item, said.use), said)
    judge = Judged(str(packed.scored.get("judge")), judgements)
    scoring = replace(scoring, trained_on=claimed_training(f"{own.SCORED}:1", packed.scored))
    again = score_again(intake, benchmark, scoring, judge, with_task=with_task)
    return _Side(label, packed, intake, judge, again, asked_items(benchmark, intake, scoring))


def _verifiers(header: own.Header, intake: Intake, benchmark: Benchmark, scoring: Scoring) -> Claim:
    """Whoever verifies has the verifiers that decided, in the same versions."""
    ours = verifier_versions(asked_items(benchmark, intake, scoring), scoring.rules)
    made = header.versions.get("speech-ifeval", "unknown")
    wrong = differences("", {id: f"version {one}" for id, one in header.verifiers.items()},
                        {id: f"version {one}" for id, one in ours.items()})  # fmt: skip
    here = version("speech-ifeval")
    also = "" if made == here else f"; packed by speech-ifeval {made}, verified by {here}"
    return claim("verifiers", f"{len(ours)} in the versions that decided{also}", wrong)


def _responses(side: _Side, benchmark: Benchmark) -> Claim:
    """One response an item, of this benchmark, and together those that were scored."""

    def wrong() -> Iterator[Contradiction]:
        seen: set[str] = set()
        for response in side.packed.responses:
            if response.id not in benchmark.by_id:
                yield contradiction(response.id, f"an item of {benchmark.name}", "none")
            elif response.id in seen:
                yield contradiction(response.id, "one response", "another")
            seen.add(response.id)
        yield from differences(own.SCORED, {"responses": side.intake.fingerprint()},
                               {"responses": side.packed.scored.get("responses")})  # fmt: skip

    return claim(
        f"responses{side.label}", f"{len(side.packed.responses)} with the SHA-256 that was scored", wrong()
    )


def _verdicts(side: _Side) -> Claim:
    """Every verdict is the one that follows from its response, or from what the judge is recorded to have said."""

    def wrong() -> Iterator[Contradiction]:
        expected = {(one.item, one.index): one for one in side.again.run.verdicts}
        seen: set[tuple[str, int]] = set()
        for verdict in side.packed.verdicts:
            key = verdict.item, verdict.index
            if key in seen:
                yield contradiction(_named(verdict), "one verdict", "another")
            elif key not in expected:
                yield contradiction(_named(verdict), "no verdict", "one")
            else:
                yield from differences(_named(verdict), plain(expected[key]), plain(verdict))
            seen.add(key)
        for key, missing in expected.items():
            if key not in seen:
                yield contradiction(_named(missing), "a verdict", "none")

    return claim(f"verdicts{side.label}", f"{len(side.again.run.verdicts)} made again", wrong())


def _named(verdict: Verdict) -> str:
    return f"{verdict.item} {verdict.constraint}"


def _settings(side: _Side) -> Claim:
    """The settings that signatures are made of are those of the scoring that was made again."""
    expected = {**side.again.manifest, _VERSION: side.packed.scored.get(_VERSION)}
    wrong = differences("", plain(expected), side.packed.scored)
    return claim(f"settings{side.label}", f"{len(expected)} of the scoring", wrong)


def _figures(submission: Submission, sides: list[_Side], *, whole: bool) -> Iterator[Claim]:
    """Summarise once more, in the order in which the verdicts stand in the file."""
    summary = submission.summary
    run = _claimed_order(sides[0])
    theirs = None if len(sides) == 1 else _claimed_order(sides[1])
    # The training record is not in the file: of what it says of items, `_contamination` checks what ids tell.
    run = replace(run, contamination=summary.contamination)
    if not whole:  # without its texts the task level is taken as it is claimed, and said not to be checked
        run = replace(run, task=summary.task)
        theirs_task = None if summary.reference is None else summary.reference.task
        theirs = None if theirs is None else replace(theirs, task=theirs_task)
    again = summarise(run, theirs)
    expected, found = plain(again), plain(summary)
    signatures = (
        {"run": expected.pop("signature"), "reference": _signature_of(expected)},
        {
            "run": found.pop("signature"),
            "reference": _signature_of(found),
        },
    )
    yield claim("figures", "IFrate, Δ, points, rates, tests and intervals computed again",
                differences("", expected, found))  # fmt: skip
    yield from _contamination(sides[0], summary.contamination)
    if summary.task is not None:
        detail = "word errors and accuracy computed again" if whole else (
            "not checked: it takes texts that are withheld; give the benchmark with --benchmark"
        )  # fmt: skip
        yield claim("task level", detail, checked=whole)
    yield claim("signature", "made again from the settings", differences("", *signatures))


def _contamination(side: _Side, claimed: Contamination | None) -> Iterator[Claim]:
    """The mark of contamination follows from the ids that were trained on; the rates by wording do not."""
    trained = claimed_training(f"{own.SCORED}:1", side.packed.scored)
    if trained is None and claimed is None:
        return
    expected = found = None
    if trained is not None:
        contaminated, items = contaminated_share(trained.ids, side.items)
        expected = {"record": trained.record, "items": items, "contaminated": contaminated}
    if claimed is not None:
        found = {"record": claimed.record, "items": claimed.items, "contaminated": claimed.contaminated}
    detail = (
        "items that demand an id that was trained on counted again; not the rates by wording, which take the "
        "training record"
    )
    yield claim("contamination", detail, differences("", expected, found))


def _signature_of(summary: dict[str, object]) -> str | None:
    theirs = summary["reference"]
    return str(theirs.pop("signature")) if isinstance(theirs, dict) else None


def _claimed_order(side: _Side) -> ScoredRun:
    places = {(one.item, one.index): place for place, one in enumerate(side.packed.verdicts)}
    verdicts = sorted(side.again.run.verdicts, key=lambda one: places.get((one.item, one.index), len(places)))
    settings = dict(side.again.run.settings)
    if _VERSION in side.packed.scored:
        settings[_VERSION] = side.packed.scored[_VERSION]
    return replace(side.again.run, verdicts=verdicts, settings=settings)
