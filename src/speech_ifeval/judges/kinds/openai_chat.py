"""``openai:MODEL``: a language model behind an OpenAI-compatible chat endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.endpoints import SEVERAL, Endpoint, refuse_keys
from speech_ifeval.errors import UsageError
from speech_ifeval.judges.cache import ReplyCache, Said, default_folder
from speech_ifeval.judges.interface import Judge
from speech_ifeval.judges.language_judge import LanguageJudge
from speech_ifeval.judges.registry import Setup, judge_kind
from speech_ifeval.records import Message

PUBLISHED_JUDGE = "gpt-4o-2024-11-20"  # the judge of arXiv 2505.19037
_OURS = frozenset({"messages", "model", "stream", "n"})


@judge_kind("openai", target="MODEL", default=PUBLISHED_JUDGE, by_rubric=True)
def open_openai(
    target: str,
    setup: Setup,
    *,
    base_url: str | list[str] = "",
    api_key_env: str = "",
    concurrency: int = 16,
    timeout: float = 120.0,
    retries: int = 6,
    max_tokens: int = 1024,
    temperature: float = 0.0,
    seed: int = 0,
    server: str = "",
    body: dict[str, Any] | None = None,
) -> Judge:
    """Any model behind an OpenAI-compatible chat endpoint, hosted or on this machine.

    Args:
        target: the model's name at the server; a dated one stays what it is.
        setup: rubrics, repeats, cache.
        base_url: the server's address up to ``/v1``; several share the calls, with commas between them or as a
            list. By default the environment's ``OPENAI_BASE_URL``, else the official API.
        api_key_env: the environment variable that holds the key; by default ``OPENAI_API_KEY``.
        concurrency: the most calls at a time, over all servers.
        timeout: seconds to wait for a reply.
        retries: further tries of a call that failed.
        max_tokens: the longest reply.
        temperature, seed: sent where the server takes them; repeats count the seed up.
        server: what to call the server in cache and label in the place of its address, so that it may move.
        body: further fields of every request; no key may stand in it.

    Raises:
        UsageError: an argument does not fit, or there is no key where one is needed.
        MissingExtraError: the openai package is not installed.
        OutputError: replies cannot be kept.
    """
    taken = sorted(_OURS & (body or {}).keys())
    if taken:
        raise UsageError(f"openai:{target}: body may not hold {taken[0]!r}, which the judge sets; take it out")
    refuse_keys(f"openai:{target}", body or {})
    for name, value in (
        *(("concurrency", concurrency), ("timeout", timeout), ("retries", retries + 1)),
        *(("max_tokens", max_tokens), ("temperature", temperature + 1)),
    ):
        if not value > 0:
            raise UsageError(f"openai:{target}: {name} is too small; give a larger one")
    endpoint = Endpoint(
        base_url, api_key_env=api_key_env, timeout=timeout, retries=retries, concurrency=concurrency
    )
    settings = {
        # Two servers on this machine differ in nothing but the port; who moves one can say that it is the same.
        "server": server.strip() or (endpoint.base_url if len(endpoint.base_urls) == 1 else SEVERAL),
        "model": target,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "seed": seed,
        "body": body or {},
    }
    cache = ReplyCache(setup.cache or default_folder(), target, settings)
    return _EndpointJudge(target, endpoint, settings, setup, cache, concurrency)


class _EndpointJudge(LanguageJudge):
    def __init__(
        self,
        model: str,
        endpoint: Endpoint,
        settings: Mapping[str, Any],
        setup: Setup,
        cache: ReplyCache,
        concurrency: int,
    ) -> None:
        self._endpoint = endpoint
        self._model = model
        self._fields = settings
        self.remote_host = endpoint.remote_host
        super().__init__(
            Path(model).name if Path(model).is_dir() else model,
            self._call,
            rubrics=setup.rubrics,
            settings=settings,
            cache=cache,
            repeats=setup.repeats,
            slots=concurrency,
            longest=settings["max_tokens"],
        )

    def _call(self, messages: Sequence[Message], repeat: int) -> Said:
        reply = self._endpoint.chat(
            self._model,
            [{"role": message.role, "content": message.content} for message in messages],
            {
                "max_tokens": self._fields["max_tokens"],
                "temperature": self._fields["temperature"],
                "seed": self._fields["seed"] + repeat,
                **self._fields["body"],
            },
            may_be_left_out={"temperature", "seed"},
            way_out="take it out of body",
        )
        return Said(reply.text, reply.finish_reason == "length")

    def details(self) -> Mapping[str, Any]:
        return {
            **self._fields,
            **self._endpoint.where,
            "served_model": sorted(self._endpoint.served),
            "fields_left_out": sorted(self._endpoint.left_out),
            **self._endpoint.counts,
        }

    def close(self) -> None:
        self._endpoint.close()
