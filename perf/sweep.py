"""Print what a sweep of nine scales costs in one process, against nine runs of their own; run from the root.

    python perf/sweep.py [--sample 48] [--json FILE]

The model is lab:corpus-style, the benchmark bundled. Each way starts in an empty folder; every process is one that
a user would start. A run of its own loads both models; the reference answers once either way.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import figure, machine_line, markdown_table, parser, write_json

SCALES = [number / 8 for number in range(9)]


def command(*words: str | Path) -> float:
    """Run the command line in a process of its own; returns seconds on the clock."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "speech_ifeval", *map(str, words)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--sample", type=int, default=48, help="items asked (default: 48)")
    chosen = arguments.parse_args()
    sample = ["--sample", str(chosen.sample)]
    with tempfile.TemporaryDirectory() as scratch:
        swept = Path(scratch) / "sweep"
        asked: list[str | Path] = ["sweep", "--lora-scale", "0:1:0.125", *sample, "--output-dir", swept]
        together, again = command(*asked), command(*asked)
        apart = [
            command(
                "run", "--model-args", f"lora_scale={scale}", *sample, "--output-dir", Path(scratch) / f"{scale}"
            )
            for scale in SCALES
        ]
    rows = [
        ("sweep", 1, figure(together), figure(together / sum(apart))),
        ("the same again, where all is answered", 1, figure(again), figure(again / sum(apart))),
        ("run, nine times", 9, figure(sum(apart)), "1"),
    ]
    print(machine_line())
    print(markdown_table(["way", "processes", "seconds", "of nine runs"], rows))
    write_json(chosen.json, {"sample": chosen.sample, "sweep": together, "again": again, "runs": apart})


if __name__ == "__main__":
    main()
