"""The sample in the browser: one page on this machine, behind an address that cannot be guessed.

Only 127.0.0.1 is listened on. Every address begins with a random token; a request whose Host is another name is
refused, so that no other site can have its name resolved to this page, and so is one that another site sends. The
page loads nothing from anywhere, and all texts enter it as text.
"""

from __future__ import annotations

import hmac
import json
import mimetypes
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any

import msgspec

from speech_ifeval.annotation.session import Session
from speech_ifeval.errors import OutputError, SpeechIFEvalError, UsageError

_NAMES = ("127.0.0.1", "localhost")
_LONGEST_BODY = 1 << 23
_RANGE = re.compile(r"bytes=(?P<first>\d{1,15})-(?P<last>\d{0,15})")
_IDLE_SECONDS = 30.0
_POLL_SECONDS = 0.05  # how soon stopping is noticed


class _Answer(msgspec.Struct):
    """What the page posts: the number of the task it shows, and what is said of it."""

    number: int = -1
    answer: str = ""
    text: str = ""


_ANSWER = msgspec.json.Decoder(_Answer)


class Serving(ThreadingHTTPServer):
    """The server of one session; `url` is what to open. Made by `serving`."""

    daemon_threads = True

    def __init__(self, session: Session, port: int) -> None:
        self.session = session
        self.token = secrets.token_urlsafe(24)
        self.over = False
        try:
            super().__init__((_NAMES[0], port), _Handler)
        except OSError as error:
            raise OutputError(
                f"port {port} cannot be listened on ({error.strerror}); give another --port"
            ) from error
        self._thread = Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the page; whoever knows it can label."""
        return f"http://{_NAMES[0]}:{self.server_address[1]}/{self.token}/"

    def wait(self) -> None:
        """Return once the person has stopped."""
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that hung up."""


@contextmanager
def serving(session: Session, port: int = 0) -> Iterator[Serving]:
    """Serve a session on this machine until the block is left.

    Args:
        session: the tasks and labels.
        port: which port; 0 takes a free one.

    Raises:
        OutputError: the port is taken.
    """
    server = Serving(session, port)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Serving
    timeout = _IDLE_SECONDS
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self._path()
        if path is None:
            return
        if path == "":
            self._page()
        elif path == "state":
            self._state()
        elif path.startswith("clip/"):
            self._clip(path.removeprefix("clip/"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        path = self._path()
        if path is None:
            return
        deeds: dict[str, Callable[[_Answer], bool]] = {
            "label": lambda said: self.server.session.label(said.number, said.answer),
            "transcript": lambda said: self.server.session.transcribe(said.number, said.text),
            "skip": lambda said: self.server.session.skip(said.number),
            "undo": lambda _: self.server.session.undo(),
            "stop": lambda _: self._stop(),
        }
        if path not in deeds:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        said = self._body()
        if said is None:
            return
        try:
            done = deeds[path](said)
        except UsageError as error:
            self._json({"problem": str(error)}, HTTPStatus.BAD_REQUEST)
        except SpeechIFEvalError as error:
            self._json({"problem": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            self._state(HTTPStatus.OK if done else HTTPStatus.CONFLICT)
            if self.server.over:
                Thread(target=self.server.shutdown, daemon=True).start()

    def _stop(self) -> bool:
        self.server.over = True
        return True

    def _path(self) -> str | None:
        """What stands behind the token; None where the request was refused."""
        host = self.headers.get("Host", "")
        foreign = self.headers.get("Origin", f"http://{host}") != f"http://{host}"
        foreign |= self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
        _, token, *rest = self.path.partition("?")[0].split("/", 2) if "/" in self.path else ("", "")
        # Any port: the page may be looked at through a tunnel from another machine.
        if host.partition(":")[0].casefold() not in _NAMES:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        elif foreign:
            self._refuse(HTTPStatus.FORBIDDEN)
        elif rest and hmac.compare_digest(token.encode(), self.server.token.encode()):
            return rest[0]
        else:
            self._refuse(HTTPStatus.NOT_FOUND)
        return None

    def _body(self) -> _Answer | None:
        """The posted JSON; None where the request was refused."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        elif not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._refuse(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > _LONGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            try:
                return _ANSWER.decode(self.rfile.read(int(length)))
            except (msgspec.DecodeError, UnicodeDecodeError):
                self._refuse(HTTPStatus.BAD_REQUEST)
        return None

    def _page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        page = files("speech_ifeval.annotation").joinpath("page.html").read_text(encoding="utf-8")
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
            "media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._send(page.replace("NONCE", nonce).encode(), "text/html; charset=utf-8", policy=policy)

    def _state(self, status: HTTPStatus = HTTPStatus.OK) -> None:
        shown = self.server.session.shown
        task = shown.task
        seen = None
        if task is not None:
            seen = {
                "use": task.use,
                "question": task.question,
                "reply": task.reply,
                "label": task.label,
                "clip": task.clip is not None,
            }
        self._json({**shown._asdict(), "over": self.server.over, "task": seen}, status)

    def _clip(self, number: str) -> None:
        """Send the clip of the task that is shown, and of no other."""
        shown = self.server.session.shown
        clip = None if shown.task is None or number != str(shown.number) else shown.task.clip
        try:
            content = None if clip is None else clip.read_bytes()
        except OSError:
            content = None
        if clip is None or content is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        kind = mimetypes.guess_type(clip.name)[0] or ""
        kind = kind if kind.startswith("audio/") else "application/octet-stream"
        wanted = _RANGE.fullmatch(self.headers.get("Range", ""))
        first = int(wanted["first"]) if wanted else 0
        if wanted is None or not first <= int(wanted["last"] or first) or first >= len(content):
            self._send(content, kind, more={"Accept-Ranges": "bytes"})
            return
        # Some browsers play nothing, and none can go back, unless parts are sent.
        last = min(int(wanted["last"] or len(content)), len(content) - 1)
        part = {"Accept-Ranges": "bytes", "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        self._send(content[first : last + 1], kind, HTTPStatus.PARTIAL_CONTENT, more=part)

    def _json(self, document: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(json.dumps(document).encode(), "application/json", status)

    def _refuse(self, status: HTTPStatus) -> None:
        # What was posted has not been read: the connection cannot be gone on with.
        self.close_connection = True
        self._send(f"{status.phrase}\n".encode(), "text/plain; charset=utf-8", status)

    def _send(
        self,
        content: bytes,
        kind: str,
        status: HTTPStatus = HTTPStatus.OK,
        *,
        policy: str = "default-src 'none'",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")
        for name, value in (more or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        """Name no version of anything."""
        return "speech-ifeval"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the terminal as it is: the address holds the token."""
