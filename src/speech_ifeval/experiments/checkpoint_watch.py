"""A training from outside: its checkpoints are evaluated as they appear, each once, and become one curve."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.analysis.training_curve import (
    MARGIN,
    THRESHOLD,
    curve_of,
    is_warned,
    point_of,
    reference_of,
    warning_of,
)
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import ModelError, RunInterruptedError, UsageError
from speech_ifeval.experiments.reference_once import put_reference_beside, reference_run
from speech_ifeval.job import RUNS_FOLDER, AnyModel, Watching, evaluate, slug
from speech_ifeval.models import Generation
from speech_ifeval.models.transformers_models.completeness import (
    epoch_of,
    is_checkpoint,
    step_of,
    what_is_missing,
)
from speech_ifeval.models.transformers_models.digests import folder_digest
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions
from speech_ifeval.pipeline.interrupts import Stop, stop_on_signals
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.report.training_tables import training_markdown
from speech_ifeval.results import TrainingCurve, TrainingPoint
from speech_ifeval.runs import claim_stage, read_manifest, write_document, write_text

POLL_SECONDS = 30.0
CURVE_FILE, TABLE_FILE = "curve.json", "curve.md"
_MANIFEST = "watch.json"
_EVALUATED = "evaluated.json"
_TICK = 0.2  # seconds between two looks at whether somebody asked to stop


class Evaluated(msgspec.Struct, frozen=True):
    """What stands in a run directory that is done: of which content, and its point."""

    digest: str
    point: TrainingPoint


def watch(
    folder: Path,
    benchmark: str | Path | Benchmark = "bundled",
    *,
    model_args: Mapping[str, Any] | None = None,
    reference: AnyModel | Path | None = None,
    reference_args: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    asking: Asking | None = None,
    scoring: Scoring | None = None,
    conditions: Conditions | None = None,
    output_dir: Path | None = None,
    once: bool = False,
    poll: float = POLL_SECONDS,
    threshold: float = THRESHOLD,
    margin: float = MARGIN,
    watching: Watching | None = None,
    grown: Callable[[TrainingCurve], None] = lambda curve: None,
) -> TrainingCurve:
    """Evaluate the checkpoints in a folder, and those that appear there, until somebody asks to stop.

    A checkpoint is evaluated when all of it is there, and once: what is evaluated is known again by its content.
    One that cannot be evaluated is said, and left out.

    Args:
        folder: where the checkpoints appear, full models or PEFT adapters; or one checkpoint.
        benchmark: a benchmark, its folder, or its name.
        model_args: of the adapter ``hf:``.
        reference: a run directory, or a model in any form that `speech_ifeval.evaluate` takes; asked once.
        reference_args: of its adapter.
        selection, asking, scoring, conditions: as for `speech_ifeval.evaluate`; the heuristic judge by default.
        output_dir: the folder of the run directories; by default ``runs/watch-<name of the folder>``.
        once: evaluate what is complete now, and return.
        poll: seconds between two looks.
        threshold, margin: as for `speech_ifeval.analysis.training_curve.curve_of`.
        watching: who is told how far a run is, and what a user should read.
        grown: called with the curve at first, and after each point.

    Raises:
        RunInterruptedError: somebody asked it to stop; the same call goes on.
        UsageError: there is no such folder, or with `once` no checkpoint in it.
        ModelError: with `once`, a checkpoint could not be evaluated.
        MismatchError: the reference or the output folder belongs to something else.

    >>> watch(Path("nowhere"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no folder at 'nowhere': expected the one that checkpoints appear in
    """
    if not folder.is_dir():
        raise UsageError(f"no folder at {str(folder)!r}: expected the one that checkpoints appear in")
    if not poll > 0:
        raise UsageError(f"--poll takes seconds above 0, found {poll:g}")
    watcher = _Watcher(
        folder,
        load_benchmark(benchmark),
        dict(model_args or {}),
        selection or Selection(),
        asking or Asking(generation=Generation()),
        scoring or Scoring(judge="heuristic"),
        conditions or Conditions(),
        Path(output_dir or RUNS_FOLDER / f"watch-{slug(folder.resolve().name)}"),
        threshold,
        margin,
        watching or Watching(),
    )
    with stop_on_signals(watcher.watching.say) as stop:
        watcher.begin(reference, reference_args, stop)
        grown(watcher.curve())
        again = False  # a warning that is repeated is shorter
        while True:
            for point in watcher.look(stop):
                grown(watcher.curve())
                if warned := is_warned(point, threshold):
                    watcher.watching.say(warning_of(point, threshold, again=again))
                again = warned
            if once:
                return watcher.finished()
            _wait(poll, stop)
            if stop.requested:
                raise RunInterruptedError(
                    f"stopped: {len(watcher.points)} checkpoints are evaluated, in {watcher.out}; the same "
                    "command goes on from there"
                )


class _Watcher:
    def __init__(
        self,
        folder: Path,
        benchmark: Benchmark,
        model_args: dict[str, Any],
        selection: Selection,
        asking: Asking,
        scoring: Scoring,
        conditions: Conditions,
        out: Path,
        threshold: float,
        margin: float,
        watching: Watching,
    ) -> None:
        self.folder, self.benchmark, self.out, self.watching = folder, benchmark, out, watching
        self._model_args, self._selection, self._asking = model_args, selection, asking
        self._scoring, self._conditions = scoring, conditions
        self._threshold, self._margin = threshold, margin
        self._reference: Path | None = None
        self._failed: dict[Path, str] = {}
        self._waited: dict[Path, str] = {}
        self._twins: set[Path] = set()
        self.points: dict[str, TrainingPoint] = {}

    def begin(self, reference: AnyModel | Path | None, arguments: Mapping[str, Any] | None, stop: Stop) -> None:
        """Claim the output folder, read what is done, and make sure of the reference."""
        manifest = {
            "benchmark": f"{self.benchmark.name}-{self.benchmark.short_fingerprint}",
            "selection": self._selection.label,
            "asking": msgspec.to_builtins(self._asking),
            "model_args": self._model_args,
            "judge": self._scoring.judge,
            "rules": self._scoring.rules,
        }
        for path in sorted(self.out.glob(f"*/{_EVALUATED}")):
            found = _evaluated(path)
            if found is not None:
                self.points[found.digest] = found.point
        if self.points:
            claim_stage(self.out / _MANIFEST, manifest, tuple(manifest))
        if reference is not None:
            self._reference = reference_run(
                reference,
                arguments,
                self.benchmark,
                self._selection,
                self._asking,
                self.out,
                stop=stop,
                say=self.watching.say,
                progress=lambda course: self.watching.progress("reference", course),
            )
        if not self.points:  # a folder without a point is nobody's
            write_document(self.out / _MANIFEST, manifest)

    def look(self, stop: Stop) -> Iterator[TrainingPoint]:
        """Evaluate what is complete and not done, by step."""
        for checkpoint in sorted(self._checkpoints(), key=lambda one: (step_of(one) or 0, one.name)):
            if stop.requested:
                return
            missing = what_is_missing(checkpoint)
            if missing is not None:
                if self._waited.get(checkpoint) != missing:
                    self._waited[checkpoint] = missing
                    self.watching.say(f"{checkpoint}: waiting for {missing}")
                continue
            try:
                digest = folder_digest(checkpoint)
            except OSError:  # deleted since: Trainer keeps no more than save_total_limit
                continue
            if digest in self.points:
                self._say_twin(checkpoint, self.points[digest])
                continue
            if self._failed.get(checkpoint) == digest:
                continue
            try:
                self.points[digest] = point = self._evaluate(checkpoint, digest)
            except (ModelError, OSError) as error:
                self._failed[checkpoint] = digest
                gone = "" if checkpoint.is_dir() else "; it has been deleted meanwhile (save_total_limit?)"
                self.watching.say(f"{checkpoint} could not be evaluated and is left out: {error}{gone}")
                continue
            yield point

    def _say_twin(self, checkpoint: Path, done: TrainingPoint) -> None:
        """A step that is missing from the curve is explained: nothing has changed since another one."""
        if step_of(checkpoint) not in (None, done.step) and checkpoint not in self._twins:
            self._twins.add(checkpoint)
            self.watching.say(f"{checkpoint}: has the weights of step {done.step}, and its figures")

    def finished(self) -> TrainingCurve:
        """The curve, where nothing went wrong."""
        if not self.points and not self._failed:
            what = "; ".join(f"{path.name} lacks {why}" for path, why in sorted(self._waited.items()))
            raise UsageError(
                f"{self.folder}: expected checkpoints (folders with config.json or adapter_config.json, and their "
                f"weights), found none that is complete{f' ({what})' if what else ''}"
            )
        if self._failed:
            names = ", ".join(sorted(path.name for path in self._failed))
            many = f"{len(self._failed)} checkpoint{'' if len(self._failed) == 1 else 's'}"
            raise ModelError(f"{many} could not be evaluated: {names}; see above")
        return self.curve()

    def curve(self) -> TrainingCurve:
        """What is evaluated by now."""
        points = list(self.points.values())
        first = next((one for one in points if one.forgetting is not None), None)
        reference = None if first is None else reference_of(Path(first.run), self.benchmark)
        found = curve_of(
            points, self.folder.resolve().name, reference, threshold=self._threshold, margin=self._margin
        )
        write_document(self.out / CURVE_FILE, found)
        write_text(self.out / TABLE_FILE, training_markdown(found))
        return found

    def _checkpoints(self) -> list[Path]:
        try:
            found = [path for path in self.folder.iterdir() if is_checkpoint(path)]
        except OSError as error:
            raise UsageError(f"{self.folder} cannot be read ({error.strerror}); check the path") from None
        return found or [self.folder] * is_checkpoint(self.folder)

    def _evaluate(self, checkpoint: Path, digest: str) -> TrainingPoint:
        step = step_of(checkpoint)
        started = time.monotonic()
        run = self.out / f"{slug(checkpoint.resolve().name)}-{digest[:6]}"
        if self._reference is not None:
            put_reference_beside(self._reference, run, self.benchmark, self._selection)
        self.watching.say(f"{checkpoint}:")
        evaluate(
            f"hf:{checkpoint}",
            model_args=self._model_args,
            benchmark=self.benchmark,
            output_dir=run,
            selection=self._selection,
            asking=self._asking,
            conditions=self._conditions,
            scoring=self._scoring,
            watching=self.watching,
        )
        point = point_of(
            run,
            self.benchmark,
            len(self.points) if step is None else step,
            epoch=epoch_of(checkpoint),
            weights=str(checkpoint),
            seconds=time.monotonic() - started,
        )
        write_document(run / _EVALUATED, Evaluated(digest, point))
        return point


def _evaluated(path: Path) -> Evaluated | None:
    """What a run says of itself; None where it was made by another version, and is to be evaluated again."""
    try:
        return msgspec.convert(read_manifest(path), Evaluated)
    except msgspec.ValidationError:
        return None


def _wait(seconds: float, stop: Stop) -> None:
    until = time.monotonic() + seconds
    while not stop.requested and (left := until - time.monotonic()) > 0:
        time.sleep(min(_TICK, left))
