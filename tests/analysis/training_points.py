"""Points of trainings that never were, by Δ and task level."""

from __future__ import annotations

from speech_ifeval.results import Estimate, TrainingPoint

SIGNATURE = "benchmark:b-1|judge:heuristic-1|subset:sample-{0}|items:{0}|unscored:0"


def estimate(value: float | None, width: float = 5.0) -> Estimate:
    if value is None:
        return Estimate(None, None, None, 0, 0, "nothing")
    return Estimate(value, value - width, value + width, 60, 0)


def point(
    step: int, delta: float | None, task: float | None, *, width: float = 5.0, items: int = 60
) -> TrainingPoint:
    rate = estimate(None if delta is None else 90 * (1 + delta / 100))
    own = SIGNATURE.format(items)
    return TrainingPoint(
        step, None, None, f"step-{step}", items, 60, 1.0, rate, estimate(delta, width), None, estimate(task), own
    )


def points_of(rows: list[tuple[float | None, float | None]]) -> list[TrainingPoint]:
    return [point(10 * number, delta, task) for number, (delta, task) in enumerate(rows)]
