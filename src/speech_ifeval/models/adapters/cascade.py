"""``cascade:ASR+LLM``: a recogniser hears the clip, a text model reads what it heard."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from speech_ifeval.endpoints import CallError, concurrently
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.models.interface import Model, Request, failed
from speech_ifeval.models.needs import Needs
from speech_ifeval.models.recognisers import Recogniser, RecognitionError, open_recogniser, recogniser_needs
from speech_ifeval.models.registry import (
    accepts,
    adapter,
    find_adapter,
    needs_of,
    open_model,
    parse_arguments,
)
from speech_ifeval.records import Response

_UNHEARD = (CallError, DataError, RecognitionError)
_PLACEHOLDER = "<what the recogniser hears>"


def _needs(target: str, *, asr_args: str | dict[str, Any] = "", llm_args: Any = "", **others: object) -> Needs:
    recogniser, llm = _parts(target)
    return recogniser_needs(recogniser, _arguments(asr_args)) + needs_of(llm, _arguments(llm_args))


@adapter("cascade", target="ASR+LLM", needs=_needs)
def open_cascade(
    target: str,
    *,
    asr_args: str | dict[str, Any] = "",
    llm_args: str | dict[str, Any] = "",
    device: str = "",
    batch_size: int | str = "",
) -> Model:
    """A recogniser and any text model: ``cascade:hf:openai/whisper-small+hf:meta-llama/…``.

    The recogniser is ``hf:`` with a Whisper, ``openai:`` with the name of a model at an endpoint's transcriptions,
    or ``pocketsphinx``, which needs no network and no GPU. The text model is any that ``--model`` takes. It reads
    the transcript as a reference system reads an item's own; the transcript is kept with the response, and a clip
    that several items share is recognised once.

    Args:
        target: both, with a plus sign between them.
        asr_args: the recogniser's arguments, in double quotes: ``asr_args="language=en,dtype=float32"``; in JSON
            and TOML a table.
        llm_args: the text model's, likewise.
        device: of both, where they take one.
        batch_size: of the text model, where it takes one.

    Raises:
        UsageError: not two parts, or an argument that a part does not take.
    """
    recogniser_spec, llm_spec = _parts(target)
    find_adapter(llm_spec)  # a mistyped one is found before the recogniser is loaded
    asr, llm = _arguments(asr_args), _arguments(llm_args)
    for name, value in (("device", device), ("batch_size", batch_size)):
        if value and accepts(llm_spec, name):
            llm.setdefault(name, value)
    if device and recogniser_spec.startswith("hf:"):
        asr.setdefault("device", device)
    recogniser = open_recogniser(recogniser_spec, asr)
    try:
        return _Cascade(recogniser, open_model(llm_spec, llm))
    except BaseException:
        recogniser.close()
        raise


def _parts(target: str) -> tuple[str, str]:
    # A plus sign may stand in a path; the one that counts stands before an adapter's name.
    found = re.split(r"\+(?=[a-z]+:)", target, maxsplit=1)
    if len(found) == 1 or not found[0]:
        raise UsageError(
            f"cascade:{target}: expected ASR+LLM, such as pocketsphinx+hf:PATH or hf:WHISPER+openai:NAME"
        )
    if found[1].startswith("cascade:"):
        raise UsageError(f"cascade:{target}: the text model cannot be a cascade; name the model itself")
    return found[0], found[1]


def _arguments(given: str | dict[str, Any]) -> dict[str, Any]:
    return dict(parse_arguments(given) if isinstance(given, str) else given)


class _Transcripts:
    """What was heard, clip by clip; each is recognised once, whichever thread asks first."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._lock = threading.Lock()
        self._heard: dict[Path, Future[str]] = {}

    def of(self, clip: Path) -> str:
        with self._lock:
            known = self._heard.get(clip)
            heard = self._heard.setdefault(clip, Future())
        if known is None:
            try:
                heard.set_result(self._recogniser.transcribe(clip))
            except BaseException as error:
                heard.set_exception(error)
                raise
        return heard.result()


class _Cascade(Model):
    def __init__(self, recogniser: Recogniser, llm: Model) -> None:
        self._recogniser = recogniser
        self._llm = llm
        self._transcripts = _Transcripts(recogniser)
        self.name = f"{recogniser.name}+{llm.name}"
        self.audio_limit = recogniser.audio_limit
        hosts = dict.fromkeys(host for host in (recogniser.remote_host, llm.remote_host) if host is not None)
        self.remote_host = " and ".join(hosts) or None
        self._audio_host = recogniser.remote_host
        self.settings = {"asr": dict(recogniser.settings), "llm": {"name": llm.name, **llm.settings}}

    @property
    def recorded(self) -> Mapping[str, Any]:  # type: ignore[override]
        """What both have to record so far."""
        return {"asr": dict(self._recogniser.recorded), "llm": dict(self._llm.recorded)}

    @property
    def audio_host(self) -> str | None:
        return self._audio_host

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        heard: dict[str, str] = {}
        unheard: list[Response] = []

        def read() -> Iterator[Request]:
            for request, outcome in concurrently(self._hear, requests, self._recogniser.slots):
                if isinstance(outcome, Response):
                    unheard.append(outcome)
                    continue
                if outcome is not None:
                    heard[request.id] = outcome
                yield _as_text(request, outcome)

        for response in self._llm.answer(read()):
            yield from unheard
            unheard.clear()
            yield replace(response, transcript=heard.pop(response.id, None))
        yield from unheard

    def prompt(self, request: Request) -> str:
        # What is heard follows from the clip and the recogniser's settings, which a fingerprint holds as well.
        return self._llm.prompt(_as_text(request, None if request.audio is None else _PLACEHOLDER))

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        # Two clips may well hold the same words, or none that the recogniser knows: that proves nothing.
        heard = [outcome for _, outcome in (self._hear(first), self._hear(second)) if isinstance(outcome, str)]
        return True if len(set(heard)) > 1 else None

    def close(self) -> None:
        self._recogniser.close()
        self._llm.close()

    def _hear(self, request: Request) -> tuple[Request, str | Response | None]:
        if request.audio is None:
            return request, None
        try:
            return request, self._transcripts.of(request.audio)
        except _UNHEARD as error:
            return request, failed(request, str(error))


def _as_text(request: Request, heard: str | None) -> Request:
    return request if heard is None else replace(request, audio=None, transcript=heard, seconds=None)
