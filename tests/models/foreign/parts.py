"""Tiny random parts of research models, built in those models' own environments: transformers 4.32 to 5.

Runs under a foreign interpreter, beside the builders that import it by the name ``parts``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

WORDS = 460
SENTENCES = (
    "Answer the question in capital letters only.",
    "Write exactly three bullet points about the speaker, then stop.",
    "The quick brown fox jumps over the lazy dog while seven people listen.",
    "What is the emotion of this recording? Think step by step.",
    "Transcribe the audio, and wrap the entire response with double quotation marks.",
    "Follow the given instructions. Speech Input: hello there, how are you today?",
)
LLAMA_SPECIALS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|reserved_special_token_87|>",
)
LLAMA_TEMPLATE = (
    "{% for message in messages %}{% if loop.first %}{{ bos_token }}{% endif %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
WHISPER_SPECIALS = ("<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>")


def publish(hub: Path, name: str, folder: Path) -> str:
    """Lay a folder into a hub cache as the snapshot of a repository; return its revision."""
    listing = "".join(f"{path.name} {hashlib.sha1(path.read_bytes()).hexdigest()}\n" for path in _files(folder))
    revision = hashlib.sha1(listing.encode()).hexdigest()
    store = hub / ("models--" + name.replace("/", "--"))
    snapshot = store / "snapshots" / revision
    shutil.copytree(folder, snapshot)
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text(revision, encoding="utf-8")
    return revision


def llama(
    folder: Path, *, end: int | None = None, ending: float = 2.0, seed: int = 4, dtype: str = "float32"
) -> Path:
    """Save a tiny Llama with Llama 3's special tokens, chat template and start token put before every text.

    `end` is the id of the token that ends a turn, for code that knows it by its number; the larger `ending`, the
    sooner that token comes.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    made = _bpe(LLAMA_SPECIALS)
    _start_with_bos(made)
    ids = {name: made.token_to_id(name) for name in LLAMA_SPECIALS}
    ids["<|eot_id|>"] = ids["<|eot_id|>"] if end is None else end
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "tokenizer.json", _renumbered(json.loads(made.to_str()), "<|eot_id|>", ids["<|eot_id|>"]))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<|begin_of_text|>",
            "eos_token": "<|eot_id|>",
            "clean_up_tokenization_spaces": False,
            "model_max_length": 8192,
            "chat_template": LLAMA_TEMPLATE,
        },
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=max(made.get_vocab_size(), ids["<|eot_id|>"] + 1),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=ids["<|begin_of_text|>"],
        eos_token_id=ids["<|eot_id|>"],
    )
    model = LlamaForCausalLM(config).eval()
    spread(model, _words(made), ids["<|eot_id|>"], ending=ending)
    model.generation_config.eos_token_id = [ids["<|end_of_text|>"], ids["<|eot_id|>"]]
    # What a hub's generation config may hold, and what a request must override.
    model.generation_config.do_sample = True
    model.generation_config.repetition_penalty = 1.7
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def whisper(folder: Path, *, mels: int = 80, layers: int = 4, width: int = 32, seed: int = 5) -> Path:
    """Save a tiny English-only Whisper with its processor."""
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    made = _bpe(WHISPER_SPECIALS)
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    parts = json.loads(made.to_str())["model"]
    _write(folder / "vocab.json", parts["vocab"])
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in parts["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "WhisperTokenizer",
            "processor_class": "WhisperProcessor",
            "model_max_length": 448,
            **dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>"),
        },
    )
    extractor = WhisperFeatureExtractor(feature_size=mels).to_dict()
    _write(folder / "preprocessor_config.json", {**extractor, "processor_class": "WhisperProcessor"})
    end, start, _, plain = (made.token_to_id(name) for name in WHISPER_SPECIALS)
    torch.manual_seed(seed)
    config = WhisperConfig(
        vocab_size=made.get_vocab_size(),
        num_mel_bins=mels,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_target_positions=448,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=start,
        suppress_tokens=None,
        begin_suppress_tokens=None,
        tie_word_embeddings=False,
    )
    model = WhisperForConditionalGeneration(config).eval()
    spread(model, _words(made), end, ending=1.3)
    model.generation_config.is_multilingual = False
    model.generation_config.no_timestamps_token_id = plain
    model.generation_config.max_length = 48
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = end
    model.generation_config.decoder_start_token_id = start
    model.save_pretrained(folder)
    return folder


def spread(model: Any, words: set[int], end: int, *, ending: float) -> None:
    """Spread a model's weights so widely that replies differ, and let only words and the end be generated."""
    import torch

    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "embed_positions" not in name:
                wide = "embed_tokens" in name or "wte" in name
                weights.normal_(0, 1 if wide else 1.6 / weights[0].numel() ** 0.5)
        head = model.get_output_embeddings().weight
        head[end] *= ending
        silent = [token for token in range(len(head)) if token != end and token not in words]
        head[silent] = 0


def tiktoken_file(path: Path) -> int:
    """Write a vocabulary in the format of Qwen's tokenizer; return how many tokens it has."""
    pieces = [bytes([byte]) for byte in range(256)]
    for word in sorted({f" {word}" for sentence in SENTENCES for word in sentence.split()}):
        for end in range(2, len(word) + 1):  # every piece is reached by joining two that come before it
            if (piece := word[:end].encode()) not in pieces:
                pieces.append(piece)
    lines = [f"{base64.b64encode(piece).decode()} {rank}" for rank, piece in enumerate(pieces)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(pieces)


def _words(made: Any) -> set[int]:
    texts = {token: made.decode([token], skip_special_tokens=True) for token in range(made.get_vocab_size())}
    return {
        token for token, text in texts.items() if len(text.strip()) > 1 and text.isascii() and text.isprintable()
    }


def _bpe(specials: tuple[str, ...]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(SENTENCES * 3, trainer)
    return made


def _renumbered(content: dict[str, Any], special: str, token: int) -> dict[str, Any]:
    content["model"]["vocab"][special] = token
    for added in content["added_tokens"]:
        if added["content"] == special:
            added["id"] = token
    return content


def _start_with_bos(made: Any) -> None:
    from tokenizers import processors

    start = LLAMA_SPECIALS[0]
    made.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", pair=f"{start} $A {start} $B", special_tokens=[(start, made.token_to_id(start))]
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
