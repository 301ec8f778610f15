"""Tiny checkpoints with random weights and their real processors, built on the spot, and clips to play to them.

Weights are seeded, and spread so widely that replies differ from prompt to prompt; only words, and now and then
the token that ends a reply, can be generated. A checkpoint takes well under a second to build.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = 460
RATE = 16000
SENTENCES = (
    "Answer the question in capital letters only.",
    "Write exactly three bullet points about the speaker, then stop.",
    "The quick brown fox jumps over the lazy dog while seven people listen.",
    "What is the emotion of this recording? Think step by step.",
    "Transcribe the audio, and wrap the entire response with double quotation marks.",
    "Follow the given instructions. Speech Input: hello there, how are you today?",
)
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}AUDIO{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3 = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
AUDIO_FLAMINGO_3 = CHATML.replace("AUDIO", "{{ '<sound>' }}")

CONTROLS = (  # of Tekken, in order: Voxtral wants [AUDIO] to be token 24
    "<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] "
    "[TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] "
    "[/SYSTEM_PROMPT] [TOOL_CONTENT] [ARGS] [CALL_ID] [THINK] [/THINK] [AUDIO] [BEGIN_AUDIO] [TRANSCRIBE]"
)


def speech(path: Path, seconds: float, seed: int, rate: int = RATE) -> Path:
    """Write a clip that moves like speech: a gliding voice of seven partials in syllables, and some noise."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    pitch = random.uniform(90, 240) * (1 + 0.2 * np.sin(2 * np.pi * random.uniform(0.3, 1.5) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = sum(random.uniform(0.1, 1) / partial * np.sin(partial * phase) for partial in range(1, 8))
    syllables = np.clip(np.sin(2 * np.pi * random.uniform(2, 5) * time + random.uniform(0, 6)), 0, None)
    samples = 0.2 * voice * syllables + 0.01 * random.standard_normal(len(time))
    soundfile.write(path, samples.astype(np.float32), rate)
    return path


def qwen2_audio(folder: Path, *, seed: int = 1) -> Path:
    """Save a tiny Qwen2-Audio: the processor is the real one, with its own chat template."""
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2AudioProcessor,
        WhisperFeatureExtractor,
    )

    specials = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
    tokenizer = _tokenizer(specials, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    config = Qwen2AudioConfig(
        text_config={**_decoder(tokenizer), "model_type": "qwen2"},
        audio_config={
            "model_type": "qwen2_audio_encoder",
            "num_mel_bins": 80,
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "d_model": 32,
        },
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )
    _save(Qwen2AudioForConditionalGeneration, config, tokenizer, folder, seed)
    extractor = WhisperFeatureExtractor(feature_size=80)
    Qwen2AudioProcessor(extractor, tokenizer).save_pretrained(folder)
    return folder


def audio_flamingo_3(folder: Path, *, seed: int = 2) -> Path:
    """Save a tiny Audio Flamingo 3."""
    from transformers import (
        AudioFlamingo3Config,
        AudioFlamingo3ForConditionalGeneration,
        AudioFlamingo3Processor,
        WhisperFeatureExtractor,
    )

    tokenizer = _tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<sound>"),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    config = AudioFlamingo3Config(
        text_config={**_decoder(tokenizer), "model_type": "qwen2"},
        audio_config={
            "model_type": "audioflamingo3_encoder",
            "num_mel_bins": 80,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "hidden_size": 32,
        },
        audio_token_id=tokenizer.convert_tokens_to_ids("<sound>"),
    )
    _save(AudioFlamingo3ForConditionalGeneration, config, tokenizer, folder, seed)
    extractor = WhisperFeatureExtractor(feature_size=80)
    AudioFlamingo3Processor(extractor, tokenizer, chat_template=AUDIO_FLAMINGO_3).save_pretrained(folder)
    return folder


def voxtral(folder: Path, *, seed: int = 3) -> Path:
    """Save a tiny Voxtral: its tokenizer is mistral-common's, which refuses a system prompt beside audio."""
    from transformers import (
        VoxtralConfig,
        VoxtralForConditionalGeneration,
        VoxtralProcessor,
        WhisperFeatureExtractor,
    )
    from transformers.tokenization_mistral_common import MistralCommonBackend

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tekken.json").write_text(json.dumps(_tekken()), encoding="utf-8")
    tokenizer = MistralCommonBackend.from_pretrained(folder)
    words = {**_decoder(tokenizer), "vocab_size": tokenizer.vocab_size, "bos_token_id": 1, "eos_token_id": 2}
    config = VoxtralConfig(
        text_config={**words, "pad_token_id": 11, "head_dim": 16, "model_type": "llama"},
        audio_config={
            "model_type": "voxtral_encoder",
            "num_mel_bins": 80,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 128,
            "hidden_size": 32,
        },
        audio_token_id=24,
    )
    _save(VoxtralForConditionalGeneration, config, tokenizer, folder, seed)
    VoxtralProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(folder)
    return folder


def llama(folder: Path, chat_template: bool | str = True, *, seed: int = 4) -> Path:
    """Save a tiny Llama, with the chat template of Llama-3, one of your own, or none."""
    from transformers import LlamaConfig, LlamaForCausalLM

    specials = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    tokenizer = _tokenizer(specials, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
    if chat_template:
        tokenizer.chat_template = LLAMA_3 if chat_template is True else chat_template
    config = LlamaConfig(**{**_decoder(tokenizer), "bos_token_id": tokenizer.bos_token_id})
    _save(LlamaForCausalLM, config, tokenizer, folder, seed)
    tokenizer.save_pretrained(folder)
    return folder


def whisper(folder: Path, *, seed: int = 5) -> Path:
    """Save a tiny English-only Whisper."""
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    specials = ("<|endoftext|>", "<|startoftranscript|>", "<|nospeech|>", "<|notimestamps|>")
    plain = _tokenizer(specials, eos_token="<|endoftext|>")
    model = json.loads(plain.backend_tokenizer.to_str())["model"]
    tokenizer = WhisperTokenizer(
        vocab=model["vocab"],
        merges=[tuple(merge) for merge in model["merges"]],
        unk_token="<|endoftext|>",
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    )
    tokenizer.add_special_tokens({"additional_special_tokens": list(specials[1:])})
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in specials}
    config = WhisperConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_target_positions=64,
        init_std=0.3,
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"],
        pad_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
        suppress_tokens=None,
        begin_suppress_tokens=None,
        tie_word_embeddings=False,
    )
    _save(
        WhisperForConditionalGeneration,
        config,
        tokenizer,
        folder,
        seed,
        ending=1,
        is_multilingual=False,
        no_timestamps_token_id=ids["<|notimestamps|>"],
        max_length=48,
    )
    WhisperProcessor(WhisperFeatureExtractor(feature_size=80), tokenizer).save_pretrained(folder)
    return folder


def lora(folder: Path, base: Path, *, seed: int = 6, **settings: Any) -> Path:
    """Save a PEFT adapter for the tiny Llama at `base` that changes its replies: B is not zero.

    `settings` go to `LoraConfig`; r is 4 and α 8 where nothing else is said.
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    settings = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"], **settings}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**settings))
        with torch.no_grad():
            for name, weights in tuned.named_parameters():
                if "lora_" in name:
                    weights.normal_(0, 0.2)
    tuned.save_pretrained(folder)
    return folder


def _decoder(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _save(
    kind: Any, config: Any, tokenizer: Any, folder: Path, seed: int, ending: float = 2, **generation: Any
) -> None:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config).eval()
        with torch.no_grad():
            for name, weights in model.named_parameters():
                if weights.ndim > 1 and "embed_positions" not in name:
                    weights.normal_(0, 1 if "embed_tokens" in name else 1.6 / weights[0].numel() ** 0.5)
            head = model.get_output_embeddings().weight
            for token in range(len(head)):
                if token == tokenizer.eos_token_id:
                    head[token] *= ending
                elif not _is_word(tokenizer, token):
                    head[token] = 0
    settings = model.generation_config
    settings.eos_token_id = tokenizer.eos_token_id
    settings.pad_token_id = config.get_text_config().pad_token_id
    for name, value in generation.items():
        setattr(settings, name, value)
    model.save_pretrained(folder)


def _is_word(tokenizer: Any, token: int) -> bool:
    if token in tokenizer.all_special_ids:
        return False
    text = tokenizer.decode([token])
    return len(text.strip()) > 1 and text.isascii() and text.isprintable()


def _tokenizer(specials: Sequence[str], **named: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

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
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        additional_special_tokens=list(specials),
        clean_up_tokenization_spaces=False,
        **named,
    )


def _tekken() -> dict[str, Any]:
    controls = CONTROLS.split()
    words = sorted({f" {word}" for sentence in SENTENCES for word in sentence.split()})
    pieces = [bytes([byte]) for byte in range(256)]
    for word in words:  # every piece is reached by joining two that come before it
        for end in range(2, len(word) + 1):
            if (piece := word[:end].encode()) not in pieces:
                pieces.append(piece)
    return {
        "config": {
            "pattern": r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+",
            "num_vocab_tokens": len(pieces),
            "default_vocab_size": len(pieces) + len(controls),
            "default_num_special_tokens": len(controls),
            "version": "v7",
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(piece).decode(), "token_str": None}
            for rank, piece in enumerate(pieces)
        ],
        "special_tokens": [
            {"rank": rank, "token_str": name, "is_control": True} for rank, name in enumerate(controls)
        ],
        "audio": {
            "sampling_rate": RATE,
            "frame_rate": 12.5,
            "audio_encoding_config": {"num_mel_bins": 80, "hop_length": 160, "window_size": 400},
            "chunk_length_s": 30.0,
        },
    }
