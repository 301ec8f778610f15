"""Measure the report's page: time to make it, size, time until a browser shows it; run from the root.

    python perf/report.py [--data FOLDER] [--json FILE] [--repeats 3]

Pages of the shipped example and, where the published items and recorded responses are beside the project (or in
the folder named), of these: one run, and four runs side by side. The three others are the same replies in
capitals, in lower case and cut in half, so that nothing in the page is the same text twice. Then the four runs
once more with a language model as judge: a server on loopback that answers in sixty words, so that the page holds
all that the judge was sent and said, of restricted sources too. No audio. It fails where a page takes 2 seconds or
more to open, or is 15 MB or larger.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measuring import SHARED_DATA, machine, machine_line, markdown_table, parser, write_json

from speech_ifeval.analysis.diagnosis.reading import read_evidences
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.licences import permission_of
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.report.page.making import PageOptions, make_page

MOST_SECONDS, MOST_BYTES = 2.0, 15_000_000
CHANGES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "lower": str.lower,
    "half": lambda text: text[: len(text) // 2],
}
# What a person waits for: from asking for the page until the browser has drawn it.
PAINTED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(
    [performance.now(), performance.getEntriesByType('navigation')[0].domInteractive]))))"""


def changed(source: Path, folder: Path) -> Iterator[Path]:
    """Write the recorded responses changed, and yield the folders."""
    for name, change in CHANGES.items():
        target = folder / name
        target.mkdir()
        for file in source.glob("*.jsonl"):
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
            lines = (json.dumps({**row, "response": change(row["response"] or "")}) for row in rows)
            (target / file.name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        yield target


def judged(runs: list[Path], benchmark: Benchmark, folder: Path) -> list[Path]:
    """Score runs with a language model as judge, which gives its reasons; return the run directories."""
    from tests.models.serving import loopback
    from tests.pipeline.scripted_judge import Case, scripted

    why = "The response addresses the question that was asked and gives its reasons one after the other. " * 4

    def say(case: Case) -> str:
        return f"{why}\n{case.yes()}"

    found = []
    with loopback(scripted(say)) as server:
        for run in runs:
            scoring = Scoring(judge="openai:scripted", judge_args={"base_url": server.url})
            found.append(score([run], benchmark, output_dir=folder / f"judged-{run.name}", scoring=scoring)[1])
    return found


def measure(
    name: str,
    runs: list[Path],
    benchmark: Benchmark,
    folder: Path,
    repeats: int,
    options: PageOptions | None = None,
) -> dict[str, Any]:
    """Make a page and open it; return what that took."""
    start = time.process_time()
    evidences = read_evidences(runs, benchmark)
    read = time.process_time()
    page = make_page(evidences, benchmark, folder / "page.html", options)
    made = time.process_time()
    (folder / "page.html").write_bytes(page.content)
    opening, working, moving, searching = opened(folder / "page.html", repeats)
    return {
        "page": name,
        "items": page.items,
        "runs": len(runs),
        "megabytes": len(page.content) / 1e6,
        "seconds_reading": read - start,
        "seconds_making": made - read,
        "seconds_opening": opening,
        "seconds_opening_processor": working,
        "milliseconds_next_item": moving,
        "milliseconds_search": searching,
    }


def opened(path: Path, repeats: int) -> tuple[float, float, float, float]:
    """Return what opening a page takes, in seconds by the clock and of the page's processor time; medians.

    Behind them stand the milliseconds to move to the next item, and to search the first time.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    opening, working, moving, searching = [], [], [], []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=300_000)
        for _ in range(repeats):
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            page.set_default_timeout(300_000)
            watching = page.context.new_cdp_session(page)
            watching.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto(path.as_uri())
            opening.append(page.evaluate(PAINTED)[0] / 1000)
            figures = {one["name"]: one["value"] for one in watching.send("Performance.getMetrics")["metrics"]}
            working.append(figures["TaskDuration"])
            timed = "act => { const start = performance.now(); ({ move: () => move(1), search: () => "
            timed += "{ state.q = 'the speaker'; refresh(); } })[act](); return performance.now() - start; }"
            moving.append(statistics.median(page.evaluate(timed, "move") for _ in range(20)))
            searching.append(page.evaluate(timed, "search"))
            page.close()
        browser.close()
    return tuple(map(statistics.median, (opening, working, moving, searching)))  # type: ignore[return-value]


def main() -> None:
    """Measure and print."""
    arguments_of = parser(__doc__)
    arguments_of.add_argument(
        "--data", type=Path, default=SHARED_DATA, help="holds official/ and recorded/desta2/"
    )
    arguments_of.add_argument("--repeats", type=int, default=3)
    arguments = arguments_of.parse_args()
    found = []
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        example = load_benchmark("example")
        found.append(measure("example", [locate("example:tuned")], example, folder, arguments.repeats))
        recorded, official = arguments.data / "recorded" / "desta2", arguments.data / "official"
        if recorded.is_dir() and official.is_dir():
            benchmark = load_benchmark(official)
            runs = [recorded, *changed(recorded, folder)]
            found.append(measure("published items, one run", runs[:1], benchmark, folder, arguments.repeats))
            found.append(measure("published items, four runs", runs, benchmark, folder, arguments.repeats))
            allowed = {permission_of(item, benchmark) for item in benchmark}
            shown = PageOptions(include_restricted=[one.source for one in allowed if not one.given])
            runs = judged(runs, benchmark, folder)
            found.append(
                measure("the same, with a judge's messages", runs, benchmark, folder, arguments.repeats, shown)
            )
        else:
            print(f"the published items and responses are not in {arguments.data}: only the example is measured")
    head = [
        "page",
        "items",
        "runs",
        "MB",
        "read, s",
        "made, s",
        "opened, s",
        "of it processor, s",
        "next item, ms",
        "first search, ms",
    ]
    rows = [[*list(one.values())[:3], *(f"{value:.2f}" for value in list(one.values())[3:])] for one in found]
    print(markdown_table(head, rows))
    print(f"\n{machine_line()}")
    write_json(arguments.json, {"machine": machine(), "pages": found})
    for one in found:
        # By processor time: on a busy machine the clock measures the neighbours.
        if one["seconds_opening_processor"] >= MOST_SECONDS or one["megabytes"] * 1e6 >= MOST_BYTES:
            sys.exit(f"{one['page']}: slower than {MOST_SECONDS:g} s, or larger than {MOST_BYTES / 1e6:g} MB")


if __name__ == "__main__":
    main()
