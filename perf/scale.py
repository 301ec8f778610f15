"""Print what a million responses, a hundred checkpoints and a thousand shards cost beside the models.

    python perf/scale.py [--json FILE] [--sizes 10000 100000 1000000] [--most 60] [--runs 10 25 50 100]
    python perf/scale.py --show FILE

Every step runs in a process of its own, so that its memory is its own: one run directory of so many responses is
written, gone on with, merged, scored and reported, and so many runs of the bundled benchmark are ranked. A step is
left out where it would take more than `--most` seconds of processor time, going by what the size before took.
The operations on a run directory are counted by strace; without it that table is left out. `--show` prints the
tables of figures that were written before. Only this machine's disk is measured; network file systems are not.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import scale_steps
from measuring import figure, machine, machine_line, markdown_table, parser, write_json

Figures = dict[str, Any]
STEPS: dict[str, tuple[str, ...]] = {
    "write the lines alone": ("write",),
    "read the benchmark": ("benchmark",),
    "run, a model that answers at once": ("run",),
    "read the responses back": ("read",),
    "the same command again": ("again",),
    "merge 8 shards": ("merge", "8"),
    "merge 1,000 shards": ("merge", "1000"),
    "score, heuristic judge and task level": ("score", "heuristic"),
    "score by rules, no judge": ("score", "none"),
    "all rates and intervals": ("summarise",),
    "read back and make the page": ("page",),
}
MANY = {
    "answer and score the runs": "score_many",
    "leaderboard": "board",
    "a reference taken over": "reference",
    "one look of watch": "look",
}
SHARDS = (10, 100, 1000)
# The operations that a file system's server sees, by the system calls that ask for them.
OPERATIONS = {
    "looked up": ("stat", "newfstatat", "lstat", "access", "faccessat2", "readlink", "statx"),
    "opened": ("openat", "open"),
    "listed": ("getdents64",),
    "made, renamed, deleted": ("mkdir", "rename", "unlink", "unlinkat", "rmdir", "ftruncate", "renameat"),
    "locked": ("flock",),
    "written": ("write",),
}
_CALL = re.compile(r"^(?:\d+\s+)?(\w+)\(")
_LEAST_REPEATED = 10_000  # up to this size a step is measured three times, and the best counts


def child(folder: Path, step: str, size: int, *more: str, trace: Path | None = None) -> Figures:
    """Run one step in a process of its own."""
    command = [sys.executable, __file__, "--child", step, "--size", str(size), "--folder", str(folder), *more]
    if trace is not None:
        wanted = "trace=%file,getdents64,flock,write,ftruncate"
        command = ["strace", "-f", "-qq", "-y", "-e", wanted, "-o", str(trace), *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{step} at {size:,} failed:\n{done.stderr}")
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_steps(sizes: list[int], most: float, folder: Path) -> list[Figures]:
    """Measure one run directory of each size."""
    found: list[Figures] = []
    slow: dict[str, float] = {}
    for size in sizes:
        place = folder / str(size)
        place.mkdir()
        for name, (step, *more) in STEPS.items():
            if slow.get(name, 0.0) * size > most:
                continue
            arguments = ["--argument", *more] if more else []
            taken = [child(place, step, size, *arguments) for _ in range(3 if size <= _LEAST_REPEATED else 1)]
            best = min(taken, key=lambda one: float(one["processor_seconds"]))
            slow[name] = best["processor_seconds"] / size
            found.append({"step": name, "size": size, **best})
            print(f"{name}, {size:,}: {best['processor_seconds']:.2f} s", file=sys.stderr)
        shutil.rmtree(place)
    return found


def measure_many(runs: list[int], folder: Path) -> list[Figures]:
    """Measure what grows with the number of runs."""
    found = []
    for name, step in MANY.items():
        counts = [max(runs)] if step == "score_many" else runs
        found += [{"step": name, **child(folder, step, count)} for count in counts]
    return found


def measure_operations(folder: Path) -> list[Figures]:
    """Count the operations on a run directory: of a whole run, and of one shard beside its neighbours."""
    if shutil.which("strace") is None:
        return []
    trace = folder / "trace"
    child(folder, "whole_run", 0, trace=trace)
    made = [*(folder / "one" / "run").rglob("*")]
    sizes = [path.stat().st_size for path in made if path.is_file()]
    found = [
        {
            "what": "a run of 430 items with its reference, scored and reported",
            "files": len(sizes),
            "folders": len(made) - len(sizes) + 1,
            "bytes": sum(sizes),
            **counted(trace, folder / "one"),
        }
    ]
    for count in SHARDS:
        child(folder, "neighbours", count)
        child(folder, "one_shard", count, trace=trace)
        place = folder / f"shards-{count}" / "run" / "shards" / f"{count}-of-{count}"
        sizes = [path.stat().st_size for path in place.iterdir()]
        row = {"files": len(sizes), "folders": 1, "bytes": sum(sizes), **counted(trace, place.parents[2])}
        found.append({"what": f"one of {count:,} shards of 3,000 items, answered", **row})
    return found


def counted(trace: Path, folder: Path) -> dict[str, int]:
    """Count the system calls of a trace that name a path in a folder, by what they do."""
    calls = Counter(
        match[1]
        for line in trace.read_text(encoding="utf-8", errors="replace").splitlines()
        if str(folder) in line and (match := _CALL.match(line))
    )
    return {name: sum(calls[call] for call in named) for name, named in OPERATIONS.items()}


def _of(figures: Figures, step: str) -> dict[int, Figures]:
    return {row["size"]: row for row in figures["steps"] if row["step"] == step}


def _shown(rows: dict[int, Figures], sizes: list[int], key: str) -> list[str]:
    return [figure(rows[size][key]) if size in rows else "–" for size in sizes]


def tables(figures: Figures) -> dict[str, str]:
    """Format the figures as Markdown tables, by what they are about."""
    sizes = sorted({row["size"] for row in figures["steps"]})
    first, second = sizes[:2]
    times, memory = [], []
    for step in STEPS:
        rows = _of(figures, step)
        last = rows[max(rows)]
        ratio = rows[second]["processor_seconds"] / rows[first]["processor_seconds"] if second in rows else None
        rate = figure(last["size"] / last["processor_seconds"])
        shown = "–" if ratio is None else figure(ratio)
        times.append([step, *_shown(rows, sizes, "processor_seconds"), shown, rate])
        memory.append([step, *_shown(rows, sizes, "peak_mib"), figure(last["peak_mib"] * 1024 / last["size"])])
    named = [f"{size:,}" for size in sizes]
    bytes_of = [
        ("responses.jsonl", "run, a model that answers at once"),
        ("verdicts and summaries, no judge", "score by rules, no judge"),
        ("verdicts, judgements and summaries, heuristic judge", "score, heuristic judge and task level"),
        ("the page", "read back and make the page"),
        ("items.jsonl of the benchmark", "read the benchmark"),
    ]
    disk = []
    for name, step in bytes_of:
        rows = _of(figures, step)
        each = rows[max(rows)]["bytes"] / max(rows)
        disk.append([name, figure(each), figure(each / 1000)])
    many = [
        [
            row["step"],
            row["runs"],
            figure(row["processor_seconds"]),
            figure(row["processor_seconds"] / row["runs"]),
        ]
        for row in figures["many"]
    ]
    operations = [
        [row["what"], *(figure(row[key]) for key in ("files", "folders", "bytes", *OPERATIONS))]
        for row in figures["operations"]
    ]
    return {
        "time": markdown_table(
            ["processor seconds", *named, f"{named[1]} : {named[0]}", "rows/s at the largest"], times
        ),
        "memory": markdown_table(["peak MiB", *named, "KiB a row at the largest"], memory),
        "disk": markdown_table(["file", "bytes a row", "GB a million"], disk),
        "many": markdown_table(["what", "runs", "processor seconds", "a run"], many),
        "operations": markdown_table(["what", "files", "folders", "bytes", *OPERATIONS], operations),
    }


def markdown(figures: Figures) -> str:
    """Return all tables."""
    return "\n\n".join(tables(figures).values())


def main() -> None:
    """Measure, print, write; or, called by itself, take one step in this process."""
    options = parser(__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--most", type=float, default=60.0, help="seconds that a step may be expected to take")
    options.add_argument("--runs", type=int, nargs="+", default=[10, 25, 50, 100])
    options.add_argument("--show", type=Path, metavar="FILE", help="print the tables of figures written before")
    for name in ("--child", "--folder"):
        options.add_argument(name, help="for its own use")
    options.add_argument("--size", type=int, help="for its own use")
    options.add_argument("--argument", nargs="*", default=[], help="for its own use")
    chosen = options.parse_args()
    if chosen.child is not None:
        arguments = [int(one) if one.isdigit() else one for one in chosen.argument]
        print(f"\n{json.dumps(getattr(scale_steps, chosen.child)(chosen.size, Path(chosen.folder), *arguments))}")
        return
    if chosen.show is not None:
        print(markdown(json.loads(chosen.show.read_text(encoding="utf-8"))))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found: Figures = {
            "machine": machine(),
            "operations": measure_operations(folder),
            "many": measure_many(chosen.runs, folder),
            "steps": measure_steps(chosen.sizes, chosen.most, folder),
        }
    print(f"{machine_line()}\n\n{markdown(found)}")
    write_json(chosen.json, found)


if __name__ == "__main__":
    main()
