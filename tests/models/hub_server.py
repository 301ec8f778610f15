"""A real HTTP server on this machine that serves repositories the way the hub does, as far as its client asks."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """Repositories by name, each with its files; what was asked, and which repositories take a token."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def put(self, name: str, folder: Path) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        self.repositories[name] = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def commit(self, name: str) -> str:
        content = sorted((path, hashlib.sha1(body).hexdigest()) for path, body in self.repositories[name].items())
        return hashlib.sha1(json.dumps(content).encode()).hexdigest()

    def fetched(self, name: str) -> set[str]:
        """The files of a repository whose content was asked for."""
        pattern = re.compile(rf"/{re.escape(name)}/resolve/[^/]+/(.+)")
        return {found[1] for method, path in self.asked if method == "GET" and (found := pattern.fullmatch(path))}


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._serve(body=False)

        def do_GET(self) -> None:
            self._serve(body=True)

        def _serve(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append((self.command, path))
            api = re.fullmatch(r"/api/models/(.+?)(?:/(revision|tree)/([^/]+)(?:/(.*))?)?", path)
            file = re.fullmatch(r"/(.+?)/resolve/([^/]+)/(.+)", path)
            name = api[1] if api else file[1] if file else ""
            if name not in hub.repositories:
                return self._error(404, "RepoNotFound", "Repository Not Found")
            if name in hub.gated and "Authorization" not in self.headers:
                return self._error(401, "GatedRepo", f"Access to model {name} is restricted")
            commit = hub.commit(name)
            revision = (api[3] if api else file[2] if file else None) or "main"
            if revision not in ("main", commit):
                return self._error(404, "RevisionNotFound", "Revision Not Found")
            files = hub.repositories[name]
            if api and api[2] == "tree":
                below = f"{api[4]}/" if api[4] else ""
                rows = [
                    {"type": "file", "path": one, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                    for one, content in sorted(files.items())
                    if one.startswith(below)
                ]
                return (
                    self._json(rows, body=body) if rows else self._error(404, "EntryNotFound", "Entry not found")
                )
            if api:
                siblings = [{"rfilename": one} for one in sorted(files)]
                described = {"id": name, "modelId": name, "sha": commit, "siblings": siblings, "tags": []}
                return self._json({**described, "private": False, "downloads": 0}, body=body)
            content = files.get(file[3]) if file else None
            if content is None:
                return self._error(404, "EntryNotFound", "Entry not found", commit)
            etag = hashlib.sha1(content).hexdigest()
            return self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": commit}, body=body)

        def _json(self, document: Any, *, body: bool) -> None:
            self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"}, body=body)

        def _error(self, status: int, code: str, message: str, commit: str | None = None) -> None:
            more = {} if commit is None else {"X-Repo-Commit": commit}
            self._send(status, b"", {"X-Error-Code": code, "X-Error-Message": message, **more}, body=False)

        def _send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up, as those of a killed process do, are no failure."""


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """Serve repositories until the block ends."""
    hub = Hub()
    server = _Server(("127.0.0.1", 0), _handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
