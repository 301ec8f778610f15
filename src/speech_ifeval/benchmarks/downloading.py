"""One file over HTTP: resumed where it broke off, never glued from two versions, checked before it gets its name.

The standard library's client is enough for this, so that fetching needs no package beyond the core ones.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import ssl
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.error import HTTPError, URLError

import msgspec

from speech_ifeval.benchmarks.addresses import (
    TOKEN_HOST,
    Redirects,
    check_address,
    check_token,
    on_this_machine,
    shown_address,
)
from speech_ifeval.errors import DataError, OutputError, SpeechIFEvalError
from speech_ifeval.runs import write_document, writing

_CHUNK = 1 << 18
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_LONGEST_ASKED_PAUSE = 120.0
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')
_COMMIT = re.compile(r"[0-9a-f]{40}")

Progress = Callable[[int, int], None]
Wait = Callable[[float, str], None]


class Patience(NamedTuple):
    """How long a download insists.

    Attributes:
        tries: attempts in a row that bring nothing new before it gives up.
        pause: seconds before the second attempt; doubled for each further one.
        longest_pause: seconds a pause grows to.
        timeout: seconds of silence after which a connection counts as dropped.
    """

    tries: int = 6
    pause: float = 1.0
    longest_pause: float = 30.0
    timeout: float = 30.0


class Downloaded(NamedTuple):
    """What arrived: its size in bytes, its SHA-256 in hexadecimal, and the commit, where the server names one."""

    size: int
    sha256: str
    revision: str | None


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the server said of the file that the partial one is of."""

    etag: str | None = None
    modified: str | None = None
    size: int | None = None
    sha256: str | None = None
    revision: str | None = None

    def same_file(self, other: _Told) -> bool:
        pairs = ((self.etag, other.etag), (self.sha256, other.sha256), (self.size, other.size))
        if any(mine != others for mine, others in pairs if mine is not None and others is not None):
            return False
        return self.etag is not None or self.sha256 is not None or self.modified == other.modified


class _DroppedError(Exception):
    """An attempt that is worth another one; `after` is the pause the server asks for, in seconds."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


def download(
    url: str,
    path: Path,
    *,
    max_bytes: int,
    sha256: str | None = None,
    sha256_from: str = "as it was published",
    token: str | None = None,
    patience: Patience = Patience(),  # noqa: B008 - immutable
    progress: Progress = lambda done, total: None,
    wait: Wait = lambda seconds, why: time.sleep(seconds),
) -> Downloaded:
    """Download a file, going on with what an earlier call left in ``PATH.part`` if the server still has that file.

    Args:
        url: ``https://…``, or ``http://…`` of this machine.
        path: what the file is called once it is whole.
        max_bytes: a longer file is refused.
        sha256: what the file must be; the hub's own statement is checked where it makes one.
        sha256_from: where that sum is from, for messages.
        token: an access token of the Hugging Face hub, sent there and nowhere else.
        patience: how often, and after which pauses, a dropped connection is tried again.
        progress: called with the bytes so far and in all (the same where the server does not say).
        wait: called with the seconds to pause and why.

    Raises:
        UsageError: an address that is neither ``https`` nor this machine's.
        DataError: another file than expected, or a longer one; it is deleted.
        OutputError: the disk is full, or the folder cannot be written; what arrived is kept.
        SpeechIFEvalError: no such file, no permission, or no connection; what arrived is kept.

    >>> download("file:///etc/hostname", Path("clips.tar"), max_bytes=10)
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: expected an address such as https://host/file, found 'file:///etc/hostname'; \
correct it
    """
    check_address(url)
    token = check_token(token)
    part = _Part(path)
    resumed = part.size > 0
    while True:
        resumed |= _insist(url, part, max_bytes, token, patience, progress, wait)
        found = sha256_of(part.path)
        where = "as the hub states it" if sha256 is None else sha256_from
        expected = sha256 or part.told.sha256
        if expected is None or found == expected:
            return Downloaded(part.size, found, part.told.revision)._replace(size=part.finish())
        size = part.size
        part.discard()
        if not resumed:
            raise DataError(
                f"{shown_address(url)}: expected a file with the SHA-256 {expected} ({where}), found {found} "
                f"({size} bytes); it was deleted: try again later, or fetch from elsewhere"
            )
        resumed = False  # the two pieces may have been of two versions: once more, in one piece


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check the file") from None


class _Part:
    """The partial file, and beside it what the server said of the whole one."""

    def __init__(self, path: Path) -> None:
        self._whole = path
        self.path = path.with_name(f"{path.name}.part")
        self._told_path = path.with_name(f"{path.name}.part.json")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.told = msgspec.json.decode(self._told_path.read_bytes(), type=_Told)
        except (OSError, msgspec.DecodeError):
            self.told = _Told()
            self.discard()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def whole(self) -> bool:
        return self.told.size is not None and self.size == self.told.size and self.path.exists()

    def start(self, told: _Told) -> None:
        """Begin anew. In this order: a kill in between must not leave old bytes under a new name."""
        with writing(self.path):
            self.path.write_bytes(b"")
        write_document(self._told_path, told)
        self.told = told

    def discard(self) -> None:
        with writing(self.path):
            self.path.unlink(missing_ok=True)
            self._told_path.unlink(missing_ok=True)
        self.told = _Told()

    def finish(self) -> int:
        size = self.size
        with writing(self._whole):
            self.path.replace(self._whole)
            self._told_path.unlink(missing_ok=True)
        return size


def _insist(
    url: str, part: _Part, max_bytes: int, token: str | None, patience: Patience, progress: Progress, wait: Wait
) -> bool:
    """Try until the file is whole; return whether it took several pieces."""
    failures, most, dropped_once = 0, part.size, False
    while not part.whole:
        try:
            _attempt(url, part, max_bytes, token, patience.timeout, progress)
            break
        except _DroppedError as dropped:
            dropped_once = True
            failures = failures + 1 if part.size <= most else 1
            most = max(most, part.size)
            if failures >= patience.tries:
                kept = f"{part.size} bytes are kept, the same command goes on from there" if part.size else ""
                raise SpeechIFEvalError(
                    f"{shown_address(url)}: {dropped}; given up after {failures} attempts. "
                    f"{kept or 'Try again later'}; --from PATH takes a local copy"
                ) from dropped
            pause = min(patience.longest_pause, patience.pause * 2 ** (failures - 1))
            wait(max(pause, min(dropped.after or 0.0, _LONGEST_ASKED_PAUSE)), str(dropped))
    return dropped_once


def _attempt(url: str, part: _Part, max_bytes: int, token: str | None, timeout: float, progress: Progress) -> None:
    """Ask for what is missing and append it; returns once the file is whole."""
    start = part.size
    # A weak tag says "about the same", which is not enough to go on in the middle.
    validator = part.told.etag or part.told.modified
    if start and validator is None and part.told.sha256 is None:
        part.discard()
        start = 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "speech-ifeval"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator is not None:
            headers["If-Range"] = validator
    redirects = Redirects(token)
    # The environment's proxy cannot know this machine's own addresses.
    local: list[Any] = [urllib.request.ProxyHandler({})] if on_this_machine(url) else []
    request = redirects.authorised(urllib.request.Request(url, headers=headers))
    try:
        response: HTTPResponse = urllib.request.build_opener(redirects, *local).open(request, timeout=timeout)
    except HTTPError as error:
        with error:
            if error.code == 416:  # not from there: the file has become shorter
                part.discard()
            raise _refused(error, url) from error
    except URLError as error:
        raise _unreachable(error.reason, url) from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirect to what is no address
        raise _DroppedError(_named(error)) from error
    with response:
        told, offset = _described(response, redirects.seen)
        if offset != (start if response.status == 206 else 0) or (offset and not part.told.same_file(told)):
            part.discard()
            raise _DroppedError("the file on the server has changed, starting again")
        if told.size is not None and told.size > max_bytes:
            raise DataError(
                f"{shown_address(url)}: expected at most {max_bytes} bytes, found {told.size}; "
                "this is another file: check the address"
            )
        if not offset:
            part.start(told)
        _check_room(part, told)
        _receive(response, part, max_bytes, url, progress)


def _described(response: HTTPResponse, seen: list[HTTPMessage]) -> tuple[_Told, int]:
    """Return what the answer says of the file, and at which byte it begins."""
    size, offset = response.length, 0
    if response.status == 206:
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None:
            raise _DroppedError("the server answered with a part and did not say which")
        offset = int(match[1])
        size = None if match[3] == "*" else int(match[3])
    elif response.status != 200:
        raise _DroppedError(f"the server answered {response.status}")
    etag = response.headers.get("ETag")
    # The hub names the content's SHA-256 and the commit on the way to the store that holds the bytes.
    linked = [match for headers in seen if (match := _SHA256.fullmatch(headers.get("X-Linked-Etag", "")))]
    commits = [match for headers in seen if (match := _COMMIT.fullmatch(headers.get("X-Repo-Commit", "")))]
    told = _Told(
        etag=etag if etag is not None and etag.startswith('"') else None,
        modified=response.headers.get("Last-Modified"),
        size=size,
        sha256=linked[0][1] if linked else None,
        revision=commits[0][0] if commits else None,
    )
    return told, offset


def _check_room(part: _Part, told: _Told) -> None:
    free = shutil.disk_usage(part.path.parent).free
    missing = (told.size or 0) - part.size
    if missing > free:
        raise OutputError(
            f"{part.path}: {missing} bytes are still to come and the disk has {free} free; what was written is "
            "kept: free some space and run the same command again, or give another --output-dir"
        )


def _receive(response: HTTPResponse, part: _Part, max_bytes: int, url: str, progress: Progress) -> None:
    done, total = part.size, part.told.size
    with writing(part.path), part.path.open("ab") as file:
        while total is None or done < total:
            chunk = _read(response, _CHUNK if total is None else min(_CHUNK, total - done))
            if not chunk:
                break
            done += len(chunk)
            if done > max_bytes:
                break
            _put(file, chunk)
            progress(done, done if total is None else total)
    if done > max_bytes:
        part.discard()
        raise DataError(
            f"{shown_address(url)}: expected at most {max_bytes} bytes, found more; it was deleted: "
            "check the address"
        )
    if total is not None and done < total:
        raise _DroppedError(f"the connection dropped after {done} of {total} bytes")


def _put(file: IO[bytes], chunk: bytes) -> None:
    file.write(chunk)
    file.flush()  # a kill loses nothing that the progress has shown


def _read(response: HTTPResponse, size: int) -> bytes:
    try:
        return response.read1(size)
    except (OSError, HTTPException) as error:
        raise _DroppedError(_named(error)) from error


def _named(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"the connection dropped ({str(error) or type(error).__name__})"


def _unreachable(reason: object, url: str) -> Exception:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return SpeechIFEvalError(
            f"{shown_address(url)}: the server's certificate is not to be trusted ({reason.verify_message}); "
            "check the address and this machine's clock, or take a local copy with --from PATH"
        )
    return _DroppedError(f"no connection ({reason})")


def _refused(error: HTTPError, url: str) -> Exception:
    address = shown_address(url)
    if error.code == 416:
        return _DroppedError("the file on the server has changed, starting again")
    if error.code in _AGAIN:
        asked = (error.headers.get("Retry-After") or "").strip()
        seconds = float(asked) if asked.isascii() and asked.isdigit() else None
        return _DroppedError(f"the server answered {error.code}", seconds)
    if error.code in (401, 403):
        return SpeechIFEvalError(
            f"{address}: the server refuses to give the file ({error.code}); if it asks for an account on "
            f"{TOKEN_HOST}, accept its terms there and set HF_TOKEN, or take a local copy with --from PATH"
        )
    if error.code in (404, 410):
        return SpeechIFEvalError(
            f"{address}: there is no such file ({error.code}); it may have moved: give its new address, or take a "
            "local copy with --from PATH"
        )
    return SpeechIFEvalError(
        f"{address}: the server answered {error.code}, which trying again does not mend; check the address, or "
        "take a local copy with --from PATH"
    )
