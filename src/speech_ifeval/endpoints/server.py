"""One server: a request is sent to it once, and what comes back is read as a reply or as what went wrong."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from speech_ifeval.endpoints.addresses import KEY_VARIABLE, Scrubber, is_this_machine, server_key
from speech_ifeval.endpoints.answers import NoReplyError, Reply, ServedModel, read_models
from speech_ifeval.errors import MissingExtraError

LONGEST_WAIT = 600.0  # seconds that a server may ask for; more is a quota, not a pause
CONNECT_SECONDS = 10.0
LISTING_SECONDS = 30.0
MOST_SHOWN = 300  # characters of a server's own words

_AGAIN = frozenset({408, 409, 425, 429})
_SERVER_ERROR = 500
_TOO_MANY = 429
_DOES_NOT_TELL = frozenset({500, 501})  # asked for its models; 502 to 504 are those of a server that is not up
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

T = TypeVar("T")
Send = Callable[[Any], bytes]  # given the official client


class Problem(Struct):
    """Why a try failed.

    Attributes:
        message: what happened, and where.
        then: try again, fail this call, or stop, since no call can succeed.
        wait: the seconds that the server asks to be let be.
        unknown: the request's fields that it does not know.
        unreachable: nobody answers at the address.
        status: of the answer, where an answer came that asks to try again.
    """

    message: str
    then: Literal["again", "fail", "stop"]
    wait: float | None = None
    unknown: frozenset[str] = frozenset()
    unreachable: bool = False
    status: int | None = None


class Server:
    """An address and the connections to it. Safe to use from several threads.

    Args:
        url: the address up to ``/v1``, without credentials.
        api_key_env: the environment variable that holds the key; without one, ``OPENAI_API_KEY`` if it is set.
        timeout: seconds to wait for a reply.

    Attributes:
        url: the address.
        remote_host: the host if it is not this machine, else None.
        reached: whether it has ever answered, and be it with an error.
        problem: what went wrong last; "" where nothing has.

    Raises:
        UsageError: the variable holds no key.
        MissingExtraError: the openai package is not installed.
    """

    def __init__(self, url: str, *, api_key_env: str, timeout: float) -> None:
        host = urlsplit(url).hostname or ""
        self.url = url
        self.remote_host = None if is_this_machine(host) else host
        self.reached = False
        self.problem = ""
        self._variable = api_key_env or KEY_VARIABLE
        self._timeout = timeout
        key = server_key(api_key_env, url)
        self._client = self._opened(key)
        self._scrub = Scrubber(key)
        self._scrub.watch()

    def attempt(self, send: Send, read: Callable[[bytes], Reply], sent: Mapping[str, Any]) -> Reply | Problem:
        """Send a request once.

        Args:
            send: sends it with the client it is given, and returns what comes back.
            read: reads that.
            sent: the request's fields, to tell which of them the server does not know.
        """
        found = self._try(lambda: self._clean(read(send(self._client))), sent, self._timeout)
        if isinstance(found, Problem):
            self.problem = found.message
        else:
            self.reached = True
        return found

    def models(self) -> tuple[ServedModel, ...] | Problem:
        """Ask which models it serves; none where it does not tell, a problem where it is not to be had now."""
        seconds = min(self._timeout, LISTING_SECONDS)

        def ask() -> bytes:
            return bytes(self._client.models.with_raw_response.list(timeout=seconds).content)

        found = self._try(ask, {}, seconds)
        if isinstance(found, bytes):
            return tuple(
                ServedModel(self._scrub(one.id), None if one.root is None else self._scrub(one.root))
                for one in read_models(found)
            )
        if found.then == "again" and found.status not in _DOES_NOT_TELL:
            self.problem = found.message
            return found
        return ()

    def close(self) -> None:
        """Let go of the connections."""
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
        return openai.OpenAI(base_url=self.url, api_key=key or "none", max_retries=0, http_client=http)

    def _try(self, call: Callable[[], T], sent: Mapping[str, Any], seconds: float) -> T | Problem:
        import openai

        # No error of the client is chained to one of ours: it carries the request, and the request the key.
        at = self.url
        try:
            return call()
        except openai.APIStatusError as error:
            self.reached = True
            return self._refused(error, sent)
        except openai.APITimeoutError as error:
            unreachable = _cause(error) == "ConnectTimeout"
            return Problem(f"{at} did not answer within {seconds:g} s", "again", unreachable=unreachable)
        except openai.APIConnectionError as error:
            cause = self._scrub(f"{_cause(error)}: {error.__cause__}".rstrip(": "))
            if _cause(error) == "ConnectError":
                return Problem(f"no server at {at} ({cause})", "again", unreachable=True)
            return Problem(f"{at} dropped the connection ({cause})", "again")
        except NoReplyError as error:
            return Problem(f"{at} sent {self._scrub(str(error))}", "again")
        except UnicodeEncodeError as error:
            return Problem(f"the request cannot be sent as UTF-8 ({error.reason})", "fail")
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            return Problem(f"{at} sent a malformed answer ({self._scrub(str(error))})", "again")
        except openai.OpenAIError as error:
            return Problem(f"{at}: {type(error).__name__}: {self._scrub(str(error))}", "fail")

    def _clean(self, reply: Reply) -> Reply:
        model = None if reply.model is None else self._scrub(reply.model)
        return msgspec.structs.replace(reply, text=self._scrub(reply.text), model=model)

    def _refused(self, error: Any, sent: Mapping[str, Any]) -> Problem:
        status: int = error.status_code
        headers = error.response.headers
        said = self._said(error)
        message = f"{self.url} answers {status}{f' ({said})' if said else ''}"
        if status in _STOPS:
            why = _STOPS[status].format(variable=self._variable)
            return Problem(f"{self.url} {why} ({status}{f': {said}' if said else ''})", "stop")
        if status < 400:
            place = self._scrub(str(headers.get("location", "another address")))
            return Problem(f"{self.url} redirects to {place}; give that as base_url", "stop")
        if status in _AGAIN or status >= _SERVER_ERROR:
            wait = _asked_wait(headers)
            if status == _TOO_MANY and "insufficient_quota" in (error.code, error.type):
                return Problem(f"{message}; the quota is used up", "stop")
            if wait is not None and wait > LONGEST_WAIT:
                message = f"{message} and asks to wait {wait:.0f} s; run the same command later"
                return Problem(message, "stop", wait, status=status)
            return Problem(message, "again", wait, status=status)
        words = json.dumps(error.body, default=str, ensure_ascii=False)
        if _UNKNOWN.search(words):
            unknown = frozenset(name for name in sent if re.search(rf"\b{re.escape(name)}\b", words))
            if unknown:
                names = ", ".join(f"{name}={sent[name]!r}" for name in sorted(unknown))
                return Problem(
                    f"{self.url} does not take {names} ({said})",
                    "stop",
                    unknown=unknown,
                )
        return Problem(message, "fail")

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
