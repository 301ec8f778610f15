"""Generation settings stated in full, and replies read back out of the generated tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from speech_ifeval.models.interface import Generation
from speech_ifeval.records import Response


class Marks(Struct, frozen=True):
    """The tokens that generation needs to know: those that end a reply, and the one that fills up a row."""

    stop: tuple[int, ...]
    pad: int


def find_marks(model: Any, tokenizer: Any) -> Marks:
    """Return a model's end and padding tokens: of its published generation settings and its tokenizer.

    Nothing else of the published settings is used: a repetition penalty would apply to greedy decoding too.
    """
    published = getattr(model, "generation_config", None)
    text_config = model.config.get_text_config()
    stop = [
        *_listed(getattr(published, "eos_token_id", None)),
        *_listed(getattr(tokenizer, "eos_token_id", None)),
    ] or _listed(getattr(text_config, "eos_token_id", None))
    pads = [getattr(one, "pad_token_id", None) for one in (published, tokenizer, text_config)]
    pad = next((one for one in pads if isinstance(one, int)), stop[0] if stop else 0)
    return Marks(tuple(dict.fromkeys(stop)), pad)


def settings_for(generation: Generation, marks: Marks) -> Any:
    """Return transformers' generation settings: everything that changes a reply is stated."""
    from transformers import GenerationConfig

    stated: dict[str, Any] = {"do_sample": False}
    if not generation.greedy:
        # transformers keeps the 50 likeliest tokens unless told otherwise.
        stated = {
            "do_sample": True,
            "temperature": generation.temperature,
            "top_p": generation.top_p,
            "top_k": 0,
        }
    return GenerationConfig(  # type: ignore[no-untyped-call]
        **stated,
        max_new_tokens=generation.max_new_tokens,
        repetition_penalty=generation.repetition_penalty,
        num_beams=1,
        use_cache=True,
        **neutral_settings(marks),
    )


def neutral_settings(marks: Marks) -> dict[str, Any]:
    """Return the tokens under transformers' names."""
    return {"eos_token_id": list(marks.stop) or None, "pad_token_id": marks.pad}


def sampling_seed(seed: int, ids: Iterable[str]) -> int:
    """Return the seed of a batch: of the run's seed and the requests in it.

    >>> sampling_seed(0, ["a"]) == sampling_seed(0, ["a"]), sampling_seed(0, ["a"]) == sampling_seed(1, ["a"])
    (True, False)
    """
    digest = hashlib.sha256("\n".join([str(seed), *ids]).encode()).digest()
    return int.from_bytes(digest[:6], "big")


def read_reply(tokens: Sequence[int], marks: Marks, tokenizer: Any) -> tuple[str, str, int]:
    """Return a row's reply: its text without special tokens, why it ended, its tokens with the one that ends it.

    Args:
        tokens: what was generated, filled up behind the end.
        marks: the end tokens.
        tokenizer: decodes.
    """
    end = next((place for place, token in enumerate(tokens) if token in marks.stop), None)
    reply = list(tokens if end is None else tokens[:end])
    text: str = tokenizer.decode(reply, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text, "length" if end is None else "stop", len(reply) + (end is not None)


def response_of(
    item: str, reply: tuple[str, str, int], input_tokens: int, seconds: float, audio_cut: bool | None
) -> Response:
    """Make the record of one reply."""
    text, reason, output_tokens = reply
    return Response(
        item,
        text,
        "stop" if reason == "stop" else "length",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        seconds=seconds,
        audio_cut=audio_cut,
    )


def _listed(ids: Any) -> list[int]:
    if ids is None:
        return []
    return [ids] if isinstance(ids, int) else list(ids)
