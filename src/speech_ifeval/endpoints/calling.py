"""Calls to a server, or to several that serve the same model: sent, tried again, given up, read.

What can go wrong with a call, and what follows:

=============================================  ======================================================
408, 409, 429, 5xx, a dropped connection, a    tried again at another server, or else after a growing
time-out, malformed JSON, an empty choice      pause or what the server asks for; `CallError` when no
                                               try is left
400, 413, 422 and the like                     `CallError`: other calls may succeed
a field that the server does not know          left out from then on if it may be, else `ModelError`
401, 402, 403, 404, 405, a redirect, a quota   `ModelError`: no call can succeed
used up, no server at any address
several servers that serve different models    `MismatchError`, before anything is sent
=============================================  ======================================================
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from speech_ifeval.endpoints.addresses import server_urls
from speech_ifeval.endpoints.answers import Reply, read_completion, read_transcription
from speech_ifeval.endpoints.balancing import Balance, Turn
from speech_ifeval.endpoints.sameness import Sameness
from speech_ifeval.endpoints.server import Problem, Send, Server
from speech_ifeval.errors import ModelError, SpeechIFEvalError

FIRST_PAUSE = 0.5  # seconds before the second try; doubled for each one after it
LONGEST_PAUSE = 30.0
TRIES_AT_FIRST = 3  # at an address that has never answered
SEVERAL = "several servers"
MOST_IN_A_ROW = 20  # calls given up one after the other: then it is not the calls

_LOG = logging.getLogger(__name__)


class CallError(SpeechIFEvalError):
    """One call got no reply; others may."""


class Endpoint:
    """A model's server, or several: where, how they are called, and what has come back. For any number of threads.

    Each call goes where it should be answered soonest (`Balance`). A server that fails is let be for a while, and
    what it failed is tried at another at once; tries are counted from where no other is left to turn to. Several
    servers are asked first which models they serve: a call goes only to those that serve the same.

    Args:
        base_url: the address up to ``/v1``, or several; without one, the environment's ``OPENAI_BASE_URL``, else
            the official.
        api_key_env: the environment variable that holds the key; without one, ``OPENAI_API_KEY`` if it is set.
        timeout: seconds to wait for a reply.
        retries: further tries after the first.
        first_pause: seconds before the first of them; doubled each time, less up to a half by chance.
        concurrency: the most calls at a time, over all servers; None for any number.

    Attributes:
        base_urls: the addresses, which hold no credentials.
        remote_host: the host if it is not this machine, else None; several are named with ``and`` between them.
        served: what the servers call the models that answered.
        left_out: the fields that they do not know.
        counts: calls that were answered, further tries, and tokens.
        answered_by: the calls that each server answered, in the order of the addresses.

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
        base_url: str | Sequence[str] = "",
        *,
        api_key_env: str = "",
        timeout: float = 300.0,
        retries: int = 6,
        first_pause: float = FIRST_PAUSE,
        concurrency: int | None = None,
    ) -> None:
        self.base_urls = server_urls(base_url)
        self.served: set[str] = set()
        self.left_out: set[str] = set()
        self.counts = dict.fromkeys(("calls", "retries", "input_tokens", "output_tokens", "audio_tokens"), 0)
        self.answered_by = [0] * len(self.base_urls)
        self._retries = retries
        self._first_pause = first_pause
        self._chance = random.Random()  # its own: a caller's seeded draws stay what they are
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._in_a_row = 0
        self._balance = Balance(len(self.base_urls), most=concurrency, first_rest=first_pause)
        self._servers = [Server(url, api_key_env=api_key_env, timeout=timeout) for url in self.base_urls]
        self._sameness = Sameness(self._servers)
        hosts = dict.fromkeys(one.remote_host for one in self._servers if one.remote_host is not None)
        self.remote_host = " and ".join(hosts) or None

    @property
    def base_url(self) -> str:
        """The address; several with commas between them."""
        return ",".join(self.base_urls)

    @property
    def where(self) -> dict[str, Any]:
        """What a manifest records of the addresses: each, and of several how many calls it answered."""
        if len(self.base_urls) == 1:
            return {"base_url": self.base_url}
        return {"base_url": list(self.base_urls), "answered_by": list(self.answered_by)}

    @property
    def place(self) -> str:
        """What to call the place in settings that a resumed run compares.

        Servers on this machine may come back on other ports; several that were found to serve the same model may
        be others, or more, the next time.
        """
        if self.remote_host is None:
            return "this machine"
        return self.base_url if len(self.base_urls) == 1 else SEVERAL

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
            MismatchError: the servers serve different models.
        """
        sent: dict[str, Any] = {}

        def send(client: Any) -> bytes:
            sent.clear()
            sent.update((name, value) for name, value in fields.items() if name not in self.left_out)
            if "max_tokens" in fields and "max_tokens" in self.left_out:
                sent["max_completion_tokens"] = fields["max_tokens"]
            raw = client.chat.completions.with_raw_response.create(
                model=model, messages=messages, extra_body=dict(sent)
            )
            return bytes(raw.content)

        return self._call(model, send, read_completion, sent, {*may_be_left_out, "max_tokens"}, way_out)

    def transcribe(self, model: str, wav: bytes, fields: Mapping[str, Any] | None = None) -> Reply:
        """Ask for the transcript of one clip, given as the content of a WAV file.

        Raises:
            CallError: this call failed, for good or on every try.
            ModelError: no call can succeed.
            MismatchError: the servers serve different models.
        """
        sent = dict(fields or {})

        def send(client: Any) -> bytes:
            raw = client.audio.transcriptions.with_raw_response.create(
                model=model, file=("clip.wav", wav, "audio/wav"), extra_body=sent
            )
            return bytes(raw.content)

        return self._call(model, send, read_transcription, sent, (), "leave it out")

    def close(self) -> None:
        """Let go of the connections; pauses between tries end at once."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        for server in self._servers:
            server.close()

    def _call(
        self,
        model: str,
        send: Send,
        read: Callable[[bytes], Reply],
        sent: Mapping[str, Any],
        may_be_left_out: Collection[str],
        way_out: str,
    ) -> Reply:
        self._sameness.check(model)
        tries = 0
        failed_at: set[int] = set()
        while True:
            turn = self._next_turn()
            start = time.monotonic()
            outcome = self._try(turn, model, send, read, sent)
            if isinstance(outcome, Reply):
                return self._counted(turn, msgspec.structs.replace(outcome, seconds=time.monotonic() - start))
            if outcome.unknown and outcome.unknown <= set(may_be_left_out):
                with self._changed:
                    self.left_out |= outcome.unknown
                continue
            others = self._others_awake(failed_at | {turn.server})
            if outcome.then == "stop" and not (outcome.wait is not None and others):
                raise ModelError(f"{outcome.message}; {way_out}" if outcome.unknown else outcome.message)
            if outcome.then == "fail":
                raise CallError(outcome.message)
            failed_at.add(turn.server)
            if others:
                self._elsewhere(outcome)
                continue
            tries += 1
            first_contact = outcome.unreachable and not any(server.reached for server in self._servers)
            if tries > (min(self._retries, TRIES_AT_FIRST - 1) if first_contact else self._retries):
                raise self._given_up(outcome, tries)
            self._pause(outcome, tries)

    def _next_turn(self) -> Turn:
        with self._changed:
            while not self._closed.is_set():
                now = time.monotonic()
                turn = self._balance.take(now)
                if turn is not None:
                    return turn
                self._changed.wait(self._balance.wait(now))
        raise CallError(f"the connection to {self.base_url} was closed before the call was answered")

    def _try(
        self, turn: Turn, model: str, send: Send, read: Callable[[bytes], Reply], sent: Mapping[str, Any]
    ) -> Reply | Problem:
        """Send a request once; whatever happens, the turn is over afterwards."""
        outcome: Reply | Problem | None = None
        server = self._servers[turn.server]
        try:
            outcome = self._sameness.problem_of(turn.server, model) or server.attempt(send, read, sent)
        finally:
            with self._changed:
                now = time.monotonic()
                if isinstance(outcome, Reply):
                    self._balance.answered(turn, now)
                elif isinstance(outcome, Problem) and (outcome.then == "again" or self._can_wait(turn, outcome)):
                    self._balance.failed(turn, now, outcome.wait)
                else:
                    self._balance.given_back(turn, now)
                self._changed.notify_all()
        return outcome

    def _can_wait(self, turn: Turn, problem: Problem) -> bool:
        """Whether a server that asks for hours may have them: others go on meanwhile."""
        return problem.wait is not None and self._balance.others_awake({turn.server}, time.monotonic())

    def _others_awake(self, besides: set[int]) -> bool:
        with self._changed:
            return self._balance.others_awake(besides, time.monotonic())

    def _elsewhere(self, problem: Problem) -> None:
        with self._changed:
            self.counts["retries"] += 1
        _LOG.info("%s; trying another server", problem.message)

    def _pause(self, problem: Problem, tries: int) -> None:
        pause = min(self._first_pause * 2.0 ** (tries - 1), LONGEST_PAUSE) * self._chance.uniform(0.5, 1.0)
        if problem.wait is not None:
            # What is asked of one call holds for all of them, and they should not all come back at once.
            pause = problem.wait + pause / 4
        with self._changed:
            self.counts["retries"] += 1
        _LOG.info("%s; trying again in %.1f s", problem.message, pause)
        self._closed.wait(pause)

    def _given_up(self, problem: Problem, tries: int) -> SpeechIFEvalError:
        several = len(self._servers) > 1
        counted = f"({tries} {'try' if tries == 1 else 'tries'})"
        if problem.unreachable:
            last = "; ".join(server.problem for server in self._servers if server.problem)
            return ModelError(
                f"none of {len(self._servers)} servers answers: {last} {counted}; start them, or correct base_url"
                if several
                else f"{problem.message} {counted}; start the server, or correct base_url"
            )
        message = f"{problem.message} {counted}"
        with self._changed:
            self._in_a_row += 1
            in_a_row = self._in_a_row
        if in_a_row >= MOST_IN_A_ROW:
            return ModelError(f"{in_a_row} calls in a row failed on every try; the last: {message}")
        return CallError(message)

    def _counted(self, turn: Turn, reply: Reply) -> Reply:
        with self._changed:
            self._in_a_row = 0
            self.answered_by[turn.server] += 1
            self.counts["calls"] += 1
            self.counts["input_tokens"] += reply.input_tokens or 0
            self.counts["output_tokens"] += reply.output_tokens or 0
            self.counts["audio_tokens"] += reply.audio_tokens or 0
            if reply.model is not None:
                self.served.add(reply.model)
        return reply
