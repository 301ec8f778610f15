"""A real HTTP server on this machine that serves files, and fails in the ways that servers fail."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Files:
    """What is served, and what goes wrong; each fault in a list is for one request, in order."""

    content: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etag: str | None = '"v1"'
    if_range: bool = True  # False ignores the condition, as some servers do
    chunked: bool = False
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)  # bytes of a body before the connection is cut
    extra_length: int = 0  # what Content-Length says too much
    stalls: list[float] = field(default_factory=list)  # seconds of silence in the middle of a body
    pause: float = 0.0  # seconds between pieces of 4,096 bytes
    redirects: dict[str, str] = field(default_factory=dict)
    redirect_headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Message]] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.asked]


def _handler(files: Files) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            files.asked.append((self.path, self.headers))
            self.close_connection = True
            if files.statuses:
                status, headers = files.statuses.pop(0)
                return self._head(status, {"Content-Length": "0", **headers})
            if self.path in files.redirects:
                where = {"Location": files.redirects[self.path], "Content-Length": "0"}
                return self._head(302, where | files.redirect_headers)
            body = files.content.get(self.path.partition("?")[0])
            if body is None:
                return self._head(404, {"Content-Length": "0"})
            return self._body(body)

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _body(self, body: bytes) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if files.ranges else None
            condition = self.headers.get("If-Range")
            if asked and files.if_range and condition is not None and condition != files.etag:
                asked = None
            headers = {} if files.etag is None else {"ETag": files.etag}
            start, status = int(asked[1]) if asked else 0, 200
            if asked and start >= len(body):
                return self._head(416, {"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"})
            if asked:
                status = 206
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            if files.chunked:
                headers["Transfer-Encoding"] = "chunked"
            else:
                headers["Content-Length"] = str(len(body) - start + files.extra_length)
            self._head(status, headers)
            return self._pieces(body[start:])

        def _pieces(self, body: bytes) -> None:
            drop = files.drops.pop(0) if files.drops else None
            stall = files.stalls.pop(0) if files.stalls else 0.0
            body = body if drop is None else body[:drop]
            for at in range(0, len(body), 4096):
                piece = body[at : at + 4096]
                framed = b"%x\r\n%s\r\n" % (len(piece), piece) if files.chunked else piece
                self.wfile.write(framed)
                files.sent += len(piece)
                time.sleep(stall if at == 0 else files.pause)
            if files.chunked and drop is None:
                self.wfile.write(b"0\r\n\r\n")

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


@contextmanager
def serving(**content: bytes) -> Iterator[Files]:
    """Serve files of these names (a double underscore is a dot) until the block ends."""
    files = Files({f"/{name.replace('__', '.')}": body for name, body in content.items()})
    server = _Server(("127.0.0.1", 0), _handler(files))
    files.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
