"""How long scoring takes: the command as a user runs it, where it spends that, and a stream of a million rows.

Run from anywhere: ``python perf/scoring.py [--json FILE] [--runs 15]``. It scores the recorded responses if they
lie beside the project, and the shipped example otherwise (and says which). Wall time is what a user waits;
processor time counts the machine's other work less.
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from measuring import (
    OFFICIAL,
    RECORDED,
    figure,
    machine_line,
    markdown_table,
    parser,
    rows_of,
    write_json,
)

COMMAND = "from speech_ifeval.cli import main; main()"
STREAM_SIZES = (100_000, 1_000_000)

# What the command calls, in the order in which it is called, by module and function.
PARTS = {
    "read the benchmark": ("speech_ifeval.benchmarks", "load_benchmark"),
    "read the responses": ("speech_ifeval.pipeline.scoring", "read_responses"),
    "read the judge's replies": ("speech_ifeval.pipeline.scoring", "choose_judge"),
    "copy responses and replies": ("speech_ifeval.pipeline.scoring", "_import", "keep_judgements"),
    "decide, and write the verdicts": ("speech_ifeval.pipeline.scoring", "_decide"),
    "measure the task level": ("speech_ifeval.pipeline.scoring", "_task"),
    "compute the figures": ("speech_ifeval.pipeline.scoring", "summarise"),
    "write the summary": ("speech_ifeval.pipeline.scoring", "write_document"),
}


def _inputs() -> list[str]:
    if RECORDED.is_dir() and OFFICIAL.is_dir():
        return [str(RECORDED), "--benchmark", str(OFFICIAL)]
    return ["example:tuned"]


def _processes(arguments: list[str], runs: int) -> dict[str, float]:
    """Run a fresh interpreter several times, each into a folder of its own; return seconds."""
    walls, processor = [], []
    for _ in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            output = ["--output-dir", f"{folder}/run"] if arguments[0] == "score" else []
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", COMMAND, *arguments, *output], check=True, capture_output=True)
            walls.append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    # The first run warms the file cache.
    return {
        "best": min(walls[1:]),
        "median": statistics.median(walls[1:]),
        "processor_best": min(processor[1:]),
        "processor_median": statistics.median(processor[1:]),
    }


def _timed(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - start

    return run


def child_parts(arguments: list[str]) -> dict[str, float]:
    """In a fresh interpreter: run the command and return the processor time of its parts."""
    # What the interpreter and this script have loaded so far does not count.
    started = time.process_time()
    spent: dict[str, float] = {}
    from speech_ifeval.cli.application import app

    spent["import the command line"] = time.process_time() - started
    before = time.process_time()
    for module, *_ in PARTS.values():
        importlib.import_module(module)
    from speech_ifeval.constraints import find_definition

    find_definition("startend:quotation", "official")  # loads the verifiers
    spent["import the rest"] = time.process_time() - before
    for part, (module, *names) in PARTS.items():
        for name in names:
            setattr(sys.modules[module], name, _timed(getattr(sys.modules[module], name), part, spent))
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["speech-ifeval", *arguments, "--output-dir", f"{folder}/run"]
        app(standalone_mode=False)
    spent["all"] = time.process_time() - started
    spent["everything else"] = 2 * spent["all"] - sum(spent.values())
    return spent


def _rows() -> list[dict[str, Any]]:
    if _inputs()[0] != "example:tuned":
        names = ("closed_ended_questions.jsonl", "creative_writing.jsonl")
        return [row for name in names for row in rows_of(RECORDED / name)]
    import speech_ifeval as sif
    from speech_ifeval.models.recorded import locate

    example = sif.load_benchmark("example")
    return [
        {
            "response": row["response"],
            "instruction_id_list": [constraint.id for constraint in example.item(row["id"]).constraints],
            "kwargs": [constraint.kwargs for constraint in example.item(row["id"]).constraints],
        }
        for row in rows_of(locate("example:tuned") / "responses.jsonl")
        if not row["id"].startswith("chain-of-thought")
    ]


def child_stream(size: int) -> dict[str, float]:
    """In a fresh interpreter: score a stream of so many rows; return rows per second and memory."""
    import speech_ifeval as sif

    recorded = [json.dumps(row) for row in _rows()]

    def rows() -> Iterator[dict[str, Any]]:
        # Every row is a new object, as a file's or a data set's rows are.
        yield from map(json.loads, islice(cycle(recorded), size))

    start = time.process_time()
    for _ in rows():
        pass
    reading = time.process_time() - start
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    followed = sum(verdict is True for verdicts in sif.score_stream(rows()) for verdict in verdicts)
    taken = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": size,
        "rows_per_second": size / (taken - reading),
        "rows_per_second_with_json": size / taken,
        "peak_mib": peak / 1024,
        "peak_before_mib": before / 1024,
        "followed": followed,
    }


def _child(*arguments: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).resolve()), *arguments], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(runs: int) -> dict[str, Any]:
    """Measure everything, turn by turn, so that a slow minute of the machine meets all alike."""
    score = _processes(["score", *_inputs(), "--json"], runs)
    help_ = _processes(["--help"], runs)
    bare = _processes(["--version"], runs)
    parts = [_child("--child", "parts") for _ in range(max(3, runs // 3))]
    return {
        "inputs": "recorded DeSTA2 responses" if _inputs()[0] != "example:tuned" else "the shipped example",
        "command": {"score": score, "--help": help_, "--version": bare},
        "parts": {name: min(found[name] for found in parts) for name in parts[0]},
        "stream": [_child("--child", "stream", "--size", str(size)) for size in STREAM_SIZES],
    }


def report(figures: dict[str, Any]) -> str:
    """Format the tables."""
    commands = [
        [f"`speech-ifeval {name}`"]
        + [f"{found[column]:.2f}" for column in ("best", "median", "processor_best", "processor_median")]
        for name, found in figures["command"].items()
    ]
    parts = figures["parts"]
    rest = sorted((name for name in parts if name != "all"), key=lambda name: -parts[name])
    shares = [[name, f"{1000 * parts[name]:.0f}", f"{100 * parts[name] / parts['all']:.0f}"] for name in rest]
    shares.append(["all", f"{1000 * parts['all']:.0f}", "100"])
    streams = [
        [
            f"{found['rows']:,}",
            figure(found["rows_per_second"]),
            figure(found["rows_per_second_with_json"]),
            f"{found['peak_before_mib']:.0f}",
            f"{found['peak_mib']:.0f}",
        ]
        for found in figures["stream"]
    ]
    head = ("seconds", "wall, best", "wall, median", "processor, best", "processor, median")
    return "\n\n".join(
        [
            f"## Commands, each a fresh process ({figures['inputs']})",
            markdown_table(head, commands),
            "## Where `speech-ifeval score` spends it",
            markdown_table(("part", "processor ms", "%"), shares),
            "## `score_stream`",
            markdown_table(
                ("rows", "rows/s", "rows/s with decoding JSON", "MiB before", "peak MiB"), streams, text_columns=0
            ),
        ]
    )


def main() -> int:
    """Measure, print, write; or, called by itself, measure one thing in this process."""
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=15, help="how often each command is run")
    options.add_argument("--child", choices=("parts", "stream"), help="for its own use")
    options.add_argument("--size", type=int, default=STREAM_SIZES[0], help="for its own use")
    chosen = options.parse_args()
    if chosen.child is not None:
        made = (
            child_parts(["score", *_inputs(), "--json"]) if chosen.child == "parts" else child_stream(chosen.size)
        )
        print(f"\n{json.dumps(made)}")
        return 0
    figures = measure(chosen.runs)
    print(f"{machine_line()}\n\n{report(figures)}")
    write_json(chosen.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
