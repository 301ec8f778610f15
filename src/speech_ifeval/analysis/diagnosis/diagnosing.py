"""Make every check, and put what was found in order: the gravest first, what could not be seen last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.measuring import (
    SEVERITIES,
    Case,
    Measured,
    Unmade,
    is_beyond,
    severity,
    worst_bound,
)
from speech_ifeval.analysis.diagnosis.reading import read_evidence
from speech_ifeval.analysis.diagnosis.registry import ABOUT, Check, all_checks
from speech_ifeval.analysis.diagnosis.telling import shortened
from speech_ifeval.analysis.sensitivity import HEURISTIC
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.records import SCHEMA_VERSION
from speech_ifeval.results import CleanCheck, Diagnosis, Finding, FindingExample, UnmadeCheck
from speech_ifeval.runs import AnyRun, folder_of

EXAMPLES = 3
_QUESTION, _DEMAND = 60, 120  # letters of an instruction that are shown: the demand on the form stands at its end
_REPLY = 80  # letters at either end of a reply


def diagnose(
    run: AnyRun,
    benchmark: str | Path | Benchmark,
    *,
    reference: AnyRun | None = None,
    scoring: str | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
) -> Diagnosis:
    """Look for everything that is known to go wrong with a speech-aware language model's run.

    Args:
        run: a scored run directory, recorded responses in another form, or what `evaluate` returned.
        benchmark: what it answers: a benchmark, its folder, or its name.
        reference: the reference system's, in the same forms; by default ``RUN/reference`` where it is.
        scoring: which scoring, where a run directory holds several: a rule set, or a name or pattern of
            ``verdicts.<scoring>.jsonl``.
        examples: how many items each finding shows.
        seed: of the bootstrap of word error rates.

    Raises:
        UsageError: a negative number of examples.
        UsageError, MismatchError, DataError: what `speech_ifeval.analysis.diagnosis.reading.read_evidence` raises.

    Source: the failure signatures of arXiv 2505.19037; thresholds: docs/diagnosis.md.

    >>> from speech_ifeval.models.recorded import locate
    >>> tuned, reference = locate("example:tuned"), locate("example:reference")
    >>> found = diagnose(tuned, "example", reference=reference)
    >>> found.findings[0].check, found.findings[0].severity
    ('high-forgetting', 'severe')
    """
    if examples < 0:
        raise UsageError(f"--examples takes a whole number from 0, found {examples}")
    evidence, notes = read_evidence(
        folder_of(run),
        load_benchmark(benchmark),
        reference=None if reference is None else folder_of(reference),
        scoring=scoring,
        seed=seed,
    )
    return diagnosis_of(evidence, notes=notes, examples=examples)


def diagnosis_of(
    evidence: Evidence,
    *,
    checks: Iterable[Check] | None = None,
    notes: Iterable[str] = (),
    examples: int = EXAMPLES,
) -> Diagnosis:
    """Make the checks, all there are unless some are named, on evidence that was read."""
    findings: list[Finding] = []
    clean: list[CleanCheck] = []
    unmade: list[UnmadeCheck] = []
    for check in all_checks() if checks is None else checks:
        measured = check.measure(evidence)
        if isinstance(measured, Unmade):
            unmade.append(UnmadeCheck(check.name, check.title, check.about, measured.why))
        elif (found := _finding(check, measured, evidence, examples)) is not None:
            findings.append(found)
        else:
            clean.append(_clean(check, measured))
    reference = evidence.reference
    return Diagnosis(
        schema_version=SCHEMA_VERSION,
        name=evidence.run.name,
        reference=None if reference is None else reference.name,
        signature=f"{evidence.run.scored.signature()}|diagnosis-seed:{evidence.seed}",
        ifrate=evidence.summary.ifrate,
        forgetting=evidence.summary.forgetting,
        findings=tuple(sorted(findings, key=_gravest_first)),
        clean=tuple(clean),
        unmade=tuple(unmade),
        notes=(*notes, *_notes(evidence)),
        reference_signature=None if reference is None else reference.scored.signature(),
    )


def _gravest_first(finding: Finding) -> tuple[int, int, float]:
    times = abs(finding.figure.value or 0.0) / abs(finding.threshold)
    return SEVERITIES.index(finding.severity), ABOUT.index(finding.about), -times


def _finding(check: Check, measured: Measured, evidence: Evidence, examples: int) -> Finding | None:
    grave = severity(check.rule, measured.figure, measured.at_most)
    if grave is None:
        return None
    return Finding(
        check=check.name,
        title=check.title,
        about=check.about,
        severity=grave,
        figure=measured.figure,
        unit=check.unit,
        of=measured.of,
        count=measured.count,
        threshold=check.rule.threshold,
        worse=check.rule.worse,
        sentence=measured.sentence,
        against_reference=measured.against,
        parts=tuple(measured.parts),
        parts_at_once=measured.parts_at_once,
        examples=tuple(_example(evidence, case) for case in _spread(evidence, measured.cases, examples)),
        items=tuple(case.item for case in measured.cases),
        cause=check.cause,
        advice=check.advice,
    )


def _clean(check: Check, measured: Measured) -> CleanCheck:
    bound = measured.bound if measured.bound is not None else worst_bound(check.rule, measured.figure)
    return CleanCheck(
        check=check.name,
        title=check.title,
        about=check.about,
        figure=measured.figure,
        unit=check.unit,
        of=measured.of,
        count=measured.count,
        threshold=check.rule.threshold,
        worse=check.rule.worse,
        bound=bound,
        beyond=is_beyond(check.rule, bound),
    )


def _spread(evidence: Evidence, cases: Iterable[Case], wanted: int) -> list[Case]:
    """Choose so many cases, the first of each constraint and data set before a second of any."""
    cases = list(cases)
    seen: dict[tuple[str, ...], int] = {}
    ordered = []
    for number, case in enumerate(cases):
        item = evidence.run.benchmark.item(case.item)
        kind = (item.dataset, *(constraint.id for constraint in item.constraints))
        seen[kind] = seen.get(kind, 0) + 1
        ordered.append((seen[kind], number))
    return [cases[number] for _, number in sorted(ordered)[:wanted]]


def _example(evidence: Evidence, case: Case) -> FindingExample:
    item = evidence.run.benchmark.item(case.item)
    reply = evidence.run.by_id.get(case.item)
    return FindingExample(
        item=case.item,
        instruction=shortened(item.instruction, _QUESTION, _DEMAND),
        reply="" if reply is None else shortened(reply.text, _REPLY, _REPLY),
        failed=case.failed,
    )


def _notes(evidence: Evidence) -> Iterator[str]:
    label = evidence.run.judged.label
    if label.startswith(HEURISTIC):
        yield (
            f"the judge is {label}, rules of thumb: what hangs on answers, transcripts and chain of thought is "
            "what these rules see (docs/judge-agreement.md)"
        )
    if (
        evidence.reference is not None
        and evidence.summary.reference is not None
        and evidence.summary.reference.wide
    ):
        yield "the reference's own interval is wide: read differences to it with care"
