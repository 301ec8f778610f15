"""The stage that scores: responses in, verdicts and a summary out, in a run directory that can be resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.rows import decode_row
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.training_record import TrainedIds, TrainingRecord
from speech_ifeval.constraints import find_definition
from speech_ifeval.constraints.language import detector_label
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.judges import Judge, Judged, Setup, open_judge
from speech_ifeval.judges.criteria import load_rubrics
from speech_ifeval.metrics.summaries import ScoredRun, summarise
from speech_ifeval.metrics.task_level import task_level
from speech_ifeval.models.recorded import (
    Intake,
    is_run,
    read_responses,
)
from speech_ifeval.pipeline.answers import answers_of
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER, shown_settings
from speech_ifeval.pipeline.contamination import (
    contamination_of,
    keep_training,
    training_of,
    training_settings,
)
from speech_ifeval.pipeline.judging import (
    Confirm,
    ask_judge,
    choose_judge,
    is_asked,
    judgements_digest,
    keep_judgements,
    questions_about,
)
from speech_ifeval.pipeline.noting import count_replies, notes_of
from speech_ifeval.pipeline.run_folder import begin_again, import_responses, refuse_input_folder
from speech_ifeval.pipeline.verdicts import Rules
from speech_ifeval.records import JUDGED_ID, SCHEMA_VERSION, Item, Verdict
from speech_ifeval.results import Summary, TaskLevel
from speech_ifeval.runs import (
    appender,
    claim_stage,
    locked,
    whole_lines,
    write_document,
)

_VERDICT = msgspec.json.Decoder(Verdict)
# Settings that must agree for verdicts to be gone on with; package versions are recorded and may differ.
_RESUMED_BY = ("benchmark", "responses", "rules", "verifiers", "detector", "judge", "loose", "missing", "subset")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scoring:
    """How responses are scored: what `speech-ifeval score` takes as options.

    Attributes:
        rules: the rule set, see `speech_ifeval.compile`.
        loose: IFEval's loose pass.
        missing: ``unscored`` counts a missing or failed response apart, ``fail`` as not followed.
        limit: the first so many items of each category, None for all.
        judge: None replays the recorded replies beside the responses, ``none`` uses no judge, and
            ``replay:PATH`` replays those of a folder or file; ``openai:MODEL`` asks a model, ``heuristic`` rules
            of thumb.
        judge_args: the arguments of a judge that is asked.
        rubrics: files of one's own rubrics, in the place of the package's.
        judge_repeats: how often a judge is asked for each verdict; the majority counts.
        judge_cache: the folder that a judge's replies are kept in; None for the user's cache folder.
        task_level: whether a judge that is asked also judges answers and transcripts.
        confirm: called with a judge and what it will cost, before it is first asked; raises to refuse.
        seed: of the task level's intervals and tests, the only figures with random numbers in them.
        trained_on: what the run's model was trained on by a reward: it marks the run where it is asked the same. A
            run directory keeps it, and later scorings know it. It is not said of the reference.

    Raises:
        UsageError: an unknown rule set, another value of `missing`, a limit below 1.

    >>> Scoring(rules="careful", limit=10).rules
    'careful'
    """

    rules: str = "official"
    loose: bool = False
    missing: str = "unscored"
    limit: int | None = None
    judge: str | None = None
    judge_args: Mapping[str, Any] = field(default_factory=dict)
    rubrics: tuple[Path, ...] = ()
    judge_repeats: int = 1
    judge_cache: Path | None = None
    task_level: bool = True
    confirm: Confirm | None = None
    seed: int = 0
    trained_on: TrainingRecord | TrainedIds | None = None

    def __post_init__(self) -> None:
        find_definition("startend:quotation", self.rules)
        if self.missing not in ("unscored", "fail"):
            raise UsageError(f"--missing takes unscored or fail, found {self.missing!r}")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit takes a whole number from 1, found {self.limit}")
        if self.judge_repeats < 1:
            raise UsageError(f"--judge-repeats takes a whole number from 1, found {self.judge_repeats}")
        options = {
            "--judge-args": self.judge_args,
            "--rubric": self.rubrics,
            "--judge-repeats": self.judge_repeats > 1,
        }
        idle = [name for name, given in options.items() if given]
        if idle and not is_asked(self.judge):
            raise UsageError(f"{idle[0]} goes with a judge that is asked, such as --judge openai; leave it out")
        if self.seed < 0:
            raise UsageError(f"--seed takes a whole number from 0, found {self.seed}")

    def label(self, judge: Judge | Judged) -> str:
        """What tells this scoring's files from those of others in the same run directory."""
        parts = [self.rules, judge.label]
        parts += ["loose"] * self.loose
        parts += ["missing-fail"] * (self.missing == "fail")
        parts += [f"limit-{self.limit}"] * (self.limit is not None)
        return ".".join(parts)


def score(
    paths: Sequence[Path],
    benchmark: Benchmark,
    *,
    output_dir: Path | None = None,
    reference: Sequence[Path] = (),
    scoring: Scoring | None = None,
    progress: Progress | None = None,
) -> tuple[Summary, Path]:
    """Score recorded responses and write verdicts and summary; return the summary and the run directory.

    Args:
        paths: parts of one run: the release's output folder, a run directory of ours, or JSONL files.
        benchmark: what the responses answer.
        output_dir: the run directory; by default ``runs/<name>``, or the run directory that was given.
        reference: the reference system's responses, in the same forms; scored alike, into
            ``<run>/reference`` unless they are a run directory already. Without any, what is in
            ``<run>/reference``.
        scoring: how to score.
        progress: called with (done, all) after each item.

    Raises:
        UsageError, DataError, MismatchError, OutputError: see `speech_ifeval.errors`; what was written is kept.

    Source of the figures: arXiv 2505.19037, section 2.

    >>> import tempfile
    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> from speech_ifeval.models.recorded import locate
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = Path(folder) / "run"
    ...     summary, _ = score([locate("example:tuned")], load_benchmark("example"), output_dir=run)
    >>> summary.ifrate.n, summary.categories["closed-ended"].n
    (66, 40)
    """
    scoring = scoring or Scoring()
    inputs = (*paths, *reference, benchmark.root)
    made = _score_one(paths, benchmark, output_dir, scoring, inputs, progress)
    against = None
    beside = made.folder / REFERENCE_FOLDER
    if not reference and is_run(beside):
        reference = [beside]  # scored together before: Δ is not lost by scoring again
    if reference:
        target = None if any(map(is_run, reference)) else beside
        apart = replace(scoring, trained_on=None)
        against = _score_one(reference, benchmark, target, apart, inputs, progress)
    summary = summarise(made.run, None if against is None else against.run)
    for name in (f"summary.{made.label}.json", "summary.json"):
        write_document(made.folder / name, summary)
    return summary, made.folder


@dataclass(frozen=True)
class _Made:
    run: ScoredRun
    folder: Path
    label: str


def _score_one(
    paths: Sequence[Path],
    benchmark: Benchmark,
    output_dir: Path | None,
    scoring: Scoring,
    inputs: Sequence[Path],
    progress: Progress | None,
) -> _Made:
    intake = read_responses(paths, benchmark)
    folder = output_dir or intake.run or Path("runs") / intake.name
    refuse_input_folder(folder, inputs)
    items = asked_items(benchmark, intake, scoring)
    with _judge(scoring, intake, benchmark) as opened, locked(folder):
        if intake.run is None or folder.resolve() != intake.run.resolve():
            import_responses(folder, intake, benchmark, paths)
        scoring = _with_training(folder, intake, scoring)
        judge = _judged(opened, folder, items, intake, scoring, benchmark, progress)
        label = scoring.label(judge)
        manifest, verdicts_file = folder / f"verdicts.{label}.manifest.json", folder / f"verdicts.{label}.jsonl"
        settings = settings_of(benchmark, intake, scoring, judge, items)
        begin_again(manifest, verdicts_file, settings, growing=intake.growing)
        settings = claim_stage(manifest, settings, _RESUMED_BY)
        verdicts = _decide(verdicts_file, items, intake, scoring, judge, progress)
    run = ScoredRun(
        name=intake.name,
        verdicts=verdicts,
        settings=shown_settings(settings),
        replies=count_replies(items, intake),
        notes=notes_of(items, judge, benchmark),
        task=task_of(items, intake, scoring, judge, benchmark),
        contamination=contamination_of(scoring.trained_on, benchmark, items, verdicts),
    )
    return _Made(run, folder, label)


def _with_training(folder: Path, intake: Intake, scoring: Scoring) -> Scoring:
    """What was once said of a run's training stays with its directory."""
    if isinstance(scoring.trained_on, TrainedIds):
        raise UsageError("a run is scored with the whole training record; read it with read_training_record")
    folders = [folder, *([] if intake.run is None else [intake.run])]
    record = training_of(folders, scoring.trained_on)
    if record is not None:
        keep_training(folder, record)
    return replace(scoring, trained_on=record)


def _decide(
    path: Path,
    items: list[Item],
    intake: Intake,
    scoring: Scoring,
    judge: Judged,
    progress: Progress | None,
) -> list[Verdict]:
    """Go on with the verdicts that are there, in the items' order, and append the rest."""
    rules = Rules(scoring.rules, scoring.loose, judge, scoring.missing == "fail")
    with appender(path) as out:
        verdicts = [
            decode_row(f"{path}:{number}", line, _VERDICT)
            for number, line in enumerate(whole_lines(path), start=1)
        ]
        done = {(verdict.item, verdict.index) for verdict in verdicts}
        if len(done) != len(verdicts):
            raise DataError(f"{path}: expected one verdict a constraint, found doubles; delete the file")
        for count, item in enumerate(items, start=1):
            for verdict in rules.verdicts(item, intake.responses.get(item.id)):
                if (verdict.item, verdict.index) not in done:
                    out.write(verdict)
                    verdicts.append(verdict)
            if progress is not None:
                progress(count, len(items))
    return verdicts


@contextmanager
def _judge(scoring: Scoring, intake: Intake, benchmark: Benchmark) -> Iterator[Judge | Judged]:
    if not is_asked(scoring.judge):
        yield choose_judge(scoring.judge, intake, benchmark)
        return
    setup = Setup(benchmark, load_rubrics(scoring.rubrics), scoring.judge_repeats, scoring.judge_cache)
    with open_judge(scoring.judge or "", setup, scoring.judge_args) as judge:
        yield judge


def _judged(
    judge: Judge | Judged,
    folder: Path,
    items: list[Item],
    intake: Intake,
    scoring: Scoring,
    benchmark: Benchmark,
    progress: Progress | None,
) -> Judged:
    if isinstance(judge, Judged):
        keep_judgements(folder, judge)
        return judge
    questions, known = questions_about(items, benchmark, intake.responses, task_level=scoring.task_level)
    return ask_judge(judge, folder, questions, known=known, confirm=scoring.confirm, progress=progress)


def asked_items(benchmark: Benchmark, intake: Intake, scoring: Scoring) -> list[Item]:
    """The items to score: those that the run asked, and of these no more than the scoring wants."""
    wanted = {item.id for item in Selection(limit=scoring.limit).choose(benchmark)}
    return [item for item in intake.selection.choose(benchmark) if item.id in wanted]


def verifier_versions(items: Sequence[Item], rules: str) -> dict[str, int]:
    """Return the version of every verifier that these items ask, by its id, sorted."""
    ids = {constraint.id for item in items for constraint in item.constraints if constraint.id != JUDGED_ID}
    return {id: find_definition(id, rules).version for id in sorted(ids)}


def verifiers_digest(versions: Mapping[str, int]) -> str:
    """Return the six digits that signatures have of the verifiers' versions."""
    return hashlib.sha256(msgspec.json.encode(sorted(versions.items()))).hexdigest()[:6]


def _subset(intake: Intake, scoring: Scoring) -> str:
    labels = [intake.selection.label, Selection(limit=scoring.limit).label]
    return "+".join(label for label in labels if label != "all") or "all"


def settings_of(
    benchmark: Benchmark, intake: Intake, scoring: Scoring, judge: Judged, items: list[Item]
) -> dict[str, Any]:
    """Return what a scoring's manifest holds: everything that its verdicts depend on, and its sizes."""
    versions = verifier_versions(items, scoring.rules)
    digest = verifiers_digest(versions)
    return {
        "name": intake.name,
        "benchmark": f"{benchmark.name}-{benchmark.short_fingerprint}",
        "responses": intake.fingerprint(),
        "rules": scoring.rules,
        "verifiers": digest,
        "detector": detector_label(scoring.rules, versions.keys()),
        "judge": judge.label,
        "judgements": judgements_digest(judge),
        "loose": "yes" if scoring.loose else "no",
        "missing": scoring.missing,
        "subset": _subset(intake, scoring),
        **training_settings(scoring.trained_on, items),
        "items": len(items),
        "pairs": sum(len(item.constraints) for item in items),
        "version": version("speech-ifeval"),
        "schema_version": SCHEMA_VERSION,
    }


def task_of(
    items: list[Item], intake: Intake, scoring: Scoring, judge: Judged, benchmark: Benchmark
) -> TaskLevel | None:
    """How right the answers are, of the items that are scored and of their twins; None where nobody judged it."""
    if all(use == "reasoning" for _, use in judge.judgements):
        return None
    asked = {item.id for item in items}
    answers = [
        answer
        for answer in answers_of(benchmark, intake.responses, judge.judgements)
        if answer.pair in asked and (intake.selection.twins or answer.constrained)
    ]
    return task_level(answers, scoring.seed) if answers else None
