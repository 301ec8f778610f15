"""Build a tiny DiVA from a folder with its code: ``python build_diva.py CODE HOME ENDING``.

CODE holds the two Python files of the model's repository on the hub. HOME, the folder that HF_HOME names, gets the
language model, the speech encoder and the model itself; with an ENDING of 0 no reply ever ends. Runs under the
interpreter of DiVA's environment.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

LLM = "meta-llama/Meta-Llama-3-8B-Instruct"
ENCODER = "openai/whisper-large-v3"
NAME = "WillHeld/DiVA-llama-3-v0-8b"
QUERIES = 16


def build(code: Path, home: Path, ending: float) -> None:
    """Fill `home`. The code's sizes come from the weights, so that they can be tiny too."""
    sys.path.insert(0, str(Path(__file__).parent))
    import parts
    import torch
    from safetensors.torch import save_file
    from transformers import WhisperModel

    hub = home / "hub"
    with tempfile.TemporaryDirectory() as scratch:
        parts.publish(hub, LLM, parts.llama(Path(scratch, "llm"), end=128009, ending=ending))
        whisper = parts.whisper(Path(scratch, "asr"), mels=128, layers=2)
        decoder = WhisperModel.from_pretrained(whisper).decoder.state_dict()
        parts.publish(hub, ENCODER, whisper)
        torch.manual_seed(7)
        weights = {f"connector.{name}": value.contiguous() for name, value in decoder.items()}
        weights["query_tokens"] = torch.randn(QUERIES, 32)
        weights["projection.weight"] = torch.randn(32, 32) * 0.5
        weights["projection.bias"] = torch.randn(32)
        folder = Path(scratch, "model")
        shutil.copytree(code, folder, ignore=shutil.ignore_patterns("__pycache__"))
        save_file(weights, folder / "model.safetensors")
        config = {
            "model_type": "diva",
            "reference_encoder": ENCODER,
            "reference_decoder": LLM,
            "auto_map": {"AutoConfig": "configuring_diva.DiVAConfig", "AutoModel": "modeling_diva.DiVAModel"},
        }
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        parts.publish(hub, NAME, folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
