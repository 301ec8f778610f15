"""A transformers model in this process as a `Model`: batches as they are needed, halved when memory is short."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import copy
from itertools import groupby, islice
from typing import Any

from speech_ifeval.errors import DataError, ModelError
from speech_ifeval.models.interface import Model, Request, failed
from speech_ifeval.models.transformers_models.decoding import (
    Marks,
    find_marks,
    neutral_settings,
    read_reply,
    response_of,
    sampling_seed,
    settings_for,
)
from speech_ifeval.models.transformers_models.encoding import Encoder, Heard, tensors_differ
from speech_ifeval.models.transformers_models.lora import (
    ALL,
    Part,
    check_scalable,
    describe_scale,
    lora_layers,
    scaled,
)
from speech_ifeval.models.transformers_models.memory import first_guess, free_memory, is_out_of_memory
from speech_ifeval.models.transformers_models.prompts import Prompts
from speech_ifeval.models.transformers_models.untouched import evaluating, random_state_kept, set_for_now
from speech_ifeval.records import Response

AUTO = "auto"


class TransformersModel(Model):
    """Answers with a loaded model; between batches nothing of the model, or of the process, is changed.

    Args:
        model: a transformers model that generates, plain or with PEFT layers.
        processor: its processor, or its tokenizer for a text model.
        name: what reports call it.
        revision: which weights they are.
        chat_template: as `find_template`.
        lora_scale: a factor on the adapter's part; None leaves the model as trained.
        batch_size: requests at once; ``"auto"`` starts from a guess. Halved when memory runs out.

    Raises:
        UsageError: no chat template, or a LoRA scale where it means nothing.
        ModelError: the chat template takes no prompt of an evaluation.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        name: str,
        revision: str,
        chat_template: str | None = None,
        lora_scale: float | None = None,
        batch_size: int | str = AUTO,
        settings: dict[str, Any] | None = None,
    ) -> None:
        if lora_scale is not None:
            check_scalable(model, name)
        self.name = name
        self._plain_name = name if lora_scale is None else name.removesuffix(f"@{lora_scale:g}")
        self._wrapped = model
        # PEFT's wrapper adds nothing to generation but its own defaults; the layers are inside.
        self._model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self._processor = processor
        self._tokenizer = getattr(processor, "tokenizer", processor)
        self._scale, self._part = lora_scale, ALL
        self._marks: Marks = find_marks(self._model, self._tokenizer)
        self._prompts = Prompts(processor, chat_template, name)
        self._encoder = Encoder(processor, self._prompts, self._marks.pad)
        self.hears = self._encoder.hears
        with self._padding():
            self.audio_limit = self._encoder.longest_clip()
        self._size = first_guess(self._model) if isinstance(batch_size, str) else batch_size
        self.settings = {
            "model": name,
            "class": type(self._model).__name__,
            "revision": revision,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "attention": getattr(self._model.config, "_attn_implementation", None),
            "system_prompt": self._prompts.system_prompt(self.hears),
            "stop_tokens": list(self._marks.stop),
            **self._prompts.settings,
            **({"sampling_rate": self._encoder.rate} if self.hears else {}),
            **({"lora": describe_scale(model, lora_scale)} if lora_layers(model) else {}),
            **(settings or {}),
        }
        self.recorded: dict[str, Any] = {
            "batch_size": self._size,
            "device": str(self._model.device),
            "versions": _versions(),
        }

    def rescaled(self, factor: float, part: Part = ALL) -> TransformersModel:
        """Return the same model with its adapter at another scale; weights are shared, and nothing is loaded.

        Args:
            factor: 1 is as trained, 0 the model without its adapter.
            part: the layers that are scaled; the rest is as trained.

        Raises:
            UsageError: the adapter cannot be scaled, or has no layer in that part.
        """
        check_scalable(self._wrapped, self.name)
        other = self._renamed(factor, part, {"lora": describe_scale(self._wrapped, factor, part)})
        other._scale, other._part = factor, part
        return other

    def interpolated(self, factor: float, part: Part, base: str) -> TransformersModel:
        """Return the same model, named after the weights that `interpolation` has set; `base` is their origin."""
        return self._renamed(factor, part, {"interpolated": {"base": base, "factor": factor}})

    def _renamed(self, factor: float, part: Part, settings: dict[str, Any]) -> TransformersModel:
        other = copy(self)
        where = "" if part == ALL else f"[{part}]"
        other.name = f"{self._plain_name}@{factor:g}{where}"
        other.settings = {**self.settings, "model": other.name, **settings}
        other.settings |= {"part": str(part)} if part != ALL else {}
        other.recorded = dict(self.recorded)
        return other

    @property
    def weights(self) -> Any:
        """The transformers model itself."""
        return self._model

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        pending = iter(requests)
        while batch := list(islice(pending, self._size)):
            yield from self._answered(batch)

    def prompt(self, request: Request) -> str:
        return self._prompts.render(request)

    def inputs_differ(self, first: Request, second: Request) -> bool | None:
        if not self.hears:
            return None
        with self._padding():
            inputs = [self._encoder.encode([self._encoder.hear(request)]) for request in (first, second)]
        if any(self._encoder.audio_tokens(one) == 0 for one in inputs):
            return False
        return tensors_differ(*inputs)

    def close(self) -> None:
        self._model = self._wrapped = None
        free_memory()

    def _answered(self, batch: Sequence[Request]) -> Iterator[Response]:
        heard: list[Heard] = []
        for request in batch:
            if request.audio is not None and not self.hears:
                yield failed(request, f"{self.name} takes no audio; it is asked with the transcript instead")
                continue
            try:
                heard.append(self._encoder.hear(request))
            except DataError as error:
                yield failed(request, error)
        alike = sorted(heard, key=_kind)
        for _, group in groupby(alike, key=_kind):
            yield from self._shrinking(list(group))

    def _shrinking(self, batch: list[Heard]) -> Iterator[Response]:
        """Answer in pieces of the present size, which shrinks as memory tells."""
        left = batch
        while left:
            piece, left = left[: self._size], left[self._size :]
            outcome = self._attempt(piece)
            if isinstance(outcome, list):
                yield from outcome
                continue
            if len(piece) == 1:
                yield failed(piece[0].request, outcome)
            elif is_out_of_memory(outcome):
                free_memory()
                self._size = self.recorded["batch_size"] = max(1, len(piece) // 2)
                left = piece + left
            else:
                # Whichever of them is to blame fails alone.
                for one in piece:
                    yield from self._shrinking([one])

    def _attempt(self, batch: list[Heard]) -> list[Response] | Exception:
        try:
            return self._generate(batch)
        # A processor and a model are foreign code; what they stumble over is recorded on the item.
        except Exception as error:  # noqa: BLE001
            _raise_if_fatal(error)
            # Its traceback holds the tensors of the batch that did not fit.
            return error.with_traceback(None)

    def _generate(self, batch: list[Heard]) -> list[Response]:
        import torch

        start = time.perf_counter()
        generation = batch[0].request.generation
        with self._generating():
            inputs = self._encoder.encode(batch)
            places = {
                name: value.to(self._model.device, self._model.dtype if value.is_floating_point() else None)
                for name, value in inputs.items()
                if isinstance(value, torch.Tensor)
            }
            if not generation.greedy:
                torch.manual_seed(sampling_seed(generation.seed, [one.request.id for one in batch]))
            generated = self._model.generate(
                **{**inputs, **places}, generation_config=settings_for(generation, self._marks)
            )
            rows = _new_tokens(generated, places["input_ids"])
        replies = [read_reply(row, self._marks, self._tokenizer) for row in rows]
        counts = inputs["attention_mask"].sum(dim=1).tolist()
        share = (time.perf_counter() - start) / len(batch)
        return [
            response_of(one.request.id, reply, count, share, self._cut(one))
            for one, reply, count in zip(batch, replies, counts, strict=True)
        ]

    def _cut(self, one: Heard) -> bool | None:
        if one.samples is None:
            return None
        return self.audio_limit is not None and len(one.samples) > self.audio_limit * self._encoder.rate

    @contextmanager
    def _generating(self) -> Iterator[None]:
        from transformers import GenerationConfig

        with ExitStack() as stack:
            stack.enter_context(random_state_kept())
            stack.enter_context(evaluating(self._wrapped))
            stack.enter_context(scaled(self._wrapped, self._scale, self._part))
            # What the given settings leave open, generate() takes from here: the hub's settings must not be here.
            plain = GenerationConfig(**neutral_settings(self._marks))  # type: ignore[no-untyped-call]
            stack.enter_context(set_for_now(self._model, generation_config=plain))
            stack.enter_context(self._padding())
            yield

    @contextmanager
    def _padding(self) -> Iterator[None]:
        values: dict[str, Any] = {"padding_side": "left"}
        if getattr(self._tokenizer, "pad_token", None) is None:
            values["pad_token"] = self._tokenizer.convert_ids_to_tokens(self._marks.pad)
        with set_for_now(self._tokenizer, **values):
            yield


def _kind(one: Heard) -> tuple[Any, ...]:
    generation = one.request.generation
    return (one.samples is None, *(getattr(generation, name) for name in generation.__struct_fields__))


def _new_tokens(generated: Any, prompt: Any) -> list[list[int]]:
    """Return what each row has been given, without its prompt, which some models repeat and some do not."""
    import torch

    width = prompt.shape[1]
    if generated.shape[1] >= width and torch.equal(generated[:, :width].to(prompt.device), prompt):
        generated = generated[:, width:]
    rows: list[list[int]] = generated.tolist()
    return rows


def _raise_if_fatal(error: Exception) -> None:
    """Raise what no further request survives: a package that is missing, a card whose context is lost."""
    import torch

    from speech_ifeval.errors import SpeechIFEvalError

    if isinstance(error, SpeechIFEvalError):
        raise error
    lost = getattr(torch, "AcceleratorError", ())
    if lost and isinstance(error, lost) and not is_out_of_memory(error):
        raise ModelError(
            f"the device has failed, and answers nothing until the process is started again ({error}); run the "
            "same command again: it goes on where it stopped"
        ) from error


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str] = {}
    for package in ("accelerate", "mistral-common", "peft", "torch", "transformers"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
