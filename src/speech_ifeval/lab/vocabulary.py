"""The lab's tokenizer and processor: a byte-level BPE of its own, and Qwen's form of a chat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

WORDS = 1536
END, START, STOP, AUDIO = "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>"
SPECIAL = (END, START, STOP, AUDIO)
_MARKS = re.compile("|".join(map(re.escape, SPECIAL)))
SYSTEM = "Follow the given instructions."
# Written before a word that no space precedes, so that a word is the same tokens wherever it stands: what is
# copied from between quotation marks is then copied token by token.
GLUE = "\x01"
# Every transcript of a clip begins alike; one token reads that.
CLOCK = "[00:00:00 - 00:00:"

RATE = 16000
HOP = 320  # 20 ms, twice Whisper's: a frame of the tower is then 80 ms
WINDOW_SECONDS = 5
MEL_BINS = 80

# A clip stands where the transcript of a reference system would stand, so both read "Speech Input: …".
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "<|im_start|>{{ message['role'] }}\n"
    "{%- if message['content'] is string -%}{{ message['content'] }}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'audio' -%}{{ 'Speech Input: <|AUDIO|>\n\n' }}"
    "{%- else -%}{{ part['text'] }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{ '<|im_end|>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)


def chat(user: str, system: str | None = SYSTEM) -> str:
    """Return the prompt of one turn, as the chat template renders it.

    >>> chat("Hello.", system=None)
    '<|im_start|>user\\nHello.<|im_end|>\\n<|im_start|>assistant\\n'
    """
    turns = [] if system is None else [("system", system)]
    turns.append(("user", user))
    return "".join(f"{START}{role}\n{text}{STOP}\n" for role, text in turns) + f"{START}assistant\n"


def read_turn(speech: str, instruction: str) -> str:
    """Return the user's turn of a model that reads.

    >>> read_turn("Hello.", "Transcribe.")
    'Speech Input: Hello.\\n\\nTranscribe.'
    """
    return f"Speech Input: {speech}\n\n{instruction}"


def train_tokenizer(texts: Iterable[str]) -> Any:
    """Return a tokenizer trained on texts; the same texts give the same tokenizer, bit by bit."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.Replace(Regex(r"(?<=[^\p{L}\p{N} ])(?=\p{L})"), f"{GLUE} ")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace(f"{GLUE} ", "")])
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # A prompt's marks are cut out of it before it is encoded; what stands between them is what is to be learned.
    made.train_from_iterator((part for text in texts for part in _MARKS.split(text)), trainer)
    made.add_tokens([AddedToken(CLOCK, normalized=False)])
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        additional_special_tokens=list(SPECIAL),
        eos_token=STOP,
        pad_token=END,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_processor(tokenizer: Any) -> Any:
    """Return the processor of the speech-aware models: log mel spectrograms and the tokenizer."""
    from transformers import Qwen2AudioProcessor, WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor(  # type: ignore[no-untyped-call]
        feature_size=MEL_BINS, sampling_rate=RATE, hop_length=HOP, chunk_length=WINDOW_SECONDS, n_fft=400
    )
    return Qwen2AudioProcessor(extractor, tokenizer, chat_template=CHAT_TEMPLATE)  # type: ignore[no-untyped-call]


def token_rows(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Return the tokens of texts that hold their special tokens already."""
    rows: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return rows


def reply_rows(tokenizer: Any, replies: Sequence[str]) -> list[list[int]]:
    """Return the tokens of replies with the one that ends them, as they follow a prompt and its line end."""
    return [row[1:] for row in token_rows(tokenizer, [f"\n{reply}{STOP}" for reply in replies])]
