"""The speech-aware model: Qwen2-Audio's architecture around the text model, and batches for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.lab.backbone import IGNORED
from speech_ifeval.lab.hearing import FRAMES, Heard
from speech_ifeval.lab.listening import Listened
from speech_ifeval.lab.recipes import TowerRecipe
from speech_ifeval.lab.tower import tower_config
from speech_ifeval.lab.vocabulary import (
    AUDIO,
    END,
    HOP,
    RATE,
    STOP,
    SYSTEM,
    chat,
    read_turn,
    reply_rows,
    token_rows,
)

if TYPE_CHECKING:
    from torch import Tensor


def new_speech_model(backbone: Any, tokenizer: Any, recipe: TowerRecipe, seed: int) -> Any:
    """Return a speech-aware model with an untrained tower around a copy of a text model."""
    import torch
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    text = backbone.config.to_dict()
    text.pop("_name_or_path", None)  # the folder it was loaded from, on this machine
    config = Qwen2AudioConfig(
        audio_config=tower_config(recipe),
        text_config=text,
        audio_token_index=tokenizer.convert_tokens_to_ids(AUDIO),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2AudioForConditionalGeneration(config)
    inner: Any = getattr(model, "model", model)
    inner.language_model.load_state_dict(backbone.model.state_dict())
    head: Any = model.lm_head
    with torch.no_grad():
        head.weight.copy_(backbone.lm_head.weight)
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(STOP)
    model.generation_config.pad_token_id = tokenizer.convert_tokens_to_ids(END)
    return model.to(backbone.device).requires_grad_(False)


class SpokenRow(Struct, frozen=True):
    """One example for a speech-aware model: which clip, what is asked, what is to be said."""

    clip: int
    instruction: str
    reply: str


class SpokenBatches:
    """Makes tensors of spoken rows, as the processor would: the clip's places stand in the prompt."""

    def __init__(self, heard: Heard, tokenizer: Any, device: str) -> None:
        import torch

        self._heard, self._tokenizer, self._device = heard, tokenizer, device
        self._features = torch.from_numpy(heard.features)
        self._frames = torch.from_numpy(heard.frames)

    def prompt(self, clip: int, instruction: str) -> str:
        """Return the prompt of a clip, with as many audio tokens as it takes."""
        return chat(read_turn(AUDIO * self._heard.places(clip), instruction), SYSTEM)

    def inputs(self, rows: Sequence[SpokenRow]) -> dict[str, Tensor]:
        """Return the model's inputs and labels, padded on the right; only replies are learned."""
        import torch

        clips = [row.clip for row in rows]
        frames = torch.arange(FRAMES)[None, :] < self._frames[clips][:, None]
        return self._placed(
            {
                **self._texts(rows),
                "input_features": self._features[clips].float(),
                "feature_attention_mask": frames.long(),
            }
        )

    def inputs_listened(self, rows: Sequence[SpokenRow], listened: Listened, embeddings: Any) -> dict[str, Tensor]:
        """Return the same with what the tower has made of the clips already, among the text model's embeddings."""
        texts = self._placed(self._texts(rows))
        tokens = texts.pop("input_ids")
        audio = (tokens == self._tokenizer.convert_tokens_to_ids(AUDIO))[..., None]
        vectors = listened.of([row.clip for row in rows])
        return {"inputs_embeds": embeddings(tokens).masked_scatter(audio, vectors), **texts}

    def _placed(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value.to(self._device) for name, value in tensors.items()}

    def _texts(self, rows: Sequence[SpokenRow]) -> dict[str, Tensor]:
        import torch

        prompts = token_rows(self._tokenizer, [self.prompt(row.clip, row.instruction) for row in rows])
        replies = reply_rows(self._tokenizer, [row.reply for row in rows])
        longest = max(len(prompt) + len(reply) for prompt, reply in zip(prompts, replies, strict=True))
        pad = self._tokenizer.convert_tokens_to_ids(END)
        tokens = torch.full((len(rows), longest), pad)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        labels = torch.full((len(rows), longest), IGNORED)
        for place, (prompt, reply) in enumerate(zip(prompts, replies, strict=True)):
            size = len(prompt) + len(reply)
            tokens[place, :size] = torch.tensor(prompt + reply)
            mask[place, :size] = 1
            labels[place, len(prompt) : size] = torch.tensor(reply)
        return {"input_ids": tokens, "attention_mask": mask, "labels": labels}


def seconds_of(heard: Heard, clip: int) -> int:
    """Return a clip's length in whole seconds, rounded up, as transcripts state it."""
    return -(-int(heard.frames[clip]) * HOP // RATE)
