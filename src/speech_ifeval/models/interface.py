"""What a model is asked and how it answers: the one interface of every adapter."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4
from weakref import WeakKeyDictionary

from msgspec import Struct

from speech_ifeval.errors import UsageError
from speech_ifeval.records import Response

SYSTEM_PROMPT = "Follow the given instructions."
GREEDY = 0.0


class Generation(Struct, frozen=True, forbid_unknown_fields=True):
    """How a reply is generated; the defaults are the published evaluation's.

    Attributes:
        max_new_tokens: the longest reply, in the model's own tokens.
        temperature: 0 decodes greedily.
        top_p: nucleus sampling; of no effect under greedy decoding.
        repetition_penalty: 1 is none. It also applies under greedy decoding, so it is always sent.
        seed: of sampling.

    Raises:
        UsageError: a number that is none of these.

    Source: the generation settings of Speech-IFEval (arXiv 2505.19037).

    >>> Generation().max_new_tokens, Generation().greedy
    (2048, True)
    """

    max_new_tokens: int = 2048
    temperature: float = GREEDY
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "repetition_penalty": self.repetition_penalty,
        }
        for name, value in numbers.items():
            if not 0 <= value < math.inf:
                raise UsageError(f"{name} takes a number from 0, found {value}")
        if self.max_new_tokens < 1:
            raise UsageError(f"max_new_tokens takes a whole number from 1, found {self.max_new_tokens}")

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken each time."""
        return self.temperature == GREEDY


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One question to a model.

    Attributes:
        id: the item's id; the response bears it.
        instruction: what is asked.
        audio: the clip's file, None for a question in text alone.
        transcript: what a text model reads instead of the audio, with its metadata; None where it has none.
        system: the system prompt, None for none.
        generation: how to generate the reply.
        seconds: the clip's length, None where it is not known.

    >>> Request("a", "Answer in capitals.", transcript="hello").text
    'Speech Input: hello\\n\\nAnswer in capitals.'
    """

    id: str
    instruction: str
    audio: Path | None = None
    transcript: str | None = None
    system: str | None = SYSTEM_PROMPT
    generation: Generation = Generation()
    seconds: float | None = None

    @property
    def text(self) -> str:
        """The text of the user's turn: the instruction, below the transcript where there is no audio.

        Source: the reference system's prompt of Speech-IFEval (arXiv 2505.19037).
        """
        if self.audio is not None or self.transcript is None:
            return self.instruction
        return f"Speech Input: {self.transcript}\n\n{self.instruction}"


class Model(ABC):
    """A model that answers requests. A subclass gives `name` and `answer`; the rest has defaults.

    Attributes:
        name: what reports and run directories call it.
        hears: whether it takes audio; one that does not is given the transcript.
        canned: whether its replies are recorded ones, so that neither audio nor transcript is needed.
        audio_limit: the longest clip it hears whole, in seconds; None where no limit is known.
        remote_host: the host, other than this machine, that its requests go to; None if there is none.
        settings: what its replies depend on (weights and their revision, adapter and its scale, precision,
            prompt form), JSON types only: a run is resumed only where they agree.
        recorded: what is written down beside them and may differ: package versions, devices, batch size.

    >>> class Shout(Model):
    ...     name = "shout"
    ...     def answer(self, requests):
    ...         for request in requests:
    ...             yield Response(request.id, request.instruction.upper())
    >>> [response.text for response in Shout().answer([Request("a", "Hello.")])]
    ['HELLO.']
    """

    name: str
    hears: bool = True
    canned: bool = False
    audio_limit: float | None = None
    remote_host: str | None = None
    settings: Mapping[str, Any] = {}
    recorded: Mapping[str, Any] = {}

    @property
    def audio_host(self) -> str | None:
        """The host, other than this machine, that clips go to; None if there is none."""
        return self.remote_host

    @abstractmethod
    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answer every request once, in any order.

        `requests` is read as it is needed, a batch at a time, the longest input of a category first: it
        ends early when the user stops the run, and what was read by then is still answered. A request that
        fails becomes a response without text whose `error` says why; what no request can survive (a key
        that is refused, a model that cannot be loaded) is raised.

        Raises:
            SpeechIFEvalError: no request can be answered.
        """

    def prompt(self, request: Request) -> str:
        """Return the whole prompt as the model gets it, a placeholder for the audio: a fingerprint has it."""
        system = [] if request.system is None else [{"role": "system", "content": request.system}]
        content: Any = request.text
        if request.audio is not None:
            content = [{"type": "audio"}, {"type": "text", "text": request.text}]
        return json.dumps([*system, {"role": "user", "content": content}], ensure_ascii=False)

    def prompts(self, requests: Sequence[Request]) -> list[str]:
        """Return the prompts of many requests; a model that lives elsewhere is asked fewer times."""
        return [self.prompt(request) for request in requests]

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        """Whether two requests reach the model as different inputs; None where only answers can tell."""
        return None

    def close(self) -> None:
        """Let go of what the model holds: memory, processes, connections."""
        return  # most models hold nothing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_NAMED: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def identity_of(thing: Any) -> str:
    """Return a name for an object that lives in this process only: the same while it lives, never anyone else's.

    >>> first, second = Request, Response
    >>> identity_of(first) == identity_of(first) != identity_of(second)
    True
    """
    try:
        return _NAMED.setdefault(thing, uuid4().hex[:12])
    except TypeError:  # it can be neither hashed nor referred to weakly
        return uuid4().hex[:12]


def settings_of(model: Model) -> dict[str, Any]:
    """Return what a model's replies depend on; a model that does not say is only ever itself."""
    return dict(model.settings) or {"object": identity_of(model)}


def batches(requests: Iterable[Request], size: int) -> Iterator[list[Request]]:
    """Yield the requests in lists of at most `size`, reading no further ahead than one list.

    >>> [len(batch) for batch in batches([Request("a", "?"), Request("b", "?"), Request("c", "?")], 2)]
    [2, 1]
    """
    batch: list[Request] = []
    for request in requests:
        batch.append(request)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def failed(request: Request, error: BaseException | str) -> Response:
    """Return the response to a request that could not be answered.

    >>> failed(Request("a", "?"), ValueError("no such voice")).error
    'ValueError: no such voice'
    """
    why = error if isinstance(error, str) else f"{type(error).__name__}: {error}".rstrip(": ")
    return Response(request.id, None, "error", why)
