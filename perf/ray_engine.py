"""What Ray costs: a cluster started here, a pool of actors, and responses through it.

Run from anywhere: ``python perf/ray_engine.py [--json FILE] [--requests 6400]``. The model answers at once, so
that what is measured is everything around it, or sleeps for as long as a batch might take; wall time, since most
of it is other processes'.
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
ACTORS = (1, 2, 8)  # more than the cores: they have nothing to compute
SLEEPS = (0.0, 0.1, 0.5, 2.0)  # seconds a batch
WORK_S = 20.0
SCRIPT = """import time

def answer(requests):
    time.sleep({seconds})
    return [request.instruction for request in requests]
"""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that something takes, and what it returns."""
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def rate(model: Model, requests: list[Request]) -> float:
    """Return the responses a second of a model, once all its actors have loaded it."""
    list(model.answer(iter(requests[: len(requests) // 4])))
    seconds, found = timed(lambda: list(model.answer(iter(requests))))
    assert len(found) == len(requests)
    return len(requests) / seconds


def _hosted(folder: Path, seconds: float) -> dict[str, Any]:
    script = folder / f"sleeps_{seconds}.py"
    script.write_text(SCRIPT.format(seconds=seconds))
    return {"spec": f"py:{script}:answer", "arguments": {"hears": False}, "benchmark": None}


def main() -> None:
    """Print the table, and write the figures where asked."""
    options = parser(__doc__)
    options.add_argument("--requests", type=int, default=6400)
    given = options.parse_args()
    requests = [Request(f"item/{number}", f"Say {number}. " + "word " * 40) for number in range(given.requests)]
    figures: dict[str, Any] = {"batches": {}, "actors": {}, "at_work": {}}
    with tempfile.TemporaryDirectory() as folder:
        hosted = {seconds: _hosted(Path(folder), seconds) for seconds in SLEEPS}
        cluster_s, ray = timed(lambda: connect(RayCluster("local")))
        figures |= {"cluster_s": cluster_s, "ray": ray.__version__}
        for size in BATCHES:
            pool_s, pool = timed(lambda size=size: RayPool(ray, Room(1, 1, 0), hosted[0.0], size))
            with pool:
                per_s = rate(pool, requests[: 100 * size])
                figures["batches"][size] = {"pool_s": pool_s, "responses_per_s": per_s}
        for actors in ACTORS:
            with RayPool(ray, Room(actors, 0.1, 0), hosted[0.0], 1) as pool:
                figures["actors"][actors] = {"batches_per_s": rate(pool, requests[: 200 * actors])}
        for seconds in SLEEPS[1:]:
            with RayPool(ray, Room(2, 0.1, 0), hosted[seconds], 1) as pool:
                count = int(2 * WORK_S / seconds)
                figures["at_work"][seconds] = rate(pool, requests[:count]) * seconds / 2
        ray.shutdown()
    rows = []
    for size, found in figures["batches"].items():
        per_s = found["responses_per_s"]
        rows.append([size, figure(found["pool_s"]), figure(1000 * size / per_s), figure(per_s)])
    more = [[actors, figure(found["batches_per_s"])] for actors, found in figures["actors"].items()]
    print(f"Ray {figures['ray']}; a cluster of this machine starts in {figure(cluster_s)} s. {machine_line()}\n")
    print(markdown_table(["batch", "start of a pool, s", "a batch, ms", "responses/s"], rows))
    print()
    print(markdown_table(["actors", "batches/s"], more))
    print()
    shares = [[seconds, figure(100 * share)] for seconds, share in figures["at_work"].items()]
    print(markdown_table(["a batch takes, s", "actors at work, % of the time"], shares))
    write_json(given.json, figures)


if __name__ == "__main__":
    main()
