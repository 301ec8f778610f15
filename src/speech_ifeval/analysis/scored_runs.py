"""Runs that were scored, read back: their summary, verdicts, and answers as their judge judged them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import DataError
from speech_ifeval.metrics.answers import Answer
from speech_ifeval.metrics.following import ClipIndex
from speech_ifeval.metrics.paired import difference
from speech_ifeval.metrics.summaries import arrays, category_groups
from speech_ifeval.models.recorded import read_responses
from speech_ifeval.pipeline.answers import answers_of
from speech_ifeval.pipeline.comparing import load_scored, names_of, refuse_doubles, scoring_label
from speech_ifeval.pipeline.judging import choose_judge, kept_judge
from speech_ifeval.records import Response, Verdict
from speech_ifeval.results import Difference, Summary

SUMMARY = "summary.json"


class ReadRun(Struct, frozen=True):
    """A scored run: what it concluded, its verdicts, responses by item, and answers to twins."""

    folder: Path
    summary: Summary
    verdicts: Sequence[Verdict]
    responses: dict[str, Response]
    answers: Sequence[Answer]

    @property
    def settings(self) -> dict[str, Any]:
        """What its figures were made with."""
        return self.summary.settings


def read_run(folder: Path, benchmark: Benchmark) -> ReadRun:
    """Read a scored run back.

    Raises:
        DataError: it has no summary, or a file is broken.
        UsageError, MismatchError: what reading verdicts, responses and judgements raises.
    """
    summary = read_summary(folder)
    responses, answers = read_answers(folder, benchmark, str(summary.settings.get("judge")))
    return ReadRun(folder, summary, load_scored(folder).verdicts, responses, answers)


def read_summary(folder: Path) -> Summary:
    """Read the summary of a run directory back.

    Raises:
        DataError: there is none, or none that can be read.
    """
    return _summary_at(folder / SUMMARY)


def read_summaries(folders: Sequence[Path], scoring: str | None = None) -> list[tuple[str, Summary]]:
    """Read the summaries of several runs back, each with a name that no other of them has.

    Args:
        folders: run directories.
        scoring: which scoring, where one holds several, as `compare` takes it.

    Raises:
        UsageError: no scored run at a path, several scorings to choose from, or a path named twice.
        DataError: a summary cannot be read.
    """
    refuse_doubles(folders)
    read = [_summary_at(folder / f"summary.{scoring_label(folder, scoring)}.json") for folder in folders]
    # The directory tells runs of one model apart, as everywhere where runs stand side by side.
    named = [
        msgspec.structs.replace(one, name=folder.resolve().name) for folder, one in zip(folders, read, strict=True)
    ]
    return list(zip(names_of(folders, named), read, strict=True))


def _summary_at(path: Path) -> Summary:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except OSError:
        raise DataError(
            f"{path}: expected the summary of a scored run, found no such file; score the run"
        ) from None
    except msgspec.DecodeError as error:
        raise DataError(
            f"{path}:1: expected a summary, found what is none ({error}); score the run again"
        ) from None


def latest_scoring(folder: Path) -> str | None:
    """Return the name of the scoring that a run's ``summary.json`` is of; None where that is not known."""
    labels = [path.name.removeprefix("summary.").removesuffix(".json") for path in folder.glob("summary.*.json")]
    if not labels:
        return None
    latest = (folder / SUMMARY).read_bytes()
    found = (label for label in sorted(labels) if (folder / f"summary.{label}.json").read_bytes() == latest)
    return next(found, None)


def read_answers(folder: Path, benchmark: Benchmark, judge: str) -> tuple[dict[str, Response], list[Answer]]:
    """Read what a run replied and answered, as the judge that is named judged it; unscored where none did."""
    intake = read_responses([folder], benchmark)
    judged = choose_judge(kept_judge(folder, judge), intake, benchmark)
    return dict(intake.responses), answers_of(benchmark, intake.responses, judged.judgements)


def ifrate_change(verdicts: Sequence[Verdict], before: Sequence[Verdict]) -> Difference:
    """Return by how many points IFrate differs between two runs of the same items, paired by clip."""
    clips = ClipIndex()
    ours, theirs = (category_groups(side, clips) for side in (verdicts, before))
    if not all(len(group.followed) for group in (*ours, *theirs)):
        return Difference(None, None, None, None, None, "a category has no scored item")
    found = difference(arrays(ours), arrays(theirs))
    return Difference(100 * found.value, 100 * found.low, 100 * found.high, found.p, found.p)
