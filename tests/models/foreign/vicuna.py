"""A tiny random Vicuna: the Llama class of a research repository, with a sentencepiece tokenizer made on the spot.

Runs under a foreign interpreter, beside the builders that import it by the name ``vicuna``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

UNKNOWN, START, END = 0, 1, 2
WORDS = 420
WIDTH = 32
SENTENCES = (
    "USER: What is the emotion of this recording? Think step by step. ASSISTANT: The speaker is happy.",
    "### Instruction: Answer the question in capital letters only. ### Input: hello there ### Response: YES.",
    "Write exactly three bullet points about the speaker, then stop.",
    "The quick brown fox jumps over the lazy dog while seven people listen to the music of the rain.",
    "Transcribe the audio, and wrap the entire response with double quotation marks.",
)


def save(
    folder: Path, config_class: Any, model_class: Any, tokenizer_class: Any, *, ending: float = 1.0, seed: int = 4
) -> Path:
    """Save a tiny model of `model_class`, and its tokenizer; the larger `ending`, the sooner a reply ends."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    words = _train(folder, tokenizer_class)
    torch.manual_seed(seed)
    config = config_class(
        vocab_size=words.vocab_size,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=UNKNOWN,
        tie_word_embeddings=False,
    )
    model = model_class(config).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "audio_" not in name:
                weights.normal_(0, 1 if "embed_tokens" in name else 1.6 / weights.shape[1] ** 0.5)
        head = model.lm_head.weight
        head[END] *= ending
        for token in range(words.vocab_size):
            text = words.convert_ids_to_tokens(token)
            if token != END and not text.strip("▁").isalpha():
                head[token] = 0
    # What a hub's generation config may hold, and what a request must override.
    model.generation_config.repetition_penalty = 1.7
    model.generation_config.temperature = 0.9
    model.save_pretrained(str(folder))
    return folder


def stir(parameters: Any, *, seed: int = 6) -> None:
    """Give trained-looking values to weights that would otherwise start at zero, or too small to show."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in parameters:
            if weights.ndim > 1:
                weights.normal_(0, 1 / weights.shape[-1] ** 0.5)


def _train(folder: Path, tokenizer_class: Any) -> Any:
    import sentencepiece

    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch, "text.txt")
        text.write_text("\n".join(SENTENCES * 4), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(text),
            model_prefix=str(Path(scratch, "words")),
            model_type="bpe",
            vocab_size=WORDS,
            byte_fallback=True,
            # As Llama's own: line breaks stay as they are.
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        words = tokenizer_class(str(Path(scratch, "words.model")))
        words.save_pretrained(str(folder))
    return words
