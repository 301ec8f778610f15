"""What a call to a server costs here: the client against a server on loopback that answers at once.

Run from anywhere: ``python perf/endpoints.py [--json FILE] [--calls 400]``. The server is a process of its own
that writes one canned reply to every request. Wall time holds both; processor time is this process's alone. Beside
the whole adapter stands the official client on as many threads, without retries, records or reading of clips: the
difference is what this project adds.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from measuring import figure, machine_line, markdown_table, parser, write_json

SLOTS = (1, 4, 16, 64)
SECONDS = 10
RATE = 16000
REPEATS = 3
MESSAGE = {"role": "assistant", "content": "Canned."}
BODY = json.dumps(
    {
        "model": "canned",
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 250, "completion_tokens": 3, "total_tokens": 253},
    }
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Canned(asyncio.Protocol):
    """Counts off the bytes of each request and answers it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._head = b""
        self._left = 0

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            self._left, self._head, data = int(lengths[0].partition(b":")[2]), b"", rest
        self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            self._transport.write(ANSWER)


def serve(parent: Connection) -> None:
    """Serve until killed; the port goes to the parent."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0, backlog=256)
        parent.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def canned_server() -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def timed(run: Callable[[], object], calls: int) -> dict[str, float]:
    """Milliseconds a call, the best of some runs."""
    wall = processor = float("inf")
    for _ in range(REPEATS):
        start, used = time.perf_counter(), time.process_time()
        run()
        wall = min(wall, time.perf_counter() - start)
        processor = min(processor, time.process_time() - used)
    return {"wall_ms": 1000 * wall / calls, "processor_ms": 1000 * processor / calls}


def whole_adapter(url: str, slots: int, clip: Path | None, calls: int) -> dict[str, float]:
    from speech_ifeval.models import Request, open_model

    with open_model("openai:canned", {"base_url": url, "concurrency": slots}) as model:

        def run() -> None:
            requests = (Request(str(number), "Answer in capitals.", audio=clip) for number in range(calls))
            answered = sum(response.text == "Canned." for response in model.answer(requests))
            if answered != calls:
                raise SystemExit(f"{calls - answered} of {calls} calls failed")

        run()
        return timed(run, calls)


def official_client(url: str, slots: int, clip: Path | None, calls: int) -> dict[str, float]:
    import openai

    content: Any = "Answer in capitals."
    if clip is not None:
        data = base64.b64encode(clip.read_bytes()).decode()
        content = [
            {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}},
            {"type": "text", "text": content},
        ]
    with (
        openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client,
        ThreadPoolExecutor(slots) as threads,
    ):

        def call(_: int) -> object:
            return client.chat.completions.create(model="canned", messages=[{"role": "user", "content": content}])

        def run() -> None:
            list(threads.map(call, range(calls)))

        run()
        return timed(run, calls)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--calls", type=int, default=400)
    given = options.parse_args()
    import numpy
    import soundfile

    figures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, canned_server() as url:
        clip = Path(folder) / "clip.wav"
        noise = numpy.random.default_rng(0).uniform(-0.3, 0.3, SECONDS * RATE)
        soundfile.write(clip, noise, RATE, subtype="PCM_16")
        for kind, path in (("text", None), (f"{SECONDS} s of audio", clip)):
            for slots in SLOTS:
                ours = whole_adapter(url, slots, path, given.calls)
                theirs = official_client(url, slots, path, given.calls)
                figures.append({"request": kind, "concurrency": slots, "adapter": ours, "official_client": theirs})
                print(f"{kind}, {slots} at a time", file=sys.stderr)
    head = (
        "request",
        "at a time",
        "wall, ms",
        "processor, ms",
        "calls a second",
        "official client: wall",
        "processor",
    )
    rows = [
        (
            row["request"],
            row["concurrency"],
            *(figure(row["adapter"][key]) for key in ("wall_ms", "processor_ms")),
            figure(1000 / row["adapter"]["wall_ms"]),
            *(figure(row["official_client"][key]) for key in ("wall_ms", "processor_ms")),
        )
        for row in figures
    ]
    print(f"Per call, {given.calls} calls, the best of {REPEATS} runs; {machine_line()}.\n")
    print(markdown_table(head, rows))
    write_json(given.json, {"calls": given.calls, "endpoints": figures})


if __name__ == "__main__":
    main()
