"""Build a tiny BLSP-Emo from a clone of its repository: ``python build_blsp_emo.py CLONE FOLDER``.

Runs under the interpreter of BLSP-Emo's environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def build(clone: Path, folder: Path) -> None:
    """Fill `folder` with weights, tokenizer, feature extractor and generation config."""
    sys.path[:0] = [str(Path(__file__).parent), str(clone)]
    import parts
    import torch
    from src.configuration_blsp2 import Blsp2Config
    from src.modeling_blsp2 import Blsp2Model
    from src.plora import LoraConfig
    from src.tokenization_qwen import QWenTokenizer
    from transformers import WhisperFeatureExtractor

    folder.mkdir(parents=True)
    words = parts.tiktoken_file(folder / "qwen.tiktoken")
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 2048}', encoding="utf-8")
    tokenizer = QWenTokenizer.from_pretrained(folder)
    torch.manual_seed(4)
    whisper = {
        "d_model": 32,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_layers": 1,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 64,
    }
    qwen = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "kv_channels": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "max_position_embeddings": 2048,
        "seq_length": 2048,
        "use_flash_attn": False,
        "fp32": True,
    }
    settings = {"num_pre_cif_layers": 1, "num_post_cif_layers": 1, "adapter_type": "subsampler"}
    made = Blsp2Model(Blsp2Config(whisper_config=whisper, qwen_config=qwen, adapter_inner_dim=32, **settings))
    parts.spread(made.qwen_model, set(range(260, words)), tokenizer.im_end_id, ending=3.0)
    made.add_lora(LoraConfig(r=4, lora_alpha=8, target_modules=["c_attn", "c_proj"]), "audio")
    with torch.no_grad():
        for name, weights in made.named_parameters():
            if "lora_" in name:
                weights.normal_(0, 0.3)
    made.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    generation = {
        "chat_format": "chatml",
        "eos_token_id": tokenizer.eod_id,
        "pad_token_id": tokenizer.eod_id,
        "max_window_size": 6144,
        "max_new_tokens": 512,
        "do_sample": True,
        "top_k": 0,
        "top_p": 0.5,
        "repetition_penalty": 1.3,
    }
    (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
