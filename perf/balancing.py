"""What several servers give together: calls a second through one, two and four servers on loopback.

Run from anywhere: ``python perf/balancing.py [--json FILE] [--calls 300]``. Each server is a process of its own
that takes a fixed time for a request and has a fixed number of them in work at once, as a GPU that is full; the
others wait in its queue. One of them can take longer, or die in the middle. No model answers: what is measured is
how the calls are dealt, and what is lost.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from measuring import figure, machine_line, markdown_table, parser, write_json

SERVICE_SECONDS = 0.1
IN_WORK = 4
SLOTS = 16  # calls at a time for each server
CASES: tuple[tuple[str, tuple[float, ...], float | None], ...] = (
    ("1", (1,), None),
    ("2", (1, 1), None),
    ("4", (1, 1, 1, 1), None),
    ("2, one 4 times slower", (1, 4), None),
    ("4, one 4 times slower", (1, 1, 1, 4), None),
    ("4, one dies after 1 s", (1, 1, 1, 1), 1.0),
)
BODY = json.dumps(
    {
        "model": "fixed",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}],
    }
).encode()
LIST = json.dumps({"object": "list", "data": [{"id": "fixed", "root": "fixed"}]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def serve(parent: Connection, seconds: float) -> None:
    """Serve until killed; the port goes to the parent."""

    async def run() -> None:
        in_work = asyncio.Semaphore(IN_WORK)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except (asyncio.IncompleteReadError, ConnectionError):
                    writer.close()
                    return
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                if lengths:
                    await reader.readexactly(int(lengths[0].partition(b":")[2]))
                    async with in_work:
                        await asyncio.sleep(seconds)
                body = BODY if lengths else LIST
                writer.write(HEAD % len(body) + body)

        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=256)
        parent.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def fixed_server(seconds: float) -> Iterator[tuple[str, Any]]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, seconds), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/v1", process
    finally:
        process.kill()
        process.join()


def measured(ratios: Sequence[float], dies: float | None, calls: int) -> dict[str, Any]:
    from speech_ifeval.models import Request, open_model

    with ExitStack() as stack:
        servers = [stack.enter_context(fixed_server(SERVICE_SECONDS * ratio)) for ratio in ratios]
        urls = [url for url, _ in servers]
        arguments = {"base_url": urls, "concurrency": SLOTS * len(urls)}
        model = stack.enter_context(open_model("openai:fixed", arguments))
        list(model.answer(Request(f"warm/{number}", "?") for number in range(SLOTS * len(urls))))
        before = list(model.recorded.get("answered_by", [model.recorded["calls"]]))
        if dies is not None:
            timer = threading.Timer(dies, servers[-1][1].kill)
            timer.start()
        start = time.perf_counter()
        answered = [response.text for response in model.answer(Request(str(n), "?") for n in range(calls))]
        seconds = time.perf_counter() - start
        if answered.count("Done.") != calls:
            raise SystemExit(f"{calls - answered.count('Done.')} of {calls} calls were not answered")
        after = model.recorded.get("answered_by", [model.recorded["calls"]])
        most = sum(IN_WORK / (SERVICE_SECONDS * ratio) for ratio in ratios)
        return {
            "calls": calls,
            "calls_per_second": calls / seconds,
            "most_per_second": most,
            "answered_by": [late - early for early, late in zip(before, after, strict=True)],
            "tried_again": model.recorded["retries"],
        }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--calls", type=int, default=300, help="for each server")
    given = options.parse_args()
    figures = []
    for name, ratios, dies in CASES:
        found = measured(ratios, dies, given.calls * len(ratios))
        figures.append({"servers": name, **found})
        print(name, file=sys.stderr)
    head = ("servers", "answered by", "calls a second", "the most there can be", "share of that, %", "tried again")
    rows = [
        (
            row["servers"],
            ", ".join(map(str, row["answered_by"])),
            figure(row["calls_per_second"]),
            figure(row["most_per_second"]),
            "–" if "dies" in row["servers"] else figure(100 * row["calls_per_second"] / row["most_per_second"]),
            row["tried_again"],
        )
        for row in figures
    ]
    print(
        f"{given.calls} calls for each server, {SLOTS} at a time for each; a request takes "
        f"{1000 * SERVICE_SECONDS:.0f} ms, {IN_WORK} are in work at once; {machine_line()}.\n"
    )
    print(markdown_table(head, rows, text_columns=2))
    write_json(given.json, {"balancing": figures})


if __name__ == "__main__":
    main()
