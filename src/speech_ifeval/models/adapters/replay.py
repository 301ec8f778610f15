"""``replay:PATH``: recorded responses as a model."""

from __future__ import annotations

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import UsageError
from speech_ifeval.models.interface import Model
from speech_ifeval.models.recorded import locate, read_responses
from speech_ifeval.models.registry import adapter
from speech_ifeval.models.replaying import ReplayModel


@adapter("replay", target="PATH")
def open_replay(target: str, *, benchmark: Benchmark | None = None) -> Model:
    """Recorded responses, in any form that `speech-ifeval score` takes; recorded judge replies come along.

    Args:
        target: a folder in the release's layout, a run directory, a file of JSON lines, or ``example:tuned``;
            several, parts of one run, are separated by commas.
        benchmark: what the responses answer.

    Raises:
        UsageError: there is nothing at the path.
        DataError, MismatchError: the responses are broken, or answer another benchmark.
    """
    if benchmark is None:
        raise UsageError(f"replay:{target} needs the benchmark that the responses answer: give benchmark=")
    return ReplayModel(read_responses([locate(part) for part in target.split(",") if part], benchmark))
