"""A model in the middle of its training, asked a fixed sample in bounded time: a point of its curve.

No framework is known here: who trains calls `begin` once and `point` whenever it is time.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.analysis.training_curve import (
    MARGIN,
    THRESHOLD,
    choice_number,
    curve_of,
    goes_back,
    is_warned,
    point_of,
    point_without,
    reference_of,
    warning_of,
)
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.rows import decode_row
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import UsageError
from speech_ifeval.experiments.reference_once import put_reference_beside, reference_run
from speech_ifeval.job import AnyModel
from speech_ifeval.models import Generation, Model, settings_of
from speech_ifeval.models.recorded import RUN_FILE
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions, Generated, generate
from speech_ifeval.pipeline.interrupts import Stop
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.results import TrainingCurve, TrainingPoint
from speech_ifeval.runs import appender, claim_stage, read_manifest, whole_lines, write_document

POINTS_FILE = "points.jsonl"
SAMPLE = 120
MAX_SECONDS = 300.0
LONGEST_REPLY = 512  # tokens
_MANIFEST = "monitor.json"
_PARTS = 8
_SMALLEST_PART = 24  # items: eight of each category
_POINT = msgspec.json.Decoder(TrainingPoint)


class Deadline(Stop):
    """Asks for the work to stop once a time is over, in seconds of `time.monotonic`.

    >>> Deadline(time.monotonic() - 1).requested, Deadline(time.monotonic() + 60).requested
    (True, False)
    """

    def __init__(self, at: float) -> None:
        super().__init__()
        self._at = at

    @property
    def requested(self) -> bool:
        """True from that time on."""
        return super().requested or time.monotonic() >= self._at


@dataclass(frozen=True)
class Plan:
    """What a model is asked at every point of its training, and what is concluded.

    Attributes:
        benchmark: a benchmark, its folder, or its name.
        sample: so many items with a constraint, spread over categories and codes; their twins come along.
        max_seconds: after which no further batch is begun.
        asking: how they are put; replies of at most 512 tokens.
        scoring: how replies are scored; by the heuristic judge, which asks nobody.
        conditions: the folder of the clips, checks.
        reference: the reference system: a run directory, or a model in any form that `evaluate` takes.
        reference_args: its adapter's arguments.
        threshold: Δ in percent, below which the whole interval must lie for a warning.
        margin: by how many points the task level of the best point may be below the best task level.

    Raises:
        UsageError: a number out of its range.

    >>> Plan(sample=60).max_seconds
    300.0
    """

    benchmark: str | Path | Benchmark = "bundled"
    sample: int = SAMPLE
    max_seconds: float = MAX_SECONDS
    asking: Asking = field(default_factory=lambda: Asking(generation=Generation(max_new_tokens=LONGEST_REPLY)))
    scoring: Scoring = field(default_factory=lambda: Scoring(judge="heuristic"))
    conditions: Conditions = field(default_factory=Conditions)
    reference: AnyModel | Path | None = None
    reference_args: Mapping[str, Any] | None = None
    threshold: float = THRESHOLD
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if not self.max_seconds > 0:
            raise UsageError(f"max_seconds takes a number above 0, found {self.max_seconds}")
        if not self.margin >= 0:
            raise UsageError(f"the margin of the task takes a number from 0, found {self.margin}")


class Monitor:
    """Points of one training, in a folder: ``points.jsonl``, a run directory each, and the reference's.

    A folder that a training left, killed or not, is gone on with where the plan is the same.
    """

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None] = lambda message: None) -> None:
        self.plan, self.folder, self._say = plan, folder, say
        self.benchmark = load_benchmark(plan.benchmark)
        self._selection = Selection(sample=plan.sample)
        self._wanted = len(self._selection.choose(self.benchmark))
        self._reference: Path | None = None
        self._checked = False
        self.points: list[TrainingPoint] = []

    def begin(self, step: int = 0) -> None:
        """Read back what an earlier process wrote up to this step, and make sure of the reference.

        Raises:
            MismatchError: the folder was made by another plan, or the reference does not belong to this one.
            SpeechIFEvalError: what asking the reference raises.
        """
        plan = self.plan
        manifest = {
            "benchmark": f"{self.benchmark.name}-{self.benchmark.short_fingerprint}",
            "sample": plan.sample,
            "asking": msgspec.to_builtins(plan.asking),
            "judge": plan.scoring.judge,
            "rules": plan.scoring.rules,
        }
        before = read_points(self.folder)
        if before:
            claim_stage(self.folder / _MANIFEST, manifest, tuple(manifest))
        self.points = [one for one in before if one.step <= step]
        if plan.reference is not None:
            self._reference = reference_run(
                plan.reference,
                plan.reference_args,
                self.benchmark,
                self._selection,
                plan.asking,
                self.folder,
                say=self._say,
            )
        if not before:  # a folder without a point is nobody's, and a plan that was refused has not taken it
            write_document(self.folder / _MANIFEST, manifest)

    def point(self, model: Model, step: int, epoch: float | None = None) -> TrainingPoint:
        """Evaluate a model, write its point down, and say what is to be said.

        Raises:
            SpeechIFEvalError: what generating and scoring raise; what was answered is kept.
        """
        again = self.is_warned()
        found = self._evaluated(model, step, epoch)
        with appender(self.folder / POINTS_FILE) as out:
            out.write(found)
        self.points = [*(one for one in self.points if one.step < step), found]
        if found.is_cut and found.items:
            self._say(
                f"step {step}: {self.plan.max_seconds:g} s were over: the first {found.items} of {found.wanted} "
                "items of the sample count, with the reference on the same"
            )
        elif found.is_cut:
            self._say(f"step {step}: {found.ifrate.why}")
        if self.is_warned():
            self._say(warning_of(found, self.plan.threshold, again=again))
        if goes_back(self.points, self.plan.margin):
            self._say(
                f"step {step}: by its better task level an earlier step than the one so far is the best now: see "
                f"{self.folder / POINTS_FILE}; metric_for_best_model cannot go back to it"
            )
        return found

    def is_warned(self) -> bool:
        """Whether the last point has a warning."""
        return bool(self.points) and is_warned(self.points[-1], self.plan.threshold)

    def choice(self) -> int:
        """`choice_number` of the points so far."""
        return choice_number(self.points, self.plan.margin)

    def curve(self, model: str) -> TrainingCurve:
        """The points so far as a curve."""
        return read_curve(self.folder, self.benchmark, model, self.plan.threshold, self.plan.margin, self.points)

    def _evaluated(self, model: Model, step: int, epoch: float | None) -> TrainingPoint:
        started = time.monotonic()
        folder = self.folder / f"step-{step:06d}"
        _leave_to(model, folder)
        items = self._ask(model, folder, Deadline(started + self.plan.max_seconds))
        if not items:
            least = min(self._wanted, _part_of(self._wanted))
            why = f"not even the first {least} items were answered in {self.plan.max_seconds:g} s"
            return point_without(step, epoch, folder, self._wanted, time.monotonic() - started, why)
        if self._reference is not None:
            put_reference_beside(self._reference, folder, self.benchmark, _sample(items))
        score([folder], self.benchmark, scoring=self.plan.scoring)
        return point_of(
            folder,
            self.benchmark,
            step,
            epoch=epoch,
            items=items,
            wanted=self._wanted,
            seconds=time.monotonic() - started,
        )

    def _ask(self, model: Model, folder: Path, stop: Stop) -> int:
        """Ask nested samples, each an eighth larger; return the size of the largest that is answered whole."""
        whole = 0
        for items in _sizes(self._wanted):
            if self._generate(model, folder, items, stop).unasked:
                break
            whole = items
        else:
            return whole
        if whole:  # nothing is asked: what counts is written down
            self._generate(model, folder, whole, stop)
        return whole

    def _generate(self, model: Model, folder: Path, items: int, stop: Stop) -> Generated:
        plan = self.plan
        # That two clips are two inputs to the model is shown once a training.
        conditions = replace(plan.conditions, audio_check=plan.conditions.audio_check and not self._checked)
        found = generate(
            model,
            self.benchmark,
            folder,
            selection=_sample(items),
            asking=plan.asking,
            conditions=conditions,
            stop=stop,
        )
        self._checked = True
        return found


def read_points(folder: Path) -> list[TrainingPoint]:
    """Read the points of a training back, by step.

    Steps grow within one process. A line whose step does not is that of a training that was resumed, and what
    stood from that step on was thrown away with the weights.

    Raises:
        DataError: a line is broken; one that is torn at the end is left out.
    """
    path = folder / POINTS_FILE
    points: list[TrainingPoint] = []
    for number, line in enumerate(whole_lines(path), start=1):
        point = decode_row(f"{path}:{number}", line, _POINT)
        points = [*(one for one in points if one.step < point.step), point]
    return points


def read_curve(
    folder: Path,
    benchmark: Benchmark,
    model: str,
    threshold: float = THRESHOLD,
    margin: float = MARGIN,
    points: Sequence[TrainingPoint] | None = None,
) -> TrainingCurve:
    """Read the curve of a training back from its folder.

    Raises:
        DataError, UsageError, MismatchError: a point or a run directory cannot be read.
    """
    points = read_points(folder) if points is None else points
    # The point with the most items shows the reference on the most.
    widest = max((one for one in points if one.forgetting is not None), key=lambda one: one.items, default=None)
    reference = None if widest is None else reference_of(Path(widest.run), benchmark)
    return curve_of(points, model, reference, threshold=threshold, margin=margin)


def _sample(items: int) -> Selection:
    return Selection(sample=items)


def _part_of(wanted: int) -> int:
    return max(_SMALLEST_PART, -(-wanted // _PARTS))


def _sizes(wanted: int) -> Iterator[int]:
    part = _part_of(wanted)
    yield from range(part, wanted, part)
    yield wanted


def _leave_to(model: Model, folder: Path) -> None:
    """Clear away what other weights answered at this step: those of a training that went on from before it."""
    before = read_manifest(folder / RUN_FILE)
    if before is not None and before.get("model") != msgspec.to_builtins(settings_of(model)):
        shutil.rmtree(folder)
