"""One loaded model for several runs: each run closes what it was given, and the model stays open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.job import AnyModel
from speech_ifeval.models import Model, Request, open_model
from speech_ifeval.records import Response


class Lent(Model):
    """A model that somebody else closes; all it says and answers is the other's."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name = model.name
        self.hears = model.hears
        self.canned = model.canned
        self.audio_limit = model.audio_limit
        self.remote_host = model.remote_host
        self.settings = model.settings
        self.recorded = model.recorded

    @property
    def audio_host(self) -> str | None:
        return self._model.audio_host

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        return self._model.answer(requests)

    def prompt(self, request: Request) -> str:
        return self._model.prompt(request)

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        return self._model.inputs_differ(first, second)


@contextmanager
def opened_once(model: str, arguments: Mapping[str, Any] | None, benchmark: Benchmark) -> Iterator[AnyModel]:
    """Open a model and yield it for several runs; recorded replies are opened by each run itself."""
    with open_model(model, arguments, benchmark=benchmark) as opened:
        yield model if opened.canned else Lent(opened)
