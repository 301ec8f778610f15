"""What servers answer, read into one form: everything a server leaves out or adds is let be."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

_FINISH: dict[str | None, Literal["stop", "length"]] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
}
_NO_REPLY = frozenset({"content_filter", "tool_calls", "function_call", "error", "abort"})


class Reply(Struct, frozen=True):
    """What a server answers to one call.

    Attributes:
        text: the reply.
        finish_reason: ``stop``, ``length`` where the reply was cut off, None where the server says nothing known.
        model: what the server calls the model that answered.
        input_tokens, output_tokens, audio_tokens: as the server counts them; None where it does not.
        seconds: how long the try that succeeded took.
    """

    text: str
    finish_reason: Literal["stop", "length"] | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    audio_tokens: int | None = None
    seconds: float = 0.0


class _Part(Struct):
    text: str | None = None


class _Message(Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Details(Struct):
    audio_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Completion(Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: _Usage | None = None


class _Transcription(Struct):
    text: str


class ServedModel(Struct, frozen=True):
    """One of the models that a server lists: its name there, and what it was loaded from, where that is told."""

    id: str
    root: str | None = None


class _Models(Struct):
    data: list[ServedModel]


class NoReplyError(Exception):
    """The server answered, with nothing to read."""


def read_completion(content: bytes) -> Reply:
    """Read the answer to a chat completion.

    An empty text is a reply; none at all is one only where the limit of tokens cut it off.

    Raises:
        NoReplyError: it holds no reply.
        msgspec.MsgspecError: it is not JSON, or not of the form that it should have.

    >>> read_completion(b'{"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}').text
    'Yes.'
    """
    found = msgspec.json.decode(content, type=_Completion)
    if not found.choices:
        raise NoReplyError("an answer without a choice")
    choice, usage = found.choices[0], found.usage or _Usage()
    said = choice.message.content
    parts = [part.text for part in said if part.text is not None] if isinstance(said, list) else []
    text = said if isinstance(said, str) else "".join(parts) if parts else None
    # A refusal is what the model says. Where nothing is said, only one that was cut off had a turn: it spent it on
    # what it does not show, and would again.
    text = choice.message.refusal or None if text is None else text
    finish = choice.finish_reason
    if finish in _NO_REPLY or (text is None and _FINISH.get(finish) != "length"):
        raise NoReplyError(f"no reply, with the finish reason {finish!r}")
    return Reply(
        text=text or "",
        finish_reason=_FINISH.get(finish),
        model=found.model,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        audio_tokens=usage.prompt_tokens_details.audio_tokens if usage.prompt_tokens_details else None,
    )


def read_transcription(content: bytes) -> Reply:
    """Read the answer to a transcription.

    Raises:
        msgspec.MsgspecError: it is not JSON, or has no text.
    """
    return Reply(msgspec.json.decode(content, type=_Transcription).text)


def read_models(content: bytes) -> tuple[ServedModel, ...]:
    """Read a list of models; none where it is none.

    >>> read_models(b'{"data": [{"id": "b"}, {"id": "a", "root": "/models/a", "created": 1}]}')
    (ServedModel(id='a', root='/models/a'), ServedModel(id='b', root=None))
    >>> read_models(b"<html>")
    ()
    """
    try:
        found = msgspec.json.decode(content, type=_Models).data
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    return tuple(sorted(found, key=lambda model: (model.id, model.root or "")))
