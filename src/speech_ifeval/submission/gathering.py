"""What a submission is made of: a run directory and its reference's, one scoring of each, and what judges said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import DataError, MismatchError, UsageError
from speech_ifeval.judges import Judged, no_judge
from speech_ifeval.models.recorded import RUN_FILE, Intake, is_run, read_responses
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER, load_scored, scoring_label, scoring_labels
from speech_ifeval.pipeline.judging import choose_judge, judgements_digest, kept_judge, questions_about
from speech_ifeval.pipeline.scoring import Scoring, asked_items
from speech_ifeval.records import Verdict
from speech_ifeval.results import Summary
from speech_ifeval.runs import read_manifest

_LIMIT = re.compile(r"\.limit-(\d+)$")


class Side(NamedTuple):
    """A run directory: its responses, verdicts and judgements, and the manifest of each."""

    intake: Intake
    asked: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    scored: dict[str, Any]
    judge: Judged
    judge_details: dict[str, Any] | None


@dataclass(frozen=True)
class Gathered:
    """A run and its reference, if it has one."""

    summary: Summary
    scoring: Scoring
    run: Side
    reference: Side | None


def gather(folder: Path, benchmark: Benchmark, scoring: str | None, reference: Path | None) -> Gathered:
    """Read what is to be packed.

    Args:
        folder: the run directory.
        benchmark: what was answered.
        scoring: which scoring, as `compare` takes it.
        reference: the reference's run directory; None for the one in the run directory.

    Raises:
        UsageError: no scored run is there, several scorings are, or the reference is elsewhere.
        DataError: a file is broken.
        MismatchError: files do not belong together, or to this benchmark.
    """
    if not is_run(folder):
        raise UsageError(
            f"no scored run at {str(folder)!r}: expected a run directory with {RUN_FILE}; check the path"
        )
    label = scoring_label(folder, scoring)
    summary = _summary(folder / f"summary.{label}.json")
    options = _scoring(summary.settings, label)
    beside = _reference(folder, summary, reference)
    return Gathered(
        summary,
        options,
        _side(folder, label, benchmark, options),
        None if beside is None else _side(*beside, benchmark, options),
    )


def _summary(path: Path) -> Summary:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except FileNotFoundError:
        raise UsageError(
            f"{path}: expected the summary of a scored run, found no such file; score the run (a reference is "
            "packed with the run that it belongs to)"
        ) from None
    except OSError as error:
        raise DataError(f"{path}:1: cannot be read ({error.strerror or error}); check the file") from None
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path}:1: expected a summary, found what is none ({error}); score the run again"
        ) from None


def _scoring(settings: Mapping[str, Any], label: str) -> Scoring:
    limit = _LIMIT.search(label)
    return Scoring(
        rules=str(settings.get("rules")),
        loose=settings.get("loose") == "yes",
        missing=str(settings.get("missing")),
        limit=None if limit is None else int(limit[1]),
        seed=int(settings.get("seed", 0)),
    )


def _side(folder: Path, label: str, benchmark: Benchmark, scoring: Scoring) -> Side:
    manifest = read_manifest(folder / f"verdicts.{label}.manifest.json") or {}
    named = f"{benchmark.name}-{benchmark.short_fingerprint}"
    if manifest.get("benchmark") != named:
        raise MismatchError(
            f"{folder} was scored on {manifest.get('benchmark')!r}, not on {named!r}; name its benchmark with "
            "--benchmark"
        )
    intake = read_responses([folder], benchmark)
    if intake.fingerprint() != manifest.get("responses"):
        raise MismatchError(
            f"{folder}: the responses have changed since they were scored; score them again with "
            f"`speech-ifeval score {folder}`"
        )
    judge = _judge(folder, intake, benchmark, scoring, manifest)
    kept = kept_judge(folder, judge.label)
    details = None if kept is None else Path(kept.partition(":")[2]).with_suffix(".manifest.json")
    return Side(
        intake=intake,
        asked=read_manifest(folder / RUN_FILE) or {},
        verdicts=tuple(load_scored(folder, label).verdicts),
        scored=manifest,
        judge=judge,
        judge_details=None if details is None else read_manifest(details),
    )


def _judge(
    folder: Path, intake: Intake, benchmark: Benchmark, scoring: Scoring, manifest: Mapping[str, Any]
) -> Judged:
    """What the judge said of this scoring: a file of judgements may hold more than was scored with."""
    label = str(manifest.get("judge"))
    if label == no_judge.label:
        return no_judge
    whole = choose_judge(kept_judge(folder, label), intake, benchmark)
    items = asked_items(benchmark, intake, scoring)
    for task_level in (None, True, False):
        judgements = dict(whole.judgements)
        if task_level is not None:
            questions, known = questions_about(items, benchmark, intake.responses, task_level=task_level)
            keys = {(question.item, question.use) for question in questions} | known.keys()
            judgements = {key: one for key, one in judgements.items() if key in keys}
        judge = Judged(label, judgements)
        if whole.label == label and judgements_digest(judge) == manifest.get("judgements"):
            return judge
    raise MismatchError(
        f"{folder}: what the judge {label} said has changed since it was scored with, or is gone; score the "
        f"responses again with `speech-ifeval score {folder}`"
    )


def _reference(folder: Path, summary: Summary, named: Path | None) -> tuple[Path, str] | None:
    """The reference's run directory, and its scoring that the summary was made against."""
    theirs = summary.reference
    if theirs is None:
        if named is not None:
            raise UsageError(f"{folder} was scored without a reference; score it again with --reference {named}")
        return None
    found = named or folder / REFERENCE_FOLDER
    if not is_run(found):
        raise UsageError(
            f"{folder} was scored against {theirs.name}, whose run is not at {found}; name its run directory with "
            "--reference"
        )
    for label in scoring_labels(found):
        if replace(load_scored(found, label), task=theirs.task).signature() == theirs.signature:
            return found, label
    raise MismatchError(
        f"{found} holds no scoring with the signature that the summary has of {theirs.name} ({theirs.signature}); "
        "score the run and its reference again"
    )
