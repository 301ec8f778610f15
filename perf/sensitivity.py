"""How long the task level and constraint sensitivity take, without a judge's calls, and the whole command.

Run from anywhere: ``python perf/sensitivity.py [--json FILE] [--runs 15]``. It measures the recorded responses if
they lie beside the project, and the shipped example otherwise (and says which).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import OFFICIAL, RECORDED, figure, machine_line, markdown_table, parser, write_json

from speech_ifeval.analysis.sensitivity import read_system, sensitivity_of
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.metrics.task_level import task_level
from speech_ifeval.models.recorded import locate

COMMAND = "from speech_ifeval.cli import main; main()"


def _median(call: Callable[[], Any], runs: int) -> float:
    call()  # warms caches
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    given = parser(__doc__)
    given.add_argument("--runs", type=int, default=15)
    options = given.parse_args()
    recorded = RECORDED.is_dir() and OFFICIAL.is_dir()
    run, folder = (RECORDED, OFFICIAL) if recorded else (locate("example:tuned"), Path("example"))
    benchmark = load_benchmark(folder if recorded else "example")
    system = read_system(run, benchmark)
    command = [sys.executable, "-c", COMMAND, "sensitivity", str(run), "--benchmark", str(folder), "--json"]
    seconds = {
        "read the responses and judgements": _median(lambda: read_system(run, benchmark), options.runs),
        "task level": _median(lambda: task_level(system.answers), options.runs),
        "sensitivity": _median(lambda: sensitivity_of(system, benchmark), options.runs),
        "sensitivity against a reference": _median(
            lambda: sensitivity_of(system, benchmark, reference=system), options.runs
        ),
        "the command, in a process of its own": _median(
            lambda: subprocess.run(command, check=True, capture_output=True), options.runs
        ),
    }
    print(machine_line())
    print(f"{2 * len(system.twins)} replies to twins ({'recorded' if recorded else 'the shipped example'})\n")
    print(markdown_table(["", "median, s"], [[name, figure(value)] for name, value in seconds.items()]))
    write_json(options.json, {"replies": 2 * len(system.twins), "seconds": seconds})


if __name__ == "__main__":
    main()
