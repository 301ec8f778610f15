"""Points of a training in bounded time, by models that hear tones: what counts, what is kept, what is refused."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.experiments import monitoring
from speech_ifeval.experiments.monitoring import POINTS_FILE, Monitor, Plan, read_curve, read_points
from speech_ifeval.job import evaluate
from speech_ifeval.models import Generation
from speech_ifeval.models.functions import FunctionModel
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.scoring import Scoring
from tests.experiments import listening
from tests.experiments.listening import answered, isolated
from tests.experiments.tones import write_tones
from tests.spoken import write_spoken

SAMPLE = 60
FIRST_PART = 24
REQUESTS_OF_FIRST_PART = 32  # a third of the items has a twin


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return write_tones(tmp_path_factory.mktemp("monitoring") / "tones", clips=24, names=6, thinking=24)


def forgets(requests: Sequence[Any]) -> list[str]:
    """Does the task, and follows no demand."""
    return [answered(request) for request in requests]


def model(function: Callable[..., Any], weights: int = 0) -> FunctionModel:
    return FunctionModel(function, name="tuned", settings={"weights": weights})


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def slow_after(count: int, clock: Clock) -> Callable[[Sequence[Any]], list[str]]:
    """Answers so many requests in no time, and takes a minute for each list of them from then on."""
    seen = 0

    def answer(requests: Sequence[Any]) -> list[str]:
        nonlocal seen
        seen += len(requests)
        if seen > count:
            clock.now += 60
        return isolated(requests)

    return answer


def plan(benchmark: Benchmark, **more: Any) -> Plan:
    reads = FunctionModel(isolated, name="reads", hears=False, settings={"who": "reference"})
    return Plan(benchmark=benchmark, **{"sample": SAMPLE, "reference": reads, **more})


def monitor(benchmark: Benchmark, folder: Path, said: list[str] | None = None, **more: Any) -> Monitor:
    made = Monitor(plan(benchmark, **more), folder, (said if said is not None else []).append)
    made.begin()
    return made


def test_a_point_is_what_a_run_of_the_same_sample_finds(tones: Benchmark, tmp_path: Path) -> None:
    said: list[str] = []
    watched = monitor(tones, tmp_path / "points", said)
    first, second = watched.point(model(isolated), 0), watched.point(model(forgets, 1), 10, epoch=0.5)
    run = evaluate(
        model(forgets, 1),
        reference=watched.plan.reference,  # type: ignore[arg-type]
        benchmark=tones,
        output_dir=tmp_path / "run",
        selection=Selection(sample=SAMPLE),
        asking=watched.plan.asking,
        scoring=Scoring(judge="heuristic"),
    )
    assert (second.ifrate, second.forgetting, second.points) == (run.ifrate, run.forgetting, run.points)
    assert second.signature == run.summary.signature
    assert (second.step, second.epoch, second.items, second.wanted) == (10, 0.5, SAMPLE, SAMPLE)
    assert first.ifrate.value == 100
    assert (first.task.value, second.task.value) == (100, 100)
    assert watched.is_warned()
    assert [one.startswith("step 10: instruction following is being forgotten") for one in said[1:]] == [True]
    curve = watched.curve("tuned")
    assert (curve.warned, curve.best) == ([10], 0)
    assert curve.reference is not None
    assert curve.reference.ifrate.value == 100
    assert curve == read_curve(tmp_path / "points", tones, "tuned")


def test_where_time_runs_out_the_largest_whole_nested_sample_counts(
    tones: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, said = Clock(), list[str]()
    monkeypatch.setattr(monitoring, "time", clock)
    watched = monitor(tones, tmp_path / "points", said, max_seconds=59.0)
    found = watched.point(model(slow_after(REQUESTS_OF_FIRST_PART + 8, clock)), 5)
    assert found.seconds == 60  # the batch that was begun is waited for, and no other is begun
    assert (found.items, found.wanted, found.is_cut) == (FIRST_PART, SAMPLE, True)
    run = evaluate(
        model(isolated, 2),
        reference=watched.plan.reference,  # type: ignore[arg-type]
        benchmark=tones,
        output_dir=tmp_path / "run",
        selection=Selection(sample=FIRST_PART),
        asking=watched.plan.asking,
        scoring=Scoring(judge="heuristic"),
    )
    assert (found.ifrate, found.forgetting, found.signature) == (run.ifrate, run.forgetting, run.summary.signature)
    assert "59 s were over: the first 24 of 60 items of the sample count" in said[-1]


def test_time_for_nothing_is_a_point_without_figures(tones: Benchmark, tmp_path: Path) -> None:
    said: list[str] = []
    watched = monitor(tones, tmp_path / "points", said, max_seconds=1e-6)
    found = watched.point(model(isolated), 5)
    assert (found.items, found.ifrate.value, found.forgetting) == (0, None, None)
    assert found.ifrate.why == "not even the first 24 items were answered in 1e-06 s"
    assert not watched.is_warned()
    assert read_points(tmp_path / "points") == [found]
    assert watched.curve("tuned").best is None


def test_a_killed_training_keeps_its_points_and_a_resumed_one_goes_on(tones: Benchmark, tmp_path: Path) -> None:
    folder = tmp_path / "points"
    watched = monitor(tones, folder)
    for step in (0, 10, 20):
        watched.point(model(isolated, step), step)
    with (folder / POINTS_FILE).open("ab") as file:
        file.write(b'{"step": 30, "epo')  # killed while it wrote
    assert [one.step for one in read_points(folder)] == [0, 10, 20]
    again = Monitor(plan(tones), folder)
    again.begin(step=10)  # from the checkpoint at 10
    assert [one.step for one in again.points] == [0, 10]
    found = again.point(model(forgets, 99), 20)  # other weights than at the first time
    assert [one.step for one in read_points(folder)] == [0, 10, 20]
    assert read_points(folder)[-1] == found
    assert found.ifrate.value is not None
    assert found.ifrate.value < 50


def test_a_folder_of_another_plan_is_refused(tones: Benchmark, tmp_path: Path) -> None:
    monitor(tones, tmp_path / "points", sample=48)  # without a point it is nobody's
    monitor(tones, tmp_path / "points").point(model(isolated), 0)
    other = Monitor(dataclasses.replace(plan(tones), sample=30), tmp_path / "points")
    with pytest.raises(MismatchError, match="sample: 60 there, 30 now"):
        other.begin()


def test_a_reference_is_asked_once_and_not_opened_again(tones: Benchmark, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    shutil.copy(listening.__file__, own)
    spec = f"py:{own}:isolated"
    monitor(tones, tmp_path / "points", reference=spec, reference_args={"hears": False})
    own.unlink()
    watched = monitor(tones, tmp_path / "points", reference=spec, reference_args={"hears": False})
    found = watched.point(model(isolated), 0)
    assert found.forgetting is not None
    assert found.forgetting.value == 0


@pytest.fixture
def reference(tones: Benchmark, tmp_path: Path) -> Path:
    """A run directory of the reference on a smaller sample."""
    folder = tmp_path / "reference"
    reads = FunctionModel(isolated, name="reads", hears=False, settings={"who": "reference"})
    asking = Asking(input="transcript", generation=Generation(max_new_tokens=512))
    evaluate(reads, benchmark=tones, output_dir=folder, selection=Selection(sample=30), asking=asking)
    return folder


def test_a_run_directory_is_a_reference(tones: Benchmark, reference: Path, tmp_path: Path) -> None:
    watched = Monitor(Plan(benchmark=tones, sample=30, reference=reference), tmp_path / "points")
    watched.begin()
    found = watched.point(model(forgets), 0)
    assert found.forgetting is not None
    assert found.forgetting.value is not None
    assert found.forgetting.value < -50


def test_a_reference_that_does_not_belong_is_refused(tones: Benchmark, reference: Path, tmp_path: Path) -> None:
    def refused(**more: Any) -> str:
        with pytest.raises((MismatchError, UsageError)) as caught:
            monitor(more.pop("benchmark", tones), tmp_path / "points", **{"reference": reference, **more})
        shutil.rmtree(tmp_path / "points", ignore_errors=True)
        return str(caught.value)

    assert "has no answer to" in refused()  # 30 items there, 60 here
    other = write_spoken(tmp_path / "spoken")
    assert f"answers another benchmark: tones-{tones.short_fingerprint} there, tones-" in refused(benchmark=other)
    longer = Asking(generation=Generation(max_new_tokens=99))
    assert "was asked otherwise (generation:" in refused(asking=longer)
    assert "found a folder without it" in refused(reference=tmp_path)
    assert "no run directory at" in refused(reference=tmp_path / "nowhere")


@pytest.mark.parametrize(("more", "said"), [({"max_seconds": 0}, "max_seconds"), ({"margin": -1}, "margin")])
def test_numbers_out_of_range_are_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Plan(**more)
