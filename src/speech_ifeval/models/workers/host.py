"""A process of a fleet: any model of this package, behind the protocol that workers speak.

Run as ``python -m speech_ifeval.models.workers.host``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.models.interface import Request
from speech_ifeval.models.registry import open_model
from speech_ifeval.models.workers.protocol import open_channel, serve


class Host:
    """The model that `hosted` names: ``spec``, ``arguments``, and ``benchmark``, a folder or None."""

    def __init__(self, hosted: dict[str, Any]) -> None:
        root = hosted["benchmark"]
        benchmark = None if root is None else load_benchmark(Path(root))
        self._model = open_model(hosted["spec"], hosted["arguments"], benchmark=benchmark)
        self.name = self._model.name
        self.hears = self._model.hears
        self.audio_limit = self._model.audio_limit
        self.remote_host = self._model.remote_host
        self.settings = self._model.settings
        self.recorded = self._model.recorded

    def stream(self, requests: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Answer requests as they come; the model reads as far ahead as it needs."""
        for response in self._model.answer(_request(one) for one in requests):
            row = msgspec.to_builtins(response)
            # Fields of their default are left out of a record, and a text that is none is one of the protocol's.
            yield {**row, "id": response.id}

    def prompt(self, request: dict[str, Any]) -> str:
        """Return the model's own prompt."""
        return self._model.prompt(_request(request))

    def inputs_differ(self, first: dict[str, Any], second: dict[str, Any]) -> bool | None:
        """Return what the model says."""
        return self._model.inputs_differ(_request(first), _request(second))

    def close(self) -> None:
        """Let go of the model."""
        self._model.close()


def _request(message: dict[str, Any]) -> Request:
    fields = {key: value for key, value in message.items() if key != "text"}
    if fields.get("audio") is not None:
        fields["audio"] = Path(fields["audio"])
    return msgspec.convert(fields, Request)


if __name__ == "__main__":
    open_channel()
    serve(Host)
