"""What each harness costs beside the model: the same recorded replies through its engine, and through ours.

Run from the project's folder: ``python perf/harnesses.py [--json FILE] [--items 1000]``. Replies of the
lab's backbone are repeated to so many items; each engine asks a model that replays them and scores what comes, the
heuristic judge among it. Wall and processor time, imports apart. It fails where a harness gives another verdict.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import ROOT, figure, machine_line, markdown_table, parser, write_json

ENGINES = {"inspect": ("Inspect AI", "transcript"), "lm_eval": ("lm-evaluation-harness", "replay")}
MODEL = "backbone"


def repeated(folder: Path, items: int) -> dict[str, str]:
    """Write a benchmark of so many items, copies of those that were answered; return the replies to them."""
    import msgspec
    from tests.integrations.replaying import RECORDED, replies_in

    from speech_ifeval.benchmarks import load_benchmark

    bundled = load_benchmark("bundled")
    replies = replies_in(RECORDED / f"{MODEL}.jsonl", bundled)
    answered = [bundled.item(id) for id in sorted(replies)]
    target = folder / "benchmark"
    target.mkdir()
    described = {"name": "repeated", "schema_version": 1, "description": "", "licence": None}
    (target / "benchmark.json").write_text(json.dumps(described), encoding="utf-8")
    copies, texts = [], {}
    for number in range(items):
        item = answered[number % len(answered)]
        copy = msgspec.structs.replace(item, id=f"{item.id}.{number}", twin=None)
        copies.append(copy)
        texts[copy.id] = replies[item.id]
    (target / "items.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(copies))
    return texts


def ours(replies: dict[str, str], folder: Path) -> tuple[Any, dict[str, float]]:
    """Generate and score in a run directory, as `speech-ifeval run` does; return verdicts and what it took."""
    from tests.integrations.replaying import ruled

    import speech_ifeval as sif
    from speech_ifeval.models.functions import FunctionModel
    from speech_ifeval.pipeline.comparing import load_scored

    model = FunctionModel(lambda requests: [replies[one.id] for one in requests], name="replayed", hears=False)
    scoring = sif.Scoring(judge="heuristic", task_level=False)
    started, busy = time.perf_counter(), time.process_time()
    sif.evaluate(model, benchmark=folder / "benchmark", output_dir=folder / "run", scoring=scoring)
    took = {"wall": time.perf_counter() - started, "cpu": time.process_time() - busy}
    return ruled(load_scored(folder / "run").verdicts), took


def main() -> int:
    """Measure every engine that is there, print the table, and compare verdicts."""
    options = parser(__doc__)
    options.add_argument("--items", type=int, default=1000)
    given = options.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.integrations.replaying import replayed

    from speech_ifeval.integrations.harness.settings import TaskSettings

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        replies = repeated(folder, given.items)
        settings = TaskSettings(benchmark=str(folder / "benchmark"), judge="heuristic")
        rulings, took = ours(replies, folder)
        costs, differing = {"speech-ifeval": took}, []
        for engine, (title, kind) in ENGINES.items():
            found = replayed(engine, replies, settings, folder, kind)
            costs[title] = found.more["took"]
            if found.rulings != rulings:
                differing.append(title)
    scale = 1000 / given.items
    rows = [(title, figure(one["wall"] * scale), figure(one["cpu"] * scale)) for title, one in costs.items()]
    print(machine_line())
    print(markdown_table(("replies replayed through", "seconds per 1,000 items", "processor seconds"), rows))
    print(
        f"Verdicts on {given.items:,} items: " + (f"differ in {', '.join(differing)}" if differing else "the same")
    )
    write_json(given.json, {"items": given.items, "took": costs, "differing": differing})
    return bool(differing)


if __name__ == "__main__":
    raise SystemExit(main())
