"""The main job: a model and its reference system answer a benchmark, and what they answered is scored."""

from __future__ import annotations

import dataclasses
import html
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from speech_ifeval.analysis.diagnosis.evidence import Evidence
from speech_ifeval.analysis.diagnosis.reading import read_evidences
from speech_ifeval.analysis.frames import Kind, Library, frame_of, run_rows
from speech_ifeval.analysis.scored_runs import latest_scoring
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.benchmarks.sharding import Shard, parse_shard
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.judges.registry import find_kind
from speech_ifeval.metrics.power import smallest_delta
from speech_ifeval.models import Generation, Model, Request, accepts, check_arguments
from speech_ifeval.models.fleet import DEVICE
from speech_ifeval.models.functions import Function, FunctionModel
from speech_ifeval.models.placing import Devices, look_before, open_placed
from speech_ifeval.models.recorded import benchmark_answered, is_run
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.comparing import REFERENCE_FOLDER
from speech_ifeval.pipeline.generating import Conditions, Course, Generated, generate
from speech_ifeval.pipeline.interrupts import Stop, stop_on_signals
from speech_ifeval.pipeline.judging import keep_judgements, replayed
from speech_ifeval.pipeline.merging import keep_scoring, merge_command
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.pipeline.shard_folders import folder_of, relatives
from speech_ifeval.report.markdown import summary_markdown
from speech_ifeval.report.notebook import html_of
from speech_ifeval.report.page.making import make_page
from speech_ifeval.report.sensitivity_tables import sensitivity_markdown
from speech_ifeval.results import Estimate, Sensitivity, Summary
from speech_ifeval.runs import write_bytes, write_text

RUNS_FOLDER = Path("runs")
REPORT_FILE = "report.md"
PAGE_FILE = "report.html"
# What is run where nobody says what: the models that ship with this package need no other settings.
SHIPPED_SCHEME = "lab:"
SHIPPED_MODEL, SHIPPED_REFERENCE = "lab:corpus-style", "lab:backbone"
SHIPPED_JUDGE = "heuristic"
SHIPPED_LONGEST_REPLY = 200  # tokens; no reply that they were trained on has more than some 130
AnyModel = str | Model | Function | tuple[Any, Any]


@dataclass(frozen=True)
class Run:
    """A run that was generated and scored.

    Attributes:
        folder: the run directory.
        summary: its figures.
        report: the same as a page of Markdown, with what constraints do to answers where that is known.
        sensitivity: what constraints do to answers; None where no judge has told which are right.
        report_html: one page of HTML with the figures, the diagnosis and every item.
        benchmark: what was answered.

    In a notebook it shows its figures; `to_frame` gives its rows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = evaluate("replay:example:tuned", output_dir=folder)
    >>> run.ifrate.n, run.forgetting is None
    (66, True)
    """

    folder: Path
    summary: Summary = field(repr=False)
    report: Path | None = None
    sensitivity: Sensitivity | None = field(default=None, repr=False)
    benchmark: Benchmark | None = field(default=None, repr=False)

    def to_frame(self, kind: Kind = "verdicts", *, library: Library = "pandas") -> Any:
        """Return the run's rows as a data frame.

        Args:
            kind: ``verdicts`` has a row for each constraint of each item, ``responses`` for each response,
                ``items`` for each item that was scored, and whether all its constraints are followed.
            library: ``pandas`` or ``polars``, which must be installed.

        What is unscored is missing, never False; kwargs are JSON.

        Raises:
            UsageError: another kind or library, or a run that does not say which benchmark it answered.
            MissingExtraError: the library is not installed.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = evaluate("replay:example:tuned", output_dir=folder)
        ...     frame = run.to_frame()
        >>> len(frame), int(frame["followed"].sum())
        (66, 28)
        """
        rows = run_rows(self.folder, self.benchmark, self.summary, kind)
        return frame_of(rows, kind, library)

    def _repr_html_(self) -> str:
        """Return the figures as HTML, all texts escaped; notebooks call this."""
        return html_of(self.summary)

    report_html: Path | None = None

    @property
    def ifrate(self) -> Estimate:
        """The mean following rate of the three categories, in percent."""
        return self.summary.ifrate

    @property
    def forgetting(self) -> Estimate | None:
        """The forgetting rate Δ, in percent of the reference's IFrate; None without a reference."""
        return self.summary.forgetting

    @property
    def points(self) -> Estimate | None:
        """IFrate less the reference's, in points; None without a reference."""
        return self.summary.points


@dataclass(frozen=True)
class ShardRun(Run):
    """A part of a run that was answered: it has no figures before all parts are merged.

    Attributes:
        folder: the run directory that the parts lie in.
        shard: which part.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     part = evaluate("replay:example:tuned", output_dir=f"{folder}/run", shard="2/4")
    ...     part.summary  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: the shard 2/4 has no figures of its own: once all 4 are answered, ...
    """

    summary: Summary = field(init=False, repr=False, compare=False)
    shard: Shard = field(kw_only=True)

    def __getattr__(self, name: str) -> Any:
        if name == "summary":  # never set
            raise UsageError(
                f"the shard {self.shard.label} has no figures of its own: once all {self.shard.count} are "
                f"answered, merge them: {merge_command(self.folder)}"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _repr_html_(self) -> str:
        return html.escape(repr(self))


@dataclass(frozen=True)
class Watching:
    """Who is told what while a run goes on.

    Attributes:
        say: called with a sentence that a user should read.
        progress: called with whose turn it is, ``model`` or ``reference``, and how far that is.
        scoring: called with (done, all) while responses are scored.
        confirm: called with the model and what it is to be asked, before the first request; raises to refuse.
    """

    say: Callable[[str], None] = lambda message: None
    progress: Callable[[str, Course], None] = lambda turn, course: None
    scoring: Callable[[int, int], None] = lambda done, total: None
    confirm: Callable[[Model, Sequence[Request]], None] = lambda model, requests: None


def evaluate(
    model: AnyModel | None = None,
    *,
    model_args: Mapping[str, Any] | None = None,
    reference: AnyModel | None = None,
    reference_args: Mapping[str, Any] | None = None,
    devices: Devices = (),
    benchmark: str | Path | Benchmark | None = None,
    output_dir: str | Path | None = None,
    selection: Selection | None = None,
    shard: Shard | str | None = None,
    asking: Asking | None = None,
    conditions: Conditions | None = None,
    scoring: Scoring | None = None,
    watching: Watching | None = None,
) -> Run:
    """Ask a model a benchmark, score what it answers, and compare it with its reference system.

    A run that was stopped, or that failed half-way, goes on where it was when it is called again alike.

    Args:
        model: None for the shipped ``lab:corpus-style``; a specification such as
            ``hf:Qwen/Qwen2-Audio-7B-Instruct``, a `Model`, which stays open, any callable from a list of requests
            to a list of texts or responses, or a live pair of a transformers model and its
            processor, which is neither loaded again nor left changed.
        model_args: the adapter's arguments, where a specification is given.
        reference: the reference system in the same forms; it reads the transcripts. Gives Δ and points. That of
            shipped models is ``lab:backbone``.
        reference_args: its adapter's arguments.
        devices: one process for each, such as ``("0", "1")`` for two GPUs; none runs in this process. A
            `RayCluster` runs one actor on each of its GPUs.
        benchmark: the benchmark, its folder, or its name; None for ``bundled``, or for what recorded responses
            answer.
        output_dir: the run directory; by default ``runs/<name of the model>``.
        selection: which items are asked; all by default.
        shard: one of several parts of these, such as ``"2/4"``, or ``"auto"`` for what Slurm says. It is answered
            into ``shards/2-of-4`` in the run directory and not scored: `speech_ifeval.merge` does that for all.
            What is returned then has a `folder`, and no figures.
        asking: how they are put: input, system prompt, generation.
        conditions: under which the run starts: audio folder, checks, uploads.
        scoring: how responses are scored; those of shipped models by the heuristic judge unless another is named.
        watching: who is told what.

    Raises:
        RunInterruptedError: somebody asked for it to stop (RunPreemptedError: a scheduler); the same call goes on.
        SpeechIFEvalError: see `speech_ifeval.errors`; what was written is kept.

    Source: arXiv 2505.19037.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = evaluate("replay:example:tuned", reference="replay:example:reference", output_dir=folder)
    >>> round(run.ifrate.value, 2), round(run.forgetting.value, 2)
    (40.83, -57.02)
    """
    model = SHIPPED_MODEL if model is None else model
    reference, asking, scoring = usual_settings(model, reference, asking, scoring)
    loaded = load_benchmark(_named(benchmark, model))
    watching = watching or Watching()
    selection = selection or Selection()
    conditions = conditions or Conditions()
    if reference is None and reference_args:
        raise UsageError("arguments of a reference were given, and no reference; name it with --reference")
    for named, arguments in ((model, model_args), (reference, reference_args)):
        if isinstance(named, str):
            check_arguments(named, arguments or {})  # a mistyped reference is found before hours of generation
    if scoring.judge not in (None, "none"):
        find_kind(scoring.judge)
    shard = parse_shard(shard, os.environ) if isinstance(shard, str) else shard
    _announce(loaded, selection, watching)
    opened = open_any(model, model_args, loaded, devices)
    folder = Path(output_dir) if output_dir is not None else RUNS_FOLDER / slug(opened.name)
    with stop_on_signals(watching.say) as stop:
        turn = _Turn(loaded, selection, shard, watching, stop)
        if shard is not None:
            keep_scoring(folder_of(folder, shard), scoring)
        with _closed_unless_given(model, opened):
            if isinstance(reference, str):
                look_before(reference, reference_args, devices)
            turn.take("model", opened, folder, asking, conditions)
        if reference is not None:
            _stop_between(stop, folder)
            turn.take_reference(reference, reference_args, devices, folder, asking)
        _stop_between(stop, folder)
    if shard is not None:
        return ShardRun(folder, shard=shard)
    summary, folder = score([folder], loaded, scoring=scoring, progress=watching.scoring)
    return reported(folder, summary, loaded)


def usual_settings(
    model: AnyModel,
    reference: AnyModel | None = None,
    asking: Asking | None = None,
    scoring: Scoring | None = None,
) -> tuple[AnyModel | None, Asking, Scoring]:
    """Return reference, asking and scoring with what is usual for a model where nobody says.

    >>> reference, asking, scoring = usual_settings("lab:self-aligned")
    >>> reference, asking.generation.max_new_tokens, scoring.judge
    ('lab:backbone', 200, 'heuristic')
    """
    asking = asking or Asking(generation=Generation(max_new_tokens=longest_reply(model)))
    scoring = scoring or Scoring()
    if is_shipped(model):
        reference = SHIPPED_REFERENCE if reference is None and model != SHIPPED_REFERENCE else reference
        scoring = scoring if scoring.judge is not None else dataclasses.replace(scoring, judge=SHIPPED_JUDGE)
    return reference, asking, scoring


def is_shipped(model: AnyModel) -> bool:
    """Whether a model ships with this package.

    >>> is_shipped("lab:self-aligned"), is_shipped("hf:Qwen/Qwen2-Audio-7B-Instruct")
    (True, False)
    """
    return isinstance(model, str) and model.startswith(SHIPPED_SCHEME)


def longest_reply(model: AnyModel) -> int:
    """Return after how many tokens a model's replies are cut, where nobody says.

    >>> longest_reply("lab:backbone"), longest_reply("hf:Qwen/Qwen2-Audio-7B-Instruct")
    (200, 2048)
    """
    return SHIPPED_LONGEST_REPLY if is_shipped(model) else Generation().max_new_tokens


def _named(benchmark: str | Path | Benchmark | None, model: AnyModel) -> str | Path | Benchmark:
    if benchmark is not None:
        return benchmark
    return benchmark_answered(model.removeprefix("replay:") if isinstance(model, str) else "")


def reported(folder: Path, summary: Summary, benchmark: Benchmark) -> Run:
    """Write the run's report: its summary, the sensitivity of its answers where they were judged, and the page."""
    evidence, notes = _read_back(folder, benchmark, beside=summary.reference is not None)
    evidence = evidence.named(summary.name)
    parts = [summary_markdown(summary)]
    judged = summary.task is not None and any(group.change.n for group in summary.task.datasets.values())
    found = evidence.sensitivity if judged else None
    if found is not None:
        parts.append(sensitivity_markdown(found))
    write_text(folder / REPORT_FILE, "\n".join(parts))
    page = make_page([(evidence, notes)], benchmark, folder / PAGE_FILE)
    write_bytes(folder / PAGE_FILE, page.content)
    return Run(folder, summary, folder / REPORT_FILE, found, benchmark, folder / PAGE_FILE)


def _read_back(folder: Path, benchmark: Benchmark, *, beside: bool) -> tuple[Evidence, list[str]]:
    """The evidence of the run as it was just scored, with its reference where both were asked the same."""
    scoring = latest_scoring(folder)
    try:
        return read_evidences([folder], benchmark, scoring=scoring, beside=beside)[0]
    except MismatchError as error:  # the folder has grown since its reference was asked
        evidence, notes = read_evidences([folder], benchmark, scoring=scoring, beside=False)[0]
        return evidence, [*notes, f"the reference is left out: {error}"]


def _stop_between(stop: Stop, folder: Path) -> None:
    if stop.requested:
        raise stop.error(f"stopped: what was answered is kept in {folder}; the same command goes on from there")


def slug(name: str) -> str:
    """Return a name as that of a folder.

    >>> slug("hf:Qwen/Qwen2-Audio 7B"), slug("../..")
    ('hf-Qwen-Qwen2-Audio-7B', 'model')
    """
    return re.sub(r"[^\w.+=-]+", "-", name).strip(".-") or "model"


def _closed_unless_given(given: AnyModel, opened: Model) -> AbstractContextManager[Any]:
    """Who opened a model closes it: one that was handed in open may be asked again."""
    return nullcontext() if isinstance(given, Model) else opened


def _takes_device(model: AnyModel) -> bool:
    return isinstance(model, str) and accepts(model, DEVICE)


def open_any(
    model: AnyModel,
    arguments: Mapping[str, Any] | None = None,
    benchmark: Benchmark | None = None,
    devices: Devices = (),
) -> Model:
    """Return a model in any of the forms that `evaluate` takes as a `Model`, with the same arguments.

    Raises:
        UsageError: it is none of these, or the arguments do not go with it.

    >>> open_any(lambda requests: [request.text for request in requests], None).name
    'lambda'
    """
    if isinstance(model, str):
        return open_placed(model, arguments, devices, benchmark=benchmark)
    if arguments or devices:
        raise UsageError(
            "devices and arguments of an adapter go with a specification such as hf:PATH, not with an object"
        )
    if isinstance(model, Model):
        return model
    if isinstance(model, tuple):
        if len(model) != 2:
            raise UsageError(f"a live model is a pair (model, processor), found {len(model)} objects")
        from speech_ifeval.models.transformers_models.live import live_model

        return live_model(*model)
    if callable(model):
        return FunctionModel(model)
    raise UsageError(
        f"expected a specification, a Model, a callable or a pair (model, processor), found {type(model).__name__}"
    )


def _announce(benchmark: Benchmark, selection: Selection, watching: Watching) -> None:
    if selection.sample is None and selection.limit is None:
        return
    sizes = Counter(item.category for item in selection.choose(benchmark))
    found = smallest_delta(sizes)
    asked = ", ".join(f"{count} {category}" for category, count in sizes.items())
    if found is None:
        watching.say(f"{asked}: IFrate and Δ need all three categories")
    elif found.delta is None:
        watching.say(f"{asked}: too few items to detect any Δ")
    else:
        watching.say(
            f"{asked}: the smallest Δ that so many items detect four times out of five is −{-found.delta:.1f} % "
            f"(against a reference at {found.reference:.0f} %; pairing can make it smaller)"
        )


class _Turn:
    """One model after the other on the same items."""

    def __init__(
        self, benchmark: Benchmark, selection: Selection, shard: Shard | None, watching: Watching, stop: Stop
    ) -> None:
        self._benchmark = benchmark
        self._selection = selection
        self._shard = shard
        self._watching = watching
        self._stop = stop

    def take_reference(
        self,
        reference: AnyModel,
        arguments: Mapping[str, Any] | None,
        devices: Devices,
        folder: Path,
        asking: Asking,
    ) -> None:
        """Ask the reference system, which reads; what runs beside this one have of it already is taken over."""
        beside = folder / REFERENCE_FOLDER
        others = [run for run in sorted(folder.parent.glob(f"*/{REFERENCE_FOLDER}")) if run != beside]
        found = [place for run in others for place in dict.fromkeys((run, folder_of(run, self._shard)))]
        with self._stop.at_once():
            opened = open_any(reference, arguments, self._benchmark, devices if _takes_device(reference) else ())
        conditions = Conditions(shared=tuple(filter(is_run, found)))
        with _closed_unless_given(reference, opened):
            self.take("reference", opened, beside, replace(asking, input="transcript"), conditions)

    def take(self, turn: str, model: Model, folder: Path, asking: Asking, conditions: Conditions) -> None:
        watching = self._watching
        target = folder_of(folder, self._shard)
        if self._shard is not None and not self._shard.part(self._selection, self._benchmark):
            watching.say(f"{turn} {model.name}: the shard {self._shard.label} has no items; nothing to do")
            return
        generated = generate(
            model,
            self._benchmark,
            target,
            selection=self._selection,
            shard=self._shard,
            asking=asking,
            conditions=dataclasses.replace(
                conditions, shared=(*relatives(folder, self._shard), *conditions.shared)
            ),
            stop=self._stop,
            confirm=lambda requests: watching.confirm(model, requests),
            say=watching.say,
            progress=lambda course: watching.progress(turn, course),
        )
        judge = replayed(model, self._benchmark)
        if judge is not None:
            keep_judgements(target, judge)
        self._tell(turn, model, generated)

    def _tell(self, turn: str, model: Model, generated: Generated) -> None:
        course, shard = generated.course, self._shard
        of = f"the {turn}" if shard is None else f"the shard {shard.label} of the {turn}"
        name = model.name if shard is None else f"{model.name}, shard {shard.label}"
        if generated.unasked:
            raise self._stop.error(
                f"stopped: {course.done} of {course.total} items of {of} are answered, in "
                f"{generated.folder}; the same command goes on from there"
            )
        if not course.new:
            self._watching.say(f"{turn} {name}: all {course.total} items are answered; nothing to do")
            return
        facts = [f"{course.done} of {course.total} items answered"]
        facts += [f"{course.failed} failed, asked again by the same command"] * (course.failed > 0)
        facts += [f"{course.cut_off} cut off at the token limit"] * (course.cut_off > 0)
        self._watching.say(f"{turn} {name}: {'; '.join(facts)}")
