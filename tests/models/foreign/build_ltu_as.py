"""Build a tiny LTU-AS from its repository's own forks: ``python build_ltu_as.py FOLDER``.

FOLDER gets vicuna, ltu_as.bin, encoder.pt and asr.pt. The audio encoder inside the fork's Llama is 1,280 wide by
its code, so that these weights are tiny everywhere but there (about 80 million of them). Runs under the
interpreter of LTU-AS's environment.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

WIDE = 1280
NARROW = 16
MULTILINGUAL = 51865


def build(folder: Path) -> None:
    """Fill `folder`."""
    sys.path.insert(0, str(Path(__file__).parent))
    import peft
    import torch
    import transformers
    import vicuna

    torch.set_num_threads(1)
    vicuna.save(
        folder / "vicuna",
        transformers.LlamaConfig,
        transformers.LlamaForCausalLM,
        transformers.LlamaTokenizer,
        ending=1.5,
    )
    model = transformers.LlamaForCausalLM.from_pretrained(str(folder / "vicuna"))
    layers = {"target_modules": ["q_proj", "v_proj"], "bias": "none", "task_type": "CAUSAL_LM"}
    model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, **layers))
    trained = {name: one for name, one in model.named_parameters() if "lora_" in name or "audio_" in name}
    vicuna.stir(trained.values())
    torch.save(trained, folder / "ltu_as.bin")
    _save_whisper(folder / "encoder.pt", "whisper.model", WIDE, seed=8)
    _save_whisper(folder / "asr.pt", "whisper_at.model", NARROW, seed=9)


def _save_whisper(path: Path, module: str, width: int, *, seed: int) -> None:
    import torch
    import vicuna

    torch.manual_seed(seed)
    code: Any = importlib.import_module(module)
    dims = code.ModelDimensions(80, 1500, width, 2, 2, MULTILINGUAL, 32, width, 2, 1)
    model = code.Whisper(dims)
    vicuna.stir(one for name, one in model.named_parameters() if "embedding" not in name)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name == "decoder.positional_embedding":
                weights.normal_()
    state = {name: one for name, one in model.state_dict().items() if not name.startswith("at_model.")}
    torch.save({"dims": dataclasses.asdict(dims), "model_state_dict": state}, path)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
