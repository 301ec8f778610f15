"""What Ray costs: a cluster started here, an actor, and responses through it.

Run from anywhere: ``python perf/ray_engine.py [--json FILE] [--requests 2000]``. The model answers at once, so
that what is measured is everything around it; wall time, since most of it is other processes'. A real model takes
seconds a batch.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import figure, machine_line, markdown_table, parser, write_json

from speech_ifeval.models import Model, Request
from speech_ifeval.models.ray_engine.cluster import RayCluster, Room, connect
from speech_ifeval.models.ray_engine.pool import RayPool

BATCHES = (1, 16, 64)
ECHO = "def answer(requests):\n    return [request.instruction for request in requests]\n"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that something takes, and what it returns."""
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def rate(model: Model, requests: list[Request]) -> float:
    """Return the responses a second of a model."""
    list(model.answer(iter(requests[:64])))
    seconds, found = timed(lambda: list(model.answer(iter(requests))))
    assert len(found) == len(requests)
    return len(requests) / seconds


def main() -> None:
    """Print the table, and write the figures where asked."""
    options = parser(__doc__)
    options.add_argument("--requests", type=int, default=2000)
    given = options.parse_args()
    requests = [Request(f"item/{number}", f"Say {number}. " + "word " * 40) for number in range(given.requests)]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "echo.py"
        script.write_text(ECHO)
        spec = f"py:{script}:answer"
        cluster_s, ray = timed(lambda: connect(RayCluster("local")))
        figures: dict[str, Any] = {"cluster_s": cluster_s, "ray": ray.__version__, "batches": {}}
        hosted = {"spec": spec, "arguments": {"hears": False}, "benchmark": None}
        for size in BATCHES:
            actor_s, pool = timed(lambda size=size: RayPool(ray, Room(1, 1, 0), hosted, size))
            with pool:
                figures["batches"][size] = {"actor_s": actor_s, "responses_per_s": rate(pool, requests)}
        ray.shutdown()
    rows = []
    for size, found in figures["batches"].items():
        per_s = found["responses_per_s"]
        rows.append([size, figure(found["actor_s"]), figure(1000 * size / per_s), figure(per_s)])
    print(f"Ray {figures['ray']}; a cluster of this machine starts in {figure(cluster_s)} s. {machine_line()}\n")
    print(markdown_table(["batch", "start of an actor, s", "a batch, ms", "responses/s"], rows))
    write_json(given.json, figures)


if __name__ == "__main__":
    main()
