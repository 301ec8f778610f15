"""Servers on loopback: the real one of transformers, and one that answers as told, or forwards and errs."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

START = "import sys; from transformers.cli.transformers import main; sys.exit(main())"
SECONDS_TO_START = 120


@dataclass(frozen=True)
class Asked:
    """One request, numbered from 1 in the order of arrival."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What goes back: only `cut` bytes of the body if it is set, `delay` seconds after the request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0


def completion(text: str | None, finish_reason: str | None = "stop", **message: Any) -> Answer:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish_reason,
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"audio_tokens": 5}}
    body = {"id": "x", "object": "chat.completion", "model": "served-7b", "choices": [choice], "usage": usage}
    return Answer(body=json.dumps(body).encode())


def refusal(status: int, message: str, **more: Any) -> Answer:
    return Answer(status, json.dumps({"error": {"message": message, **more}}).encode())


class Loopback:
    """A running server; `asked` is what it was sent so far, `most_at_once` how many requests it had at a time.

    `models` is what it lists of its models, each with its origin; without them it knows of no such path. How often
    it was asked for them is in `listed`.
    """

    def __init__(
        self, answer: Callable[[Asked], Answer], *, models: Mapping[str, str] | None = None, port: int = 0
    ) -> None:
        self._answer = answer
        self.models = models
        self.listed = 0
        self._lock = threading.Lock()
        self._at_once = 0
        self.most_at_once = 0
        self.asked: list[Asked] = []
        self.connections: list[socket.socket] = []
        self.stopping = threading.Event()
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                loopback.connections.append(self.connection)

            def do_POST(self) -> None:
                loopback.handle(self)

            def do_GET(self) -> None:
                loopback.list_models(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that has hung up

        self._server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        with self._lock:
            asked = Asked(len(self.asked) + 1, handler.path, dict(handler.headers.items()), body)
            self.asked.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self._answer(asked)
            self.stopping.wait(answer.delay)
        finally:
            with self._lock:
                self._at_once -= 1
        handler.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
        handler.close_connection = answer.cut is not None

    def list_models(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.listed += 1
        known = self.models is not None and handler.path == "/v1/models"
        rows = [{"id": name, "root": root, "object": "model"} for name, root in (self.models or {}).items()]
        body = json.dumps({"object": "list", "data": rows} if known else {"detail": "Not Found"}).encode()
        handler.send_response(200 if known else 404)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        for connection in self.connections:
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()


@contextmanager
def loopback(
    answer: Callable[[Asked], Answer], *, models: Mapping[str, str] | None = None, port: int = 0
) -> Iterator[Loopback]:
    server = Loopback(answer, models=models, port=port)
    try:
        yield server
    finally:
        server.stop()


def forward(asked: Asked, upstream: str) -> Answer:
    """Have another server answer."""
    parts = urlsplit(upstream)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    kept = {name: value for name, value in asked.headers.items() if name.lower() not in ("host", "connection")}
    try:
        connection.request("POST", asked.path, asked.body, kept)
        found = connection.getresponse()
        return Answer(found.status, found.read())
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


@contextmanager
def transformers_serve(log: Path) -> Iterator[str]:
    """Run `transformers serve` in a process of its own; yields its address. A model is named by its folder."""
    port = free_port()
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-c", START, *arguments], stdout=out, stderr=subprocess.STDOUT, env=environment
        )
        try:
            _until_healthy(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
