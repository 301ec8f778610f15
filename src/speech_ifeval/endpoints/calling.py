"""Calls to a server: sent, tried again, given up, read.

What can go wrong with a call, and what follows:

=============================================  ======================================================
408, 409, 429, 5xx, a dropped connection, a    tried again after a growing pause, or after what the
time-out, malformed JSON, an empty choice      server asks for; `CallError` when no try is left
400, 413, 422 and the like                     `CallError`: other calls may succeed
a field that the server does not know          left out from then on if it may be, else `ModelError`
401, 402, 403, 404, 405, a redirect, a quota   `ModelError`: no call can succeed
used up, no server at the address
=============================================  ======================================================
"""

from __future__ import annotations

import json
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from speech_ifeval.endpoints.addresses import KEY_VARIABLE, Scrubber, is_this_machine, server_key, server_url
from speech_ifeval.endpoints.answers import NoReplyError, Reply, read_completion, read_transcription
from speech_ifeval.errors import MissingExtraError, ModelError, SpeechIFEvalError

FIRST_PAUSE = 0.5  # seconds before the second try; doubled for each one after it
LONGEST_PAUSE = 30.0
LONGEST_WAIT = 600.0  # seconds that a server may ask for; more is a quota, not a pause
CONNECT_SECONDS = 10.0
TRIES_AT_FIRST = 3  # at an address that has never answered
MOST_IN_A_ROW = 20  # calls given up one after the other: then it is not the calls
MOST_SHOWN = 300  # characters of a server's own words

_AGAIN = frozenset({408, 409, 425, 429})
_SERVER_ERROR = 500
_TOO_MANY = 429
_STOPS = {
    401: "refuses the key; check the environment variable {variable}",
    402: "wants to be paid; check the account",
    403: "refuses the key; check the rights of the one in the environment variable {variable}",
    404: "knows no such model or path; check the model's name, and base_url, which usually ends in /v1",
    405: "takes no calls on this path; check base_url, which usually ends in /v1",
}
_UNKNOWN = re.compile(
    r"unexpected|unrecogni[sz]ed|unknown|unsupported|not support|extra|not permitted|not allowed|cannot find",
    re.IGNORECASE,
)
_LOG = logging.getLogger(__name__)


class CallError(SpeechIFEvalError):
    """One call got no reply; others may."""


class _Problem(Struct):
    """Why a try failed. `wait` is what the server asks for, in seconds; `unknown` are fields it does not know."""

    message: str
    then: Literal["again", "fail", "stop"]
    wait: float | None = None
    unknown: frozenset[str] = frozenset()
    unreachable: bool = False


class Endpoint:
    """A server: where it is, how it is called, and what has come back so far. Safe to use from several threads.

    Args:
        base_url: the address up to ``/v1``; without one, the environment's ``OPENAI_BASE_URL``, else the official.
        api_key_env: the environment variable that holds the key; without one, ``OPENAI_API_KEY`` if it is set.
        timeout: seconds to wait for a reply.
        retries: further tries after the first.
        first_pause: seconds before the first of them; doubled each time, less up to a half by chance.

    Attributes:
        base_url: the address, which holds no credentials.
        remote_host: the host if it is not this machine, else None.
        served: what the server calls the models that answered.
        left_out: the fields that it does not know.
        counts: calls that were answered, further tries, and tokens.

    Raises:
        UsageError: no address, one with credentials in it, or a variable that holds no key.
        MissingExtraError: the openai package is not installed.

    >>> Endpoint("https://sk-123@example.com/v1")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: base_url holds credentials or a query: give the bare address, and name the \
environment variable that holds the key with api_key_env
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        api_key_env: str = "",
        timeout: float = 300.0,
        retries: int = 6,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self.base_url = server_url(base_url)
        host = urlsplit(self.base_url).hostname or ""
        self.remote_host = None if is_this_machine(host) else host
        self.served: set[str] = set()
        self.left_out: set[str] = set()
        self.counts = dict.fromkeys(("calls", "retries", "input_tokens", "output_tokens", "audio_tokens"), 0)
        self._variable = api_key_env or KEY_VARIABLE
        self._timeout = timeout
        self._retries = retries
        self._first_pause = first_pause
        self._chance = random.Random()  # its own: a caller's seeded draws stay what they are
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._not_before = 0.0
        self._reached = False
        self._in_a_row = 0
        key = server_key(api_key_env, self.base_url)
        self._client = self._opened(key)
        self._scrub = Scrubber(key)
        self._scrub.watch()

    def chat(
        self,
        model: str,
        messages: list[dict[str, Any]],
        fields: Mapping[str, Any],
        *,
        may_be_left_out: Collection[str] = (),
        way_out: str = "leave it out",
    ) -> Reply:
        """Ask for one chat completion.

        Args:
            model: the model's name at the server.
            messages: as the chat completions API wants them.
            fields: the request's other fields; ``max_tokens`` goes as ``max_completion_tokens`` where the server
                knows only that.
            may_be_left_out: the fields without which the call is still worth making.
            way_out: what a user can do where the server does not take another field, for the message.

        Raises:
            CallError: this call failed, for good or on every try.
            ModelError: no call can succeed.
        """
        sent: dict[str, Any] = {}

        def send() -> bytes:
            sent.clear()
            sent.update((name, value) for name, value in fields.items() if name not in self.left_out)
            if "max_tokens" in fields and "max_tokens" in self.left_out:
                sent["max_completion_tokens"] = fields["max_tokens"]
            raw = self._client.chat.completions.with_raw_response.create(
                model=model, messages=messages, extra_body=dict(sent)
            )
            return bytes(raw.content)

        return self._call(send, read_completion, sent, {*may_be_left_out, "max_tokens"}, way_out)

    def transcribe(self, model: str, wav: bytes, fields: Mapping[str, Any] | None = None) -> Reply:
        """Ask for the transcript of one clip, given as the content of a WAV file.

        Raises:
            CallError: this call failed, for good or on every try.
            ModelError: no call can succeed.
        """
        sent = dict(fields or {})

        def send() -> bytes:
            raw = self._client.audio.transcriptions.with_raw_response.create(
                model=model, file=("clip.wav", wav, "audio/wav"), extra_body=sent
            )
            return bytes(raw.content)

        return self._call(send, read_transcription, sent, (), "leave it out")

    def close(self) -> None:
        """Let go of the connections; pauses between tries end at once."""
        self._closed.set()
        self._client.close()
        self._scrub.unwatch()

    def _opened(self, key: str | None) -> Any:
        try:
            import openai
        except ImportError:
            raise MissingExtraError("openai", "openai", "calling a server") from None
        http = openai.DefaultHttpxClient(
            # A redirect could carry audio to another host, a proxy could stand between this machine and itself.
            follow_redirects=False,
            trust_env=self.remote_host is not None,
            timeout=openai.Timeout(self._timeout, connect=min(CONNECT_SECONDS, self._timeout)),
        )
        return openai.OpenAI(base_url=self.base_url, api_key=key or "none", max_retries=0, http_client=http)

    def _call(
        self,
        send: Callable[[], bytes],
        read: Callable[[bytes], Reply],
        sent: Mapping[str, Any],
        may_be_left_out: Collection[str],
        way_out: str,
    ) -> Reply:
        tries = 0
        while True:
            self._closed.wait(max(0.0, self._not_before - time.monotonic()))
            if self._closed.is_set():
                raise CallError(f"the connection to {self.base_url} was closed before the call was answered")
            start = time.monotonic()
            outcome = self._try(send, read, sent)
            if isinstance(outcome, Reply):
                return self._counted(msgspec.structs.replace(outcome, seconds=time.monotonic() - start))
            if outcome.unknown and outcome.unknown <= set(may_be_left_out):
                with self._lock:
                    self.left_out |= outcome.unknown
                continue
            if outcome.then == "stop":
                raise ModelError(f"{outcome.message}; {way_out}" if outcome.unknown else outcome.message)
            if outcome.then == "fail":
                raise CallError(outcome.message)
            tries += 1
            first_contact = outcome.unreachable and not self._reached
            if tries > (min(self._retries, TRIES_AT_FIRST - 1) if first_contact else self._retries):
                raise self._given_up(outcome, tries)
            self._pause(outcome, tries)

    def _pause(self, problem: _Problem, tries: int) -> None:
        pause = min(self._first_pause * 2.0 ** (tries - 1), LONGEST_PAUSE) * self._chance.uniform(0.5, 1.0)
        with self._lock:
            self.counts["retries"] += 1
            if problem.wait is not None:
                # What is asked of one call holds for all of them, and they should not all come back at once.
                self._not_before = max(self._not_before, time.monotonic() + problem.wait)
                pause = problem.wait + pause / 4
        _LOG.info("%s; trying again in %.1f s", problem.message, pause)
        self._closed.wait(pause)

    def _given_up(self, problem: _Problem, tries: int) -> SpeechIFEvalError:
        message = f"{problem.message} ({tries} {'try' if tries == 1 else 'tries'})"
        if problem.unreachable:
            return ModelError(f"{message}; start the server, or correct base_url")
        with self._lock:
            self._in_a_row += 1
            in_a_row = self._in_a_row
        if in_a_row >= MOST_IN_A_ROW:
            return ModelError(f"{in_a_row} calls in a row failed on every try; the last: {message}")
        return CallError(message)

    def _counted(self, reply: Reply) -> Reply:
        with self._lock:
            self._reached = True
            self._in_a_row = 0
            self.counts["calls"] += 1
            self.counts["input_tokens"] += reply.input_tokens or 0
            self.counts["output_tokens"] += reply.output_tokens or 0
            self.counts["audio_tokens"] += reply.audio_tokens or 0
            if reply.model is not None:
                self.served.add(reply.model)
        return reply

    def _try(
        self, send: Callable[[], bytes], read: Callable[[bytes], Reply], sent: Mapping[str, Any]
    ) -> Reply | _Problem:
        import openai

        # No error of the client is chained to one of ours: it carries the request, and the request the key.
        at = self.base_url
        try:
            return self._clean(read(send()))
        except openai.APIStatusError as error:
            self._reached = True
            return self._refused(error, sent)
        except openai.APITimeoutError as error:
            unreachable = _cause(error) == "ConnectTimeout"
            return _Problem(f"{at} did not answer within {self._timeout:g} s", "again", unreachable=unreachable)
        except openai.APIConnectionError as error:
            cause = self._scrub(f"{_cause(error)}: {error.__cause__}".rstrip(": "))
            if _cause(error) == "ConnectError":
                return _Problem(f"no server at {at} ({cause})", "again", unreachable=True)
            return _Problem(f"{at} dropped the connection ({cause})", "again")
        except NoReplyError as error:
            return _Problem(f"{at} sent {self._scrub(str(error))}", "again")
        except UnicodeEncodeError as error:
            return _Problem(f"the request cannot be sent as UTF-8 ({error.reason})", "fail")
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return _Problem(f"{at} sent a malformed answer ({self._scrub(str(error))})", "again")
        except openai.OpenAIError as error:
            return _Problem(f"{at}: {type(error).__name__}: {self._scrub(str(error))}", "fail")

    def _clean(self, reply: Reply) -> Reply:
        model = None if reply.model is None else self._scrub(reply.model)
        return msgspec.structs.replace(reply, text=self._scrub(reply.text), model=model)

    def _refused(self, error: Any, sent: Mapping[str, Any]) -> _Problem:
        status: int = error.status_code
        headers = error.response.headers
        said = self._said(error)
        message = f"{self.base_url} answers {status}{f' ({said})' if said else ''}"
        if status in _STOPS:
            why = _STOPS[status].format(variable=self._variable)
            return _Problem(f"{self.base_url} {why} ({status}{f': {said}' if said else ''})", "stop")
        if status < 400:
            place = self._scrub(str(headers.get("location", "another address")))
            return _Problem(f"{self.base_url} redirects to {place}; give that as base_url", "stop")
        if status in _AGAIN or status >= _SERVER_ERROR:
            wait = _asked_wait(headers)
            if status == _TOO_MANY and "insufficient_quota" in (error.code, error.type):
                return _Problem(f"{message}; the quota is used up", "stop")
            if wait is not None and wait > LONGEST_WAIT:
                return _Problem(f"{message} and asks to wait {wait:.0f} s; run the same command later", "stop")
            return _Problem(message, "again", wait)
        words = json.dumps(error.body, default=str, ensure_ascii=False)
        if _UNKNOWN.search(words):
            unknown = frozenset(name for name in sent if re.search(rf"\b{re.escape(name)}\b", words))
            if unknown:
                names = ", ".join(f"{name}={sent[name]!r}" for name in sorted(unknown))
                return _Problem(
                    f"{self.base_url} does not take {names} ({said})",
                    "stop",
                    unknown=unknown,
                )
        return _Problem(message, "fail")

    def _said(self, error: Any) -> str:
        body = error.body
        if isinstance(body, Mapping):
            body = body.get("message") or body.get("detail") or body.get("error") or json.dumps(body, default=str)
        if body is not None and not isinstance(body, str):
            body = json.dumps(body, default=str, ensure_ascii=False)
        # First the key, then the length: a key cut in two would not be found.
        said = " ".join(self._scrub(body or "").split())
        return said if len(said) <= MOST_SHOWN else f"{said[: MOST_SHOWN - 1]}…"


def _cause(error: BaseException) -> str:
    """The name of the transport's own error: its package is httpx or httpx2, the names are the same."""
    return type(error.__cause__).__name__ if error.__cause__ is not None else type(error).__name__


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds to wait that a server asks for: a number, or a date."""
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
