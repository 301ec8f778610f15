"""Requests to tensors: audio at the processor's rate, left-padded batches, and how much of a clip is heard."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.clips import load_samples
from speech_ifeval.models.interface import Request
from speech_ifeval.models.transformers_models.prompts import Prompts, audio_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_RATE = 16000
_ANY_CLIP = Path("probe.wav")
_EXTRACTORS = ("feature_extractor", "audio_processor")


class Heard(Struct, frozen=True):
    """A request with its clip decoded: samples of shape ``(n,)`` at the processor's rate, None without audio."""

    request: Request
    samples: Any = None


class Encoder:
    """Makes a model's input tensors out of requests.

    Attributes:
        hears: whether the processor takes audio.
        rate: samples a second that it wants.
    """

    def __init__(self, processor: Any, prompts: Prompts, pad: int) -> None:
        self._processor = processor
        self._tokenizer = getattr(processor, "tokenizer", processor)
        self._prompts = prompts
        self._pad = pad
        extractor = feature_extractor(processor)
        self.hears = extractor is not None
        self.rate: int = getattr(extractor, "sampling_rate", DEFAULT_RATE)
        self._extractor = extractor

    def hear(self, request: Request) -> Heard:
        """Decode the request's clip.

        Raises:
            DataError: the clip is missing, broken or empty.
            MissingExtraError: a package for audio is missing.
        """
        return Heard(request, None if request.audio is None else load_samples(request.audio, self.rate))

    def encode(self, batch: Sequence[Heard]) -> dict[str, Any]:
        """Return the model's inputs, one row a request, padded on the left. All have audio, or none has.

        ``input_ids`` and ``attention_mask`` have the shape ``(n, tokens)``; the processor adds the audio's.
        """
        if not self.hears:
            return self._encode_text([self._prompts.render(one.request) for one in batch])
        if "audio" not in self._parameters and "audios" not in self._parameters:
            return self._encode_chats(batch)
        texts = [self._prompts.render(one.request) for one in batch]
        # Padding is asked of the text alone: audio is padded as each processor does by itself.
        text_options = {"padding": True, "padding_side": "left"}
        bos = getattr(self._tokenizer, "bos_token", None)
        if bos and texts[0].startswith(bos):
            text_options["add_special_tokens"] = False
        options: dict[str, Any] = {"text": texts, "text_kwargs": text_options, "return_tensors": "pt"}
        if batch[0].samples is not None:
            options["audio" if "audio" in self._parameters else "audios"] = [one.samples for one in batch]
            options["audio_kwargs"] = {"sampling_rate": self.rate}
        return dict(self._processor(**options))

    def audio_tokens(self, inputs: dict[str, Any]) -> int | None:
        """Count the places for audio in a batch's tokens; None where the processor does not name the token."""
        token = getattr(self._processor, "audio_token_id", None)
        if token is None and self._prompts.audio_token:
            token = self._tokenizer.convert_tokens_to_ids(self._prompts.audio_token)
        return None if token is None else int((inputs["input_ids"] == token).sum())

    def longest_clip(self) -> float | None:
        """Return how many seconds of a clip reach the model, found out with noise; None where nothing is cut off.

        Whisper's feature extractor takes 30 s. Some processors drop the rest without a word, others cut a clip
        into windows.
        """
        if not self.hears:
            return None
        window = getattr(self._extractor, "n_samples", None)
        if window and self._same_inputs(_noise(window), _noise(window + self.rate)):
            return float(window / self.rate)
        declared = getattr(self._processor, "max_audio_len", None)
        return None if declared is None else float(declared)

    def _same_inputs(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
        request = Request("probe", "What is said?", audio=_ANY_CLIP, system=None)
        return not tensors_differ(self.encode([Heard(request, first)]), self.encode([Heard(request, second)]))

    @property
    def _parameters(self) -> Any:
        return inspect.signature(self._processor.__call__).parameters

    def _encode_text(self, texts: list[str]) -> dict[str, Any]:
        import torch

        # A rendered prompt holds its special tokens; the tokenizer would add the first a second time.
        rows = [self._tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        longest = max(map(len, rows))
        padding = [longest - len(row) for row in rows]
        ids = [[self._pad] * short + list(row) for short, row in zip(padding, rows, strict=True)]
        mask = [[0] * short + [1] * (longest - short) for short in padding]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}

    def _encode_chats(self, batch: Sequence[Heard]) -> dict[str, Any]:
        chats = [
            self._prompts.messages(one.request, lambda one=one: audio_part(one.samples, self.rate))  # type: ignore[misc]
            for one in batch
        ]
        return dict(self._processor.apply_chat_template(chats))


def feature_extractor(processor: Any) -> Any | None:
    """Return the part of a processor that takes audio, None where it has none."""
    return next((part for name in _EXTRACTORS if (part := getattr(processor, name, None)) is not None), None)


def tensors_differ(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two sets of inputs differ in what is computed from audio: any tensor of floating-point numbers."""
    import torch

    names = {
        name
        for inputs in (first, second)
        for name, value in inputs.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    return any(
        name not in first
        or name not in second
        or first[name].shape != second[name].shape
        or not torch.equal(first[name], second[name])
        for name in names
    )


def _noise(samples: int) -> NDArray[np.float32]:
    import numpy as np

    # The same generator: a longer noise starts with the shorter one.
    return np.random.default_rng(0).uniform(-0.5, 0.5, samples).astype(np.float32)
