"""Build a tiny Qwen-Audio-Chat from a clone of its repository: ``python build_qwen_audio_chat.py CLONE FOLDER``.

FOLDER becomes a checkpoint with the code of the clone, as the hub's is. Runs under the interpreter of Qwen-Audio's
environment.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

CODE = (
    "audio.py",
    "configuration_qwen.py",
    "modeling_qwen.py",
    "qwen_generation_utils.py",
    "tokenization_qwen.py",
)
KEPT = ("mel_filters.npz", "tokenizer_config.json")


def build(clone: Path, folder: Path) -> None:
    """Fill `folder`."""
    sys.path.insert(0, str(Path(__file__).parent))
    import parts
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    folder.mkdir(parents=True)
    for name in (*CODE, *KEPT):
        shutil.copy(clone / name, folder)
    # The clone lacks this one, which serves quantised caches only and may be missing at run time, not at loading.
    (folder / "cpp_kernels.py").write_text("cache_autogptq_cuda_256 = None\n", encoding="utf-8")
    words = parts.tiktoken_file(folder / "qwen.tiktoken")
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    config = {
        **json.loads((clone / "config.json").read_text(encoding="utf-8")),
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "kv_channels": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "max_position_embeddings": 2048,
        "use_flash_attn": False,
        "fp32": True,
        "audio": {
            "n_mels": 80,
            "n_ctx": 1500,
            "n_state": 32,
            "n_head": 2,
            "n_layer": 2,
            "output_dim": 32,
            "avg_pool": True,
            "add_audio_bos_eos_token": True,
            "audio_start_id": tokenizer.audio_start_id,
        },
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(4)
    made = AutoModelForCausalLM.from_config(
        AutoConfig.from_pretrained(folder, trust_remote_code=True), trust_remote_code=True
    )
    parts.spread(made, set(range(260, words)), tokenizer.im_end_id, ending=2.2)
    made.save_pretrained(folder)
    # A seemingly harmless precision in the checkpoint would win over the one asked for.
    (folder / "config.json").write_text(json.dumps({**config, "fp32": False}), encoding="utf-8")
    generation = json.loads((clone / "chat_generation_config.json").read_text(encoding="utf-8"))
    generation.update(eos_token_id=tokenizer.eod_id, pad_token_id=tokenizer.eod_id, repetition_penalty=1.3)
    (folder / "generation_config.json").write_text(json.dumps(generation), encoding="utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
