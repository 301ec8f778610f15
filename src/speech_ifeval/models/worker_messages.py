"""What a worker may send (docs/worker-protocol.md), read strictly: a worker is foreign code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from speech_ifeval.errors import (
    DataError,
    MismatchError,
    MissingExtraError,
    ModelError,
    OutputError,
    SpeechIFEvalError,
    UsageError,
)
from speech_ifeval.models.interface import Request
from speech_ifeval.records import Response

PROTOCOL = 1
MAX_LINE = 8 << 20
CRASH = "Crash"
_SHOWN = 200

Count = Annotated[int, Meta(ge=1, le=1024)]
Tokens = Annotated[int, Meta(ge=0, lt=2**53)]
Seconds = Annotated[float, Meta(ge=0)]


class Hello(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="hello"):
    """The worker's model is loaded; the fields are those of `speech_ifeval.models.Model`."""

    protocol: int
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    hears: bool = True
    audio_limit: Annotated[float, Meta(gt=0)] | None = None
    remote_host: str | None = None
    batch_size: Count = 1
    settings: dict[str, Any] = {}
    recorded: dict[str, Any] = {}
    capabilities: tuple[str, ...] = ()
    arguments: list[dict[str, Any]] = []


class Next(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="next"):
    """The worker takes at most `count` requests."""

    count: Count


class Answer(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="response"):
    """The response to one request."""

    id: str
    text: str | None = None
    finish_reason: Literal["stop", "length", "error"] | None = None
    error: str | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    seconds: Seconds | None = None
    audio_cut: bool | None = None
    transcript: str | None = None

    def __post_init__(self) -> None:
        if self.text is None and not self.error:
            raise ValueError("a response has a text or an error")

    def response(self) -> Response:
        """Return it as a record: where there is an error there is no text."""
        return Response(
            id=self.id,
            text=None if self.error else self.text,
            finish_reason="error" if self.error else self.finish_reason,
            error=printable(self.error) if self.error else None,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            seconds=self.seconds,
            audio_cut=self.audio_cut,
            transcript=self.transcript,
        )


class Prompt(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="prompt"):
    """The prompt that was asked for."""

    prompt: str


class InputsDiffer(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="inputs_differ"):
    """Whether the two requests reach the model as different inputs."""

    differ: bool | None


class Failed(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="failed"):
    """There is no prompt, or no knowing whether the inputs differ."""

    kind: str
    message: str


class Fatal(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="error"):
    """The worker ends; with the kind `CRASH` it asks to be started again."""

    kind: str
    message: str


Message = Hello | Next | Answer | Prompt | InputsDiffer | Failed | Fatal

_DECODER = msgspec.json.Decoder(Message)
_ENCODER = msgspec.json.Encoder()
_KINDS: Mapping[str, type[SpeechIFEvalError]] = {
    one.__name__: one for one in (UsageError, DataError, MismatchError, OutputError, ModelError)
}
_EXTRA = re.compile(r"(.+) needs the package (\S+): pip install 'speech-ifeval\[(.+)\]'")


def decode(line: bytes) -> Message:
    """Read one line.

    Raises:
        ValueError: it is no message; says why.

    >>> decode(b'{"type":"next","count":4}')
    Next(count=4)
    >>> decode(b'{"type":"next","count":0}')
    Traceback (most recent call last):
    ...
    ValueError: sent what is no message (Expected `int` >= 1 - at `$.count`): {"type":"next","count":0}
    """
    try:
        message: Message = _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        version = _version(line)
        if version is not None:
            why = f"expected protocol {PROTOCOL}, found {version}"
        else:
            why = f"sent what is no message ({error})"
        shown = printable(line[:_SHOWN].decode("utf-8", "replace"))
        raise ValueError(f"{why}: {shown}{'…' if len(line) > _SHOWN else ''}") from None
    return message


def encode(message: Mapping[str, Any]) -> bytes:
    """Return one line."""
    return _ENCODER.encode(message) + b"\n"


def wire(request: Request) -> dict[str, Any]:
    """Return a request as a worker gets it: its text ready made, its clip by an absolute path.

    >>> wire(Request("a", "Sing.", transcript="la"))["text"]
    'Speech Input: la\\n\\nSing.'
    """
    audio = None if request.audio is None else str(request.audio.absolute())
    return {
        "id": request.id,
        "instruction": request.instruction,
        "text": request.text,
        "audio": audio,
        "transcript": request.transcript,
        "system": request.system,
        "generation": msgspec.to_builtins(request.generation),
        "seconds": request.seconds,
    }


def refusal(name: str, kind: str, message: str) -> SpeechIFEvalError:
    """Return the exception that a worker's error stands for.

    >>> refusal("salmonn", "UsageError", "the worker takes no argument 'scale'")
    UsageError("salmonn: the worker takes no argument 'scale'")
    """
    extra = _EXTRA.fullmatch(message) if kind == MissingExtraError.__name__ else None
    if extra is not None:
        return MissingExtraError(extra[3], extra[2], extra[1])
    return _KINDS.get(kind, ModelError)(f"{name}: {printable(message)}")


def printable(text: str) -> str:
    r"""Return text that cannot steer a terminal: control characters but line breaks and tabs are dropped.

    >>> printable("\x1b[31mout of memory\x1b[0m\r\n")
    'out of memory\n'
    """
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]", "", text)
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "", text)


def _version(line: bytes) -> str | None:
    try:
        hello = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(hello, dict) or hello.get("type") != "hello" or hello.get("protocol") == PROTOCOL:
        return None
    return printable(repr(hello.get("protocol"))[:_SHOWN])
