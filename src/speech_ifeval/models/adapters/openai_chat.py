"""``openai:NAME``: a model behind an OpenAI-compatible chat endpoint, on this machine or another."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from speech_ifeval.endpoints import CallError, Endpoint, concurrently, refuse_keys
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.models.interface import Generation, Model, Request, failed
from speech_ifeval.models.needs import Needs
from speech_ifeval.models.registry import adapter
from speech_ifeval.models.uploads import wav_of
from speech_ifeval.records import Response

_OURS = frozenset({"messages", "model", "stream", "n"})
# What a server that does not know them decodes without: none of them changes a greedy reply, but for the penalty
# of a server that takes one from the checkpoint, and such servers know the field.
_NO_PENALTY = {"repetition_penalty": 1.0, "frequency_penalty": 0.0}


def _needs(target: str, **arguments: object) -> Needs:
    return Needs(notes=(f"openai:{target} is asked at its server, which the job's nodes must reach",))


def _look(target: str, **arguments: Any) -> None:
    open_openai(target, **arguments).close()  # which asks nobody yet


@adapter("openai", target="NAME", extra="openai", needs=_needs, look=_look)
def open_openai(
    target: str,
    *,
    base_url: str | list[str] = "",
    api_key_env: str = "",
    concurrency: int = 16,
    timeout: float = 300.0,
    retries: int = 6,
    hears: bool = True,
    audio_limit: float | None = None,
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
    omit: str = "",
    server: str = "",
    system_in_user: bool = False,
    body: dict[str, Any] | None = None,
) -> Model:
    """Any OpenAI-compatible chat endpoint: vLLM, `transformers serve`, hosted ones.

    The audio goes before the text, as WAV at the clip's own rate. Replies are decoded greedily with the run's
    generation settings, which are always sent. The key is read from the environment and stays there.

    Args:
        target: the model's name at the server.
        base_url: the server's address up to ``/v1``; several share the calls, with commas between them or as a
            list. By default the environment's ``OPENAI_BASE_URL``, else the official API.
        api_key_env: the environment variable that holds the key; by default ``OPENAI_API_KEY``.
        concurrency: the most calls at a time, over all servers.
        timeout: seconds to wait for a reply.
        retries: further tries of a call that failed.
        hears: false gives the model the transcript in place of the audio.
        audio_limit: the longest clip that the model hears whole, in seconds.
        max_tokens_field: what the server calls the limit of a reply.
        omit: fields not to send, such as ``temperature+seed``, for servers that refuse them.
        server: what to call the server in the settings in the place of its address, so that it may move.
        system_in_user: put the system prompt before the user's text, for models that take none beside audio.
        body: further fields of every request, as a table in JSON or TOML; no key may stand in it.

    Raises:
        UsageError: an argument does not fit, or there is no key where one is needed.
        MissingExtraError: the openai package is not installed.
    """
    taken = sorted(_OURS & (body or {}).keys())
    if taken:
        raise UsageError(f"openai:{target}: body may not hold {taken[0]!r}, which the adapter sets; take it out")
    refuse_keys(f"openai:{target}", body or {})
    for name, value in (("concurrency", concurrency), ("timeout", timeout), ("retries", retries + 1)):
        if value <= 0:
            raise UsageError(f"openai:{target}: {name} is too small; give a larger one")
    endpoint = Endpoint(
        base_url, api_key_env=api_key_env, timeout=timeout, retries=retries, concurrency=concurrency
    )
    return _EndpointModel(
        target,
        endpoint,
        concurrency=concurrency,
        hears=hears,
        audio_limit=audio_limit,
        max_tokens_field=max_tokens_field,
        omit=frozenset(part.strip() for part in omit.split("+") if part.strip()),
        server=server.strip() or endpoint.place,
        system_in_user=system_in_user,
        body=body or {},
    )


class _EndpointModel(Model):
    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        concurrency: int,
        hears: bool,
        audio_limit: float | None,
        max_tokens_field: str,
        omit: frozenset[str],
        server: str,
        system_in_user: bool,
        body: Mapping[str, Any],
    ) -> None:
        self.name = Path(name).name if Path(name).is_dir() else name
        self.hears = hears
        self.audio_limit = audio_limit
        self.remote_host = endpoint.remote_host
        self._endpoint = endpoint
        self._served_as = name
        self._concurrency = concurrency
        self._max_tokens_field = max_tokens_field
        self._omit = omit
        self._body = body
        self._system_in_user = system_in_user
        self.settings = {
            "server": server,
            "model": name,
            "max_tokens_field": max_tokens_field,
            "omit": sorted(omit),
            "body": dict(body),
        }

    @property
    def recorded(self) -> Mapping[str, Any]:  # type: ignore[override]
        """What the server has said so far; it is whole when the run is over."""
        return {
            **self._endpoint.where,
            "concurrency": self._concurrency,
            "served_model": sorted(self._endpoint.served),
            "fields_left_out": sorted(self._endpoint.left_out),
            **self._endpoint.counts,
        }

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        return concurrently(self._answer, requests, self._concurrency)

    def prompt(self, request: Request) -> str:
        return msgspec.json.encode(self._messages(request, audio="")).decode()

    def close(self) -> None:
        self._endpoint.close()

    def _answer(self, request: Request) -> Response:
        try:
            audio = None if request.audio is None else base64.b64encode(wav_of(request.audio)).decode("ascii")
            reply = self._endpoint.chat(
                self._served_as,
                self._messages(request, audio),
                self._fields(request.generation),
                may_be_left_out=_may_be_left_out(request.generation),
                way_out="leave it out with omit=…, or take it out of body",
            )
        except (CallError, DataError) as error:
            return failed(request, str(error))
        return Response(
            request.id,
            reply.text,
            finish_reason=reply.finish_reason,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            seconds=reply.seconds,
        )

    def _messages(self, request: Request, audio: str | None) -> list[dict[str, Any]]:
        folded = self._system_in_user and request.system is not None
        text = f"{request.system}\n\n{request.text}" if folded else request.text
        content: Any = text
        if request.audio is not None:
            content = [
                {"type": "input_audio", "input_audio": {"data": audio, "format": "wav"}},
                {"type": "text", "text": text},
            ]
        system = [] if request.system is None or folded else [{"role": "system", "content": request.system}]
        return [*system, {"role": "user", "content": content}]

    def _fields(self, generation: Generation) -> dict[str, Any]:
        fields: dict[str, Any] = {
            self._max_tokens_field: generation.max_new_tokens,
            "temperature": generation.temperature,
            "seed": generation.seed,
            **_NO_PENALTY,
            "repetition_penalty": generation.repetition_penalty,
        }
        if not generation.greedy:
            fields["top_p"] = generation.top_p
        return {name: value for name, value in fields.items() if name not in self._omit} | dict(self._body)


def _may_be_left_out(generation: Generation) -> frozenset[str]:
    names = {"seed", "frequency_penalty"}
    if generation.repetition_penalty == _NO_PENALTY["repetition_penalty"]:
        names.add("repetition_penalty")
    return frozenset(names)
