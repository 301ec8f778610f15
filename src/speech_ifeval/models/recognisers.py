"""Who hears for a cascade: a recogniser turns a clip into text. ``hf:ID``, ``openai:NAME`` or ``pocketsphinx``."""

from __future__ import annotations

import difflib
import inspect
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from speech_ifeval.clips import load_samples
from speech_ifeval.endpoints import Endpoint
from speech_ifeval.errors import MissingExtraError, SpeechIFEvalError, UsageError
from speech_ifeval.models.needs import Needs, Snapshot
from speech_ifeval.models.transformers_models.digests import revision_of
from speech_ifeval.models.transformers_models.failures import loading, require_transformers
from speech_ifeval.models.uploads import sixteen_bits, wav_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_WINDOW = 30.0  # seconds that Whisper hears at once
_FRAME = 0.02  # seconds over which loudness is measured
_SPHINX_RATE = 16000


class RecognitionError(SpeechIFEvalError):
    """A clip could not be recognised; others may be."""


class Recogniser(ABC):
    """Turns clips into text.

    Attributes:
        name: what reports call it.
        slots: how many clips it takes at a time.
        remote_host, settings, recorded, audio_limit: as of a `Model`.
    """

    name: str
    slots: int = 1
    audio_limit: float | None = None
    remote_host: str | None = None
    settings: Mapping[str, Any] = {}
    recorded: Mapping[str, Any] = {}

    @abstractmethod
    def transcribe(self, clip: Path) -> str:
        """Return what is said in a clip, an empty text where nothing is heard.

        The text does not depend on the clips that came before.

        Raises:
            DataError: the clip is missing or broken.
            RecognitionError, CallError: this clip could not be recognised.
            ModelError: none can be.
        """

    def close(self) -> None:
        """Let go of what the recogniser holds."""
        return


def open_recogniser(spec: str, arguments: Mapping[str, Any]) -> Recogniser:
    """Make the recogniser that a specification names.

    Args:
        spec: ``hf:ID-or-path``, ``openai:NAME`` or ``pocketsphinx``.
        arguments: keywords of `open_whisper`, `open_server` or `open_sphinx`; texts are converted.

    Raises:
        UsageError: no such recogniser, an unknown argument, or a value that does not fit.
        MissingExtraError: an optional package is needed.
        ModelError: it cannot be loaded.

    >>> open_recogniser("sphinx", {})
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no recogniser 'sphinx': expected hf:ID, openai:NAME or pocketsphinx
    """
    scheme, _, target = spec.partition(":")
    if scheme not in _RECOGNISERS or bool(target) != (scheme != "pocketsphinx"):
        raise UsageError(f"no recogniser {spec!r}: expected hf:ID, openai:NAME or pocketsphinx")
    function = _RECOGNISERS[scheme]
    kinds = typing.get_type_hints(function)
    known = [name for name, one in inspect.signature(function).parameters.items() if one.kind is one.KEYWORD_ONLY]
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UsageError(
                f"the recogniser {spec} takes no argument {name!r}: it takes {', '.join(known) or 'none'}{hint}"
            )
        try:
            given[name] = msgspec.convert(value, kinds[name], strict=False)
        except msgspec.ValidationError as error:
            raise UsageError(f"the argument {name} of {spec}: {error}, found {value!r}; correct it") from None
    return function(target, **given)


def recogniser_needs(spec: str, arguments: Mapping[str, Any]) -> Needs:
    """Return what must be fetched for a recogniser before it can work without network.

    >>> recogniser_needs("pocketsphinx", {}).snapshots
    ()
    """
    scheme, _, target = spec.partition(":")
    if scheme == "hf":
        revision, pickles = arguments.get("revision"), arguments.get("allow_pickle", False)
        allowed = msgspec.convert(pickles, bool, strict=False)
        return Needs((Snapshot(target, revision, allow_pickle=allowed, recogniser=True),))
    if scheme == "openai":
        return Needs(notes=(f"the recogniser {spec} is asked at its server, which the job's nodes must reach",))
    return Needs()


def open_whisper(
    target: str,
    *,
    language: str = "",
    dtype: str = "auto",
    device: str = "auto",
    revision: str | None = None,
    allow_pickle: bool = False,
) -> Recogniser:
    """A Whisper, or another transformers model from speech to text, in this process.

    Args:
        target: a repository of the hub, or a folder.
        language: of the speech, such as ``en``; by default the model finds out.
        dtype: ``bfloat16``, ``float16``, ``float32``; ``auto`` is the checkpoint's own, on the CPU float32.
        device: such as ``cuda:1``; ``auto`` is the first card, or the CPU.
        revision: a commit, branch or tag.
        allow_pickle: also read weights that are not in safetensors.
    """
    return _Whisper(target, language, dtype, device, revision, allow_pickle)


def open_server(
    target: str,
    *,
    language: str = "",
    base_url: str | list[str] = "",
    api_key_env: str = "",
    concurrency: int = 8,
    timeout: float = 300.0,
    retries: int = 6,
    audio_limit: float | None = None,
) -> Recogniser:
    """A model behind an endpoint's ``/v1/audio/transcriptions``.

    Args:
        target: the model's name at the server.
        language: of the speech, such as ``en``; by default the server finds out.
        base_url, api_key_env, concurrency, timeout, retries, audio_limit: as of an ``openai:`` model.
    """
    if concurrency < 1:
        raise UsageError(f"the recogniser openai:{target}: concurrency is too small; give a larger one")
    endpoint = Endpoint(
        base_url, api_key_env=api_key_env, timeout=timeout, retries=retries, concurrency=concurrency
    )
    return _Server(target, endpoint, language, concurrency, audio_limit)


def open_sphinx(target: str = "") -> Recogniser:
    """Pocketsphinx with the American English that it brings along: offline, small, and often wrong."""
    return _Sphinx()


_RECOGNISERS: dict[str, Callable[..., Recogniser]] = {
    "hf": open_whisper,
    "openai": open_server,
    "pocketsphinx": open_sphinx,
}


def windows(samples: NDArray[np.float32], rate: int, longest: float) -> Iterator[NDArray[np.float32]]:
    """Cut samples, shape ``(n,)``, into pieces of at most `longest` seconds, where it is quietest.

    Each cut falls into the last third of its piece, so that words stay whole.

    >>> import numpy as np
    >>> speech = np.ones(100, np.float32)
    >>> speech[50:54] = 0
    >>> [len(piece) for piece in windows(speech, rate=100, longest=0.6)]
    [50, 50]
    """
    import numpy

    most, frame = int(longest * rate), max(1, int(_FRAME * rate))
    start = 0
    while len(samples) - start > most:
        first = start + 2 * most // 3
        frames = samples[first : first + (start + most - first) // frame * frame].reshape(-1, frame)
        cut = first + int(numpy.argmin((frames * frames).mean(axis=1))) * frame
        yield samples[start:cut]
        start = cut
    yield samples[start:]


class _Sphinx(Recogniser):
    name = "pocketsphinx"

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError:
            raise MissingExtraError("pocketsphinx", "pocketsphinx", "the recogniser pocketsphinx") from None
        self._decoder = Decoder(samprate=_SPHINX_RATE, loglevel="FATAL")
        self.settings = {"recogniser": "pocketsphinx", "version": version("pocketsphinx")}

    def transcribe(self, clip: Path) -> str:
        samples = load_samples(clip, _SPHINX_RATE)
        # Otherwise a clip is heard through the running mean of those before it, and resuming changes transcripts.
        self._decoder.reinit_feat()
        return _joined(self._heard(piece) for piece in windows(samples, _SPHINX_RATE, LONGEST_WINDOW))

    def _heard(self, samples: NDArray[np.float32]) -> str:
        self._decoder.start_utt()
        self._decoder.process_raw(sixteen_bits(samples), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return "" if found is None else str(found.hypstr)


class _Server(Recogniser):
    def __init__(
        self, name: str, endpoint: Endpoint, language: str, slots: int, audio_limit: float | None
    ) -> None:
        self.name = name
        self.slots = slots
        self.audio_limit = audio_limit
        self.remote_host = endpoint.remote_host
        self._endpoint = endpoint
        self._fields = {"language": language} if language else {}
        self.settings = {
            "recogniser": "openai",
            "server": endpoint.place,
            "model": name,
            **self._fields,
        }

    @property
    def recorded(self) -> Mapping[str, Any]:  # type: ignore[override]
        return {**self._endpoint.where, **self._endpoint.counts}

    def transcribe(self, clip: Path) -> str:
        return self._endpoint.transcribe(self.name, wav_of(clip), self._fields).text.strip()

    def close(self) -> None:
        self._endpoint.close()


class _Whisper(Recogniser):
    def __init__(
        self, target: str, language: str, dtype: str, device: str, revision: str | None, allow_pickle: bool
    ) -> None:
        require_transformers(f"the recogniser hf:{target}")
        import torch
        import transformers

        if device == "auto":
            device = "cuda:0" if torch.cuda.is_available() else "cpu"
        if dtype == "auto" and device == "cpu":
            dtype = "float32"
        processors: Any = transformers.AutoProcessor
        models: Any = transformers.AutoModelForSpeechSeq2Seq
        safely = {"use_safetensors": None if allow_pickle else True, "weights_only": True}
        with loading(target):
            self._processor = processors.from_pretrained(target, revision=revision)
            self._model = models.from_pretrained(target, revision=revision, dtype=dtype, **safely)
            self._model.to(device).eval()
        self._torch = torch
        self._rate: int = self._processor.feature_extractor.sampling_rate
        multilingual = bool(getattr(self._model.generation_config, "is_multilingual", False))
        if language and not multilingual:
            raise UsageError(f"the recogniser hf:{target} knows one language only; leave out language={language}")
        self._options = {"task": "transcribe"} if multilingual else {}
        if language:
            self._options["language"] = language
        folder = Path(target).expanduser()
        self.name = folder.resolve().name if folder.is_dir() else target
        self.settings = {
            "recogniser": "hf",
            "model": self.name,
            "revision": revision_of(target, revision),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "language": language or None,
        }
        self.recorded = {"device": str(self._model.device), "transformers": transformers.__version__}

    def transcribe(self, clip: Path) -> str:
        samples = load_samples(clip, self._rate)
        problem = None
        try:
            return _joined(self._heard(piece) for piece in windows(samples, self._rate, LONGEST_WINDOW))
        except Exception as error:  # noqa: BLE001 - foreign code: the one boundary around it
            problem = f"{type(error).__name__}: {error}"
        raise RecognitionError(f"{clip}: {self.name} failed on the clip ({problem})")

    def _heard(self, samples: NDArray[np.float32]) -> str:
        inputs = self._processor(
            samples, sampling_rate=self._rate, return_tensors="pt", return_attention_mask=True
        ).to(self._model.device)
        floats = {name: value.to(self._model.dtype) for name, value in inputs.items() if value.is_floating_point()}
        with self._torch.inference_mode():
            ids = self._model.generate(**{**inputs, **floats}, do_sample=False, num_beams=1, **self._options)
        return str(self._processor.batch_decode(ids, skip_special_tokens=True)[0])


def _joined(pieces: Iterator[str]) -> str:
    return " ".join(text for piece in pieces if (text := piece.strip()))
