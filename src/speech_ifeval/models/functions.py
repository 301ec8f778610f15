"""A model of one's own: any callable from a list of requests to a list of replies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from speech_ifeval.errors import SpeechIFEvalError, UsageError
from speech_ifeval.models.interface import Model, Request, batches, failed, identity_of
from speech_ifeval.records import Response

Reply = str | Response
Function = Callable[[list[Request]], Sequence[Reply]]
BATCH_SIZE = 8


class FunctionModel(Model):
    """A callable that answers lists of requests, in their order, with texts or responses.

    A list on which it raises becomes a list of failed responses; so does a list whose answer is not as long
    as it is, or holds something else.

    A callable does not say what its replies depend on. `settings` can: a run is then gone on with by another
    process, and its responses are shared, where they agree. Without them only the same object goes on.

    >>> model = FunctionModel(lambda requests: [request.instruction.upper() for request in requests])
    >>> [response.text for response in model.answer([Request("a", "Hello.")])]
    ['HELLO.']
    """

    def __init__(
        self,
        function: Function,
        *,
        name: str | None = None,
        hears: bool = True,
        batch_size: int = BATCH_SIZE,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"batch_size takes a whole number from 1, found {batch_size}")
        self._function = function
        self._batch_size = batch_size
        called = getattr(function, "__qualname__", type(function).__qualname__)
        self.name = name or called.rpartition(".")[2].strip("<>") or "function"
        self.hears = hears
        # What a live callable answers with cannot be seen: unless told, it is resumed only as the same object.
        self.settings = dict(settings or {"function": called, "object": identity_of(function)})
        self.recorded = {"batch_size": batch_size}

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        for batch in batches(requests, self._batch_size):
            started = time.monotonic()
            try:
                answered: Any = self._function(batch)
                # One text for several requests is a mistake, not a list of letters.
                replies = [answered] if isinstance(answered, str) else list(answered)
            except SpeechIFEvalError:
                raise
            except SystemExit as error:
                yield from (failed(request, error) for request in batch)
                continue
            except Exception as error:  # noqa: BLE001 - foreign code: the one boundary around it
                yield from (failed(request, error) for request in batch)
                continue
            share = (time.monotonic() - started) / len(batch)
            if len(replies) != len(batch):
                why = f"the function answered {len(batch)} requests with {len(replies)} replies"
                yield from (failed(request, why) for request in batch)
                continue
            for request, reply in zip(batch, replies, strict=True):
                yield _response(request, reply, share)


def _response(request: Request, reply: Any, seconds: float) -> Response:
    if isinstance(reply, str):
        return Response(request.id, reply, seconds=seconds)
    if isinstance(reply, Response) and reply.id == request.id:
        return reply if reply.seconds is not None else replace(reply, seconds=seconds)
    if isinstance(reply, Response):
        return failed(request, f"the function answered {request.id} with the response to {reply.id}")
    return failed(request, f"the function answered with {type(reply).__name__}: expected a text or a Response")
