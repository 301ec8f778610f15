"""Print how like each other shards are: the longest to the mean; run from the root.

    python perf/shards.py [--counts 2 4 8 16 32 64] [--json FILE]

In items, in seconds as the transcripts state them (which is what is balanced), and where the clips are at hand in
seconds of audio; `clips` is in how many shards a clip is heard, on average. The published items are measured where
they lie beside the project.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from pathlib import Path

from measuring import OFFICIAL, figure, machine_line, markdown_table, parser, write_json

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.sharding import deal, stated_seconds
from speech_ifeval.errors import DataError
from speech_ifeval.pipeline.preflight import find_audio, survey_clips

COUNTS = (2, 4, 8, 16, 32, 64)


def lengths(benchmark: Benchmark) -> dict[str, float]:
    """Return the seconds of every clip, none where the clips are not at hand."""
    try:
        folder = find_audio(benchmark, benchmark.items, None)
    except DataError:
        return {}
    return {name: clip.seconds for name, clip in survey_clips(benchmark.items, folder).clips.items()}


def measured(benchmark: Benchmark, seconds: dict[str, float], count: int) -> dict[str, float | int | None]:
    """Measure one split."""
    start = time.process_time()
    dealt = deal(benchmark, count)
    spent = time.process_time() - start
    items: Counter[int] = Counter()
    stated: Counter[int] = Counter()
    audio: Counter[int] = Counter()
    heard: dict[str, set[int]] = defaultdict(set)
    categories: dict[str, Counter[int]] = defaultdict(Counter)
    for item in benchmark:
        shard = dealt[item.id]
        items[shard] += 1
        stated[shard] += stated_seconds(item)
        audio[shard] += round(1000 * seconds.get(item.clip, 0.0))
        heard[item.clip].add(shard)
        categories[item.category][shard] += 1
    spread = [[one[shard] for shard in range(1, count + 1)] for one in categories.values()]
    return {
        "shards": count,
        "items": _longest(items, count),
        "stated_seconds": _longest(stated, count),
        "seconds": _longest(audio, count) if seconds else None,
        "clips": sum(map(len, heard.values())) / len(heard),
        "category_spread": max(max(one) - min(one) for one in spread),
        "dealt_in": spent,
    }


def _longest(of: Counter[int], count: int) -> float:
    return max(of.values()) * count / sum(of.values())


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="how many shards")
    chosen = options.parse_args()
    sources: list[str | Path] = ["bundled", *([OFFICIAL] if OFFICIAL.is_dir() else [])]
    found: dict[str, list[dict[str, float | int | None]]] = {}
    rows = []
    for source in sources:
        benchmark = load_benchmark(source)
        seconds = lengths(benchmark)
        found[benchmark.name] = [measured(benchmark, seconds, count) for count in chosen.counts]
        for row in found[benchmark.name]:
            heard = "–" if row["seconds"] is None else f"{row['seconds']:.3f}"
            shown = (f"{row['items']:.3f}", f"{row['stated_seconds']:.3f}", heard, f"{row['clips']:.2f}")
            spent = figure(1000 * float(row["dealt_in"] or 0))
            rows.append((benchmark.name, row["shards"], *shown, row["category_spread"], spent))
    print(machine_line())
    head = (
        "benchmark",
        "shards",
        "items",
        "seconds, stated",
        "seconds, heard",
        "clips",
        "most between categories' counts",
        "ms",
    )
    print(markdown_table(head, rows))
    write_json(chosen.json, {"splits": found})


if __name__ == "__main__":
    main()
