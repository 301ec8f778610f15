"""The steps that `perf/scale.py` measures, each in a process of its own: made-up items, replies and runs.

Items are those of the bundled benchmark over and over, with other ids and clips, so that categories, constraints
and twins have their real shares. Replies are made up: a tenth each has one of ten lengths whose mean is that of
the 2,466 recorded replies of DeSTA2, what they look like goes by turns, and short ones are often the same.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.benchmarks.sharding import Shard, deal
from speech_ifeval.models import Model, Request, Response
from speech_ifeval.models.recorded import RESPONSES_FILE, RUN_FILE, SHARDS_FOLDER
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions, generate, read_latest
from speech_ifeval.records import Item
from speech_ifeval.runs import appender, read_manifest, write_document, write_lines

# Deciles of the recorded replies' lengths, and a last one that makes the mean theirs, 287 characters.
LENGTHS = (14, 27, 50, 83, 116, 197, 325, 502, 769, 787)
READING = Asking(input="transcript")
_PROSE = "The speaker says that boat {} is late, because of the wind. "
_SHAPES: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.lower,
    lambda text: json.dumps({"answer": text}),
    lambda text: f'"{text}"',
    lambda text: "* " + text.replace(". ", ".\n* "),
)


def reply(number: int) -> str:
    """Make up a reply; the same number gives the same."""
    length = LENGTHS[number * 7 % len(LENGTHS)]
    text = (_PROSE.format(number) * (1 + length // len(_PROSE)))[:length]
    return _SHAPES[number % len(_SHAPES)](text)


def made_benchmark(size: int, name: str = "made-up") -> Benchmark:
    """Return a benchmark of so many items, a question and its twin being two."""
    items = tuple(islice(_copies(load_benchmark("bundled")), size))
    return Benchmark(name, items, fingerprint_of(items), Path("made-up"))


def _copies(benchmark: Benchmark) -> Iterator[Item]:
    together = sorted(benchmark, key=lambda item: item.id.rpartition("/")[2])  # twins stay beside each other
    copy = 0
    while True:
        for item in together:
            twin = None if item.twin is None else f"{item.twin}-{copy}"
            yield replace(item, id=f"{item.id}-{copy}", clip=f"{copy}/{item.clip}", twin=twin)
        copy += 1


class Canned(Model):
    """Replies at once, as made up; another `seed` gives other replies."""

    name = "canned"

    def __init__(self, seed: int = 0, name: str = "canned") -> None:
        self.name = name
        self.settings = {"seed": seed}
        self._random = random.Random(seed)

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for number, request in enumerate(requests):
            text = reply(number + self._random.randrange(2) if self.settings["seed"] else number)
            yield Response(request.id, text, "stop", input_tokens=300, output_tokens=len(text) // 4, seconds=0.1)


class Measured:
    """Time and memory of one step; what is made before it counts as `before`."""

    def __init__(self) -> None:
        self._before = _peak()
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def taken(self, **more: Any) -> dict[str, Any]:
        """Return what was measured since, in seconds and MiB."""
        return {
            "seconds": time.perf_counter() - self._wall,
            "processor_seconds": time.process_time() - self._processor,
            "before_mib": self._before,
            "peak_mib": _peak(),
            **more,
        }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(size: int, folder: Path) -> dict[str, Any]:
    """One writer, one flushed line a response, and nothing else."""
    made = Response("", "", "stop", input_tokens=300, output_tokens=70, seconds=0.1, fingerprint="0" * 24)
    (folder / "written.jsonl").unlink(missing_ok=True)
    measured = Measured()
    with appender(folder / "written.jsonl") as out:
        for number in range(size):
            out.write(replace(made, id=f"closed-ended/{number:07d}", text=reply(number)))
    return measured.taken(bytes=(folder / "written.jsonl").stat().st_size)


def run(size: int, folder: Path) -> dict[str, Any]:
    """The stage that generates, with a model that answers at once."""
    benchmark = made_benchmark(size)
    shutil.rmtree(folder / "run", ignore_errors=True)
    measured = Measured()
    generate(Canned(), benchmark, folder / "run", asking=READING)
    return measured.taken(bytes=(folder / "run" / RESPONSES_FILE).stat().st_size)


def again(size: int, folder: Path) -> dict[str, Any]:
    """The same command where all is answered."""
    benchmark = made_benchmark(size)
    measured = Measured()
    generate(Canned(), benchmark, folder / "run", asking=READING)
    return measured.taken()


def read(size: int, folder: Path) -> dict[str, Any]:
    """Read the responses back, which resuming begins with."""
    measured = Measured()
    assert len(read_latest(folder / "run" / RESPONSES_FILE)) == size
    return measured.taken()


def benchmark(size: int, folder: Path) -> dict[str, Any]:
    """Read the benchmark from its folder."""
    items = made_benchmark(size).items
    write_lines(folder / "benchmark" / "items.jsonl", items)
    write_document(
        folder / "benchmark" / "benchmark.json", {"name": "made-up", "schema_version": 1, "description": "made up"}
    )
    del items
    measured = Measured()
    assert len(load_benchmark(folder / "benchmark")) == size
    return measured.taken(bytes=(folder / "benchmark" / "items.jsonl").stat().st_size)


def merge(size: int, folder: Path, shards: int) -> dict[str, Any]:
    """Join shards that are all answered into a run directory."""
    from speech_ifeval.pipeline.merging import join_shards

    benchmark, target = made_benchmark(size), folder / f"merged-{shards}"
    shutil.rmtree(target, ignore_errors=True)
    dealt = deal(benchmark, shards)
    parts: dict[int, list[Response]] = {}
    for id, response in read_latest(folder / "run" / RESPONSES_FILE).items():
        parts.setdefault(dealt[id], []).append(response)
    manifest = read_manifest(folder / "run" / RUN_FILE) or {}
    for index, responses in parts.items():
        place = target / SHARDS_FOLDER / Shard(index, shards).folder_name
        write_lines(place / RESPONSES_FILE, responses)
        write_document(place / RUN_FILE, {**manifest, "shard": {"index": index, "count": shards}})
    del parts, dealt
    measured = Measured()
    joined = join_shards([target], target, benchmark)
    taken = measured.taken(shards=shards)
    assert (joined.answered, joined.missing) == (size, ())
    shutil.rmtree(target)
    return taken


def score(size: int, folder: Path, judge: str) -> dict[str, Any]:
    """Score by rules and write verdicts and summary; with the heuristic judge the task level as well."""
    from speech_ifeval.pipeline.scoring import Scoring
    from speech_ifeval.pipeline.scoring import score as score_run

    benchmark = made_benchmark(size)
    for path in (folder / "run").iterdir():
        if path.name.startswith(("verdicts.", "summary.", "judgements.")):
            path.unlink()
    before = sum(path.stat().st_size for path in (folder / "run").iterdir())
    measured = Measured()
    score_run([folder / "run"], benchmark, scoring=Scoring(judge=judge))
    return measured.taken(bytes=sum(path.stat().st_size for path in (folder / "run").iterdir()) - before)


def summarise(size: int, folder: Path) -> dict[str, Any]:
    """Compute all rates and intervals from verdicts in memory."""
    from speech_ifeval.metrics.summaries import summarise as summarise_run
    from speech_ifeval.pipeline.comparing import load_scored

    scored = load_scored(folder / "run")
    measured = Measured()
    summarise_run(scored)
    return measured.taken()


def page(size: int, folder: Path) -> dict[str, Any]:
    """Read the run back and make its page."""
    from speech_ifeval.analysis.diagnosis.reading import read_evidences
    from speech_ifeval.report.page.making import make_page

    benchmark = made_benchmark(size)
    measured = Measured()
    evidences = read_evidences([folder / "run"], benchmark)
    made = make_page(evidences, benchmark, folder / "page.html")
    return measured.taken(bytes=len(made.content))


def score_many(runs: int, folder: Path) -> dict[str, Any]:
    """Answer and score so many runs of the bundled benchmark, each of another seed, one after the other."""
    from speech_ifeval.pipeline.scoring import Scoring
    from speech_ifeval.pipeline.scoring import score as score_run

    bundled = load_benchmark("bundled")
    shutil.rmtree(folder / "runs", ignore_errors=True)
    measured = Measured()
    for seed in range(1, runs + 1):
        place = folder / "runs" / f"step-{seed:04d}"
        generate(Canned(seed), bundled, place, asking=READING)
        score_run([place], bundled, scoring=Scoring(judge="heuristic"))
    return measured.taken(runs=runs)


def board(runs: int, folder: Path) -> dict[str, Any]:
    """Rank so many runs; what `leaderboard` computes, whatever number it takes."""
    from speech_ifeval.metrics.comparisons import compare_runs
    from speech_ifeval.pipeline.comparing import load_scored

    places = sorted((folder / "runs").iterdir())[:runs]
    measured = Measured()
    scored = [load_scored(place) for place in places]
    reading = measured.taken()["seconds"]
    compare_runs(scored, None, [])
    return measured.taken(runs=runs, reading_seconds=reading, pairs=runs * (runs - 1) // 2)


def reference(runs: int, folder: Path) -> dict[str, Any]:
    """The reference of one more checkpoint, beside so many that have been asked already: nothing is asked."""
    bundled = load_benchmark("bundled")
    places = [folder / "references" / f"step-{number:04d}" / "reference" for number in range(runs + 1)]
    for place in places[:-1]:
        if not place.is_dir():
            generate(Canned(), bundled, place, asking=READING)
    shutil.rmtree(places[-1], ignore_errors=True)
    measured = Measured()
    generate(Canned(), bundled, places[-1], asking=READING, conditions=Conditions(shared=tuple(places[:-1])))
    return measured.taken(runs=runs)


def look(runs: int, folder: Path) -> dict[str, Any]:
    """One look of `watch` at so many checkpoints of 16 GB that it knows; holes, so that no disk is read."""
    from speech_ifeval.models.transformers_models.digests import folder_digest

    place, tensors, size = folder / "checkpoint", 291, 16 * 10**9 // 291
    place.mkdir(exist_ok=True)
    shapes = {
        f"layers.{number}.weight": {
            "dtype": "U8",
            "shape": [size],
            "data_offsets": [number * size, (number + 1) * size],
        }
        for number in range(tensors)
    }
    header = json.dumps(shapes).encode()
    with (place / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + tensors * size)
    (place / "tokenizer.json").write_bytes(b" " * 9_000_000)
    measured = Measured()
    for _ in range(runs):
        folder_digest(place)
    return measured.taken(runs=runs)


def whole_run(size: int, folder: Path) -> dict[str, Any]:
    """One run of the bundled benchmark with its reference, scored and reported; traced by `perf/scale.py`."""
    from speech_ifeval.job import evaluate
    from speech_ifeval.pipeline.scoring import Scoring

    measured = Measured()
    evaluate(
        Canned(),
        reference=Canned(name="reference"),
        benchmark=load_benchmark("bundled"),
        output_dir=folder / "one" / "run",
        asking=READING,
        scoring=Scoring(judge="heuristic"),
    )
    return measured.taken()


def neighbours(shards: int, folder: Path) -> dict[str, Any]:
    """Make all shards of a run but the last, each with an answer."""
    benchmark, run_folder = made_benchmark(3000), folder / f"shards-{shards}" / "run"
    last = Shard(shards, shards)
    evaluate_shard(last, run_folder)
    place = run_folder / SHARDS_FOLDER
    manifest = read_manifest(place / last.folder_name / RUN_FILE) or {}
    shutil.rmtree(place / last.folder_name)
    answer = Response(benchmark.items[0].id, "yes", "stop", fingerprint="0" * 24)
    for index in range(1, shards):
        beside = place / Shard(index, shards).folder_name
        write_document(beside / RUN_FILE, {**manifest, "shard": {"index": index, "count": shards}})
        write_lines(beside / RESPONSES_FILE, [answer])
    return {}


def one_shard(shards: int, folder: Path) -> dict[str, Any]:
    """Answer the last of so many shards, beside all others; traced by `perf/scale.py`."""
    measured = Measured()
    evaluate_shard(Shard(shards, shards), folder / f"shards-{shards}" / "run")
    return measured.taken()


def evaluate_shard(shard: Shard, run_folder: Path) -> None:
    """Answer one shard of 3,000 made-up items."""
    from speech_ifeval.job import evaluate

    evaluate(Canned(), benchmark=made_benchmark(3000), output_dir=run_folder, shard=shard, asking=READING)
