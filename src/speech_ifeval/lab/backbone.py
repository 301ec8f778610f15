"""The text model: its corpus, its tokenizer, its weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.lab.learning import Watch, learn
from speech_ifeval.lab.lessons import draw_text
from speech_ifeval.lab.recipes import BackboneRecipe
from speech_ifeval.lab.vocabulary import (
    END,
    STOP,
    SYSTEM,
    chat,
    read_turn,
    reply_rows,
    token_rows,
    train_tokenizer,
)
from speech_ifeval.lab.wordings import Wordings

if TYPE_CHECKING:
    from torch import Tensor

STAGE = "backbone"
TOKENIZER_TEXTS = 20_000
_BLOCK = 8  # batches that are drawn together, so that rows of like length share one
_WITHOUT_SYSTEM = 0.1
IGNORED = -100
LONGEST = 512


class Row(Struct, frozen=True):
    """The tokens of one example: what is read, and what is to be written."""

    prompt: tuple[int, ...]
    reply: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many tokens it has."""
        return len(self.prompt) + len(self.reply)


def corpus(wordings: Wordings, seed: int, number: int) -> Iterator[tuple[str, str]]:
    """Yield examples of the text corpus, prompt and reply: the same for the same seed, bit by bit."""
    rng = Random(f"{seed}/corpus")
    for _ in range(number):
        yield _example(wordings, rng)


def make_tokenizer(wordings: Wordings, seed: int, texts: int = TOKENIZER_TEXTS) -> Any:
    """Return the tokenizer of a seed's corpus."""
    return train_tokenizer(f"{prompt}{reply}{STOP}" for prompt, reply in corpus(wordings, seed, texts))


def _example(wordings: Wordings, rng: Random) -> tuple[str, str]:
    text = draw_text(wordings, rng)
    system = None if rng.random() < _WITHOUT_SYSTEM else SYSTEM
    return chat(read_turn(text.speech, text.instruction), system), text.reply


class TextBatches:
    """Batches of the corpus by their number; eight are drawn together and sorted by length."""

    def __init__(self, wordings: Wordings, tokenizer: Any, seed: int, size: int) -> None:
        self._wordings, self._tokenizer, self._seed, self._size = wordings, tokenizer, seed, size
        self._block = lru_cache(maxsize=2)(self._drawn)

    def __call__(self, step: int) -> Sequence[Row]:
        """Return the rows of a step."""
        return self._block(step // _BLOCK)[step % _BLOCK]

    def _drawn(self, block: int) -> Sequence[Sequence[Row]]:
        rng = Random(f"{self._seed}/{STAGE}/{block}")
        examples = [_example(self._wordings, rng) for _ in range(_BLOCK * self._size)]
        prompts = token_rows(self._tokenizer, [prompt for prompt, _ in examples])
        replies = reply_rows(self._tokenizer, [reply for _, reply in examples])
        rows = [Row(tuple(prompt), tuple(reply)) for prompt, reply in zip(prompts, replies, strict=True)]
        rows.sort(key=lambda row: row.size)
        batches = [rows[start : start + self._size] for start in range(0, len(rows), self._size)]
        rng.shuffle(batches)
        return batches


def padded(rows: Sequence[Row], pad: int, whole: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return tokens, mask and labels, each of shape ``(rows, longest)``, padded on the right.

    Args:
        rows: examples.
        pad: the padding token.
        whole: whether prompts are to be learned too.
    """
    import torch

    longest = max(row.size for row in rows)
    tokens = torch.full((len(rows), longest), pad)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    labels = torch.full((len(rows), longest), IGNORED)
    for place, row in enumerate(rows):
        both = torch.tensor(row.prompt + row.reply)
        tokens[place, : row.size] = both
        mask[place, : row.size] = 1
        start = 0 if whole else len(row.prompt)
        labels[place, start : row.size] = both[start:]
    return tokens, mask, labels


def new_backbone(recipe: BackboneRecipe, tokenizer: Any, seed: int) -> Any:
    """Return an untrained text model."""
    import torch
    from transformers import Qwen2ForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(text_config(recipe, tokenizer))
    model.generation_config.eos_token_id = tokenizer.convert_tokens_to_ids(STOP)
    model.generation_config.pad_token_id = tokenizer.convert_tokens_to_ids(END)
    return model


def text_config(recipe: BackboneRecipe, tokenizer: Any) -> Any:
    """Return the text model's configuration."""
    from transformers import Qwen2Config

    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=LONGEST,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(STOP),
        pad_token_id=tokenizer.convert_tokens_to_ids(END),
    )


def train_backbone(
    recipe: BackboneRecipe, wordings: Wordings, tokenizer: Any, seed: int, folder: Path, device: str, watch: Watch
) -> Any:
    """Train the text model, or go on with it.

    Args:
        recipe: sizes and steps.
        wordings: what prompts are made of.
        tokenizer: as `make_tokenizer`.
        seed: of the first weights and of all texts.
        folder: where checkpoints are kept.
        device: such as ``cpu``, ``cuda``.
        watch: told how far it is.
    """
    model = new_backbone(recipe, tokenizer, seed).to(device).train()
    batches = TextBatches(wordings, tokenizer, seed, recipe.course.batch)
    pad = tokenizer.convert_tokens_to_ids(END)
    whole_until = round(recipe.course.steps * recipe.whole_share)

    def loss_of(step: int) -> Tensor:
        tokens, mask, labels = (
            tensor.to(device) for tensor in padded(batches(step), pad, whole=step < whole_until)
        )
        loss: Tensor = model(input_ids=tokens, attention_mask=mask, labels=labels).loss
        return loss

    learn(STAGE, recipe.course, dict(model.named_parameters()), loss_of, folder, watch)
    return model.eval()
