"""What a run costs beside the model: canned replies, resumable writes, clips decoded, a resume.

Run from anywhere: ``python perf/generating.py [--json FILE] [--items 10000]``. The bare loop writes the same
replies as JSON lines and nothing else; everything above it is what a run adds: prompts, fingerprints, one flushed
line a response, counting, and the manifest. Wall time, the best of several; ratios are of one process.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from measuring import figure, machine_line, markdown_table, parser, write_json

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.models import Model, Request, Response
from speech_ifeval.pipeline.asking import Asking
from speech_ifeval.pipeline.generating import Conditions, generate
from speech_ifeval.records import Constraint, Item

REPLY = "This is a canned reply of about the length that replies have. " * 8
CLIP_SECONDS = 10
RATE = 16000


class Canned(Model):
    """Replies at once; `inputs_differ` needs no look at them."""

    name = "canned"

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        return True

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for request in requests:
            yield Response(request.id, REPLY, "stop", input_tokens=300, output_tokens=120, seconds=0.1)


def _benchmark(size: int, clips: int, root: Path) -> Benchmark:
    constraint = (Constraint("change_case:english_capital"),)
    items = tuple(
        Item(
            f"closed-ended/{number:05d}",
            "closed-ended",
            f"Question {number}? Answer in capitals.",
            f"{number % clips}.flac",
            "canned",
            constraint,
            transcript="The words that were said, with what is known of the voice. " * 4,
        )
        for number in range(size)
    )
    return Benchmark("canned", items, fingerprint_of(items), root)


def _best(run: Callable[[Path], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run(Path(folder))
            times.append(time.perf_counter() - start)
    return min(times)


def _bare(benchmark: Benchmark) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        with (folder / "responses.jsonl").open("w") as file:
            for item in benchmark:
                file.write(json.dumps({"id": item.id, "text": REPLY, "finish_reason": "stop"}) + "\n")
                file.flush()

    return run


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--items", type=int, default=10_000)
    options.add_argument("--clips", type=int, default=200, help="clips of 10 s, for the row with audio")
    given = options.parse_args()
    import soundfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        noise = np.random.default_rng(0)
        for number in range(given.clips):
            samples = 0.1 * noise.standard_normal(CLIP_SECONDS * RATE)
            soundfile.write(root / f"{number}.flac", samples, RATE)
        benchmark = _benchmark(given.items, given.clips, root)
        reading = Asking(input="transcript")
        quiet = Conditions(audio_check=False)
        per_thousand = 1000 / given.items
        results = {
            "bare loop": _best(_bare(benchmark)) * per_thousand,
            "run, transcripts": _best(lambda folder: generate(Canned(), benchmark, folder, asking=reading))
            * per_thousand,
            f"run, audio ({given.clips} clips of 10 s)": _best(
                lambda folder: generate(Canned(), benchmark, folder, conditions=quiet), 3
            )
            * per_thousand,
        }
        done = root / "done"
        generate(Canned(), benchmark, done, asking=reading)
        start = time.perf_counter()
        generate(Canned(), benchmark, done, asking=reading)
        results["the same command again"] = (time.perf_counter() - start) * per_thousand
        start = time.perf_counter()
        from speech_ifeval.pipeline.preflight import survey_clips

        survey_clips(benchmark, root)
        decoding = time.perf_counter() - start
    bare = results["bare loop"]
    rows = [(what, figure(value), figure(value / bare)) for what, value in results.items()]
    print(machine_line())
    print(markdown_table(("", "s per 1,000 items", "times the bare loop"), rows))
    print(f"\nDecoding and hashing: {figure(given.clips * CLIP_SECONDS / decoding)} s of audio a second.")
    write_json(
        given.json, {"s_per_1000": results, "audio_seconds_per_second": given.clips * CLIP_SECONDS / decoding}
    )


if __name__ == "__main__":
    main()
