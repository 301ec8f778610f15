"""Build a tiny DeSTA2.5-Audio from a clone of its repository: ``python build_desta25.py CLONE HOME``.

HOME, the folder that HF_HOME names, gets the language model, the recogniser and the trained parts under the names
that the code asks for. Runs under the interpreter of DeSTA2.5-Audio's environment.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

LLM = "DeSTA-ntu/Llama-3.1-8B-Instruct"
RECOGNISER = "openai/whisper-large-v3"
NAME = "DeSTA-ntu/DeSTA2.5-Audio-Llama-3.1-8B"


def build(clone: Path, home: Path) -> None:
    """Fill `home`: both of its cache folders, because the code passes HF_HOME itself as one."""
    sys.path.insert(0, str(Path(__file__).parent))
    import parts

    hub = home / "hub"
    with tempfile.TemporaryDirectory() as scratch:
        parts.publish(hub, LLM, parts.llama(Path(scratch, "llm"), dtype="bfloat16"))
        parts.publish(hub, RECOGNISER, parts.whisper(Path(scratch, "asr"), mels=128, layers=32))
        for folder in list(hub.iterdir()):
            (home / folder.name).symlink_to(folder)
        os.environ.update(HF_HOME=str(home), HF_HUB_OFFLINE="1")
        sys.path.insert(0, str(clone))
        import torch
        from desta.models.modeling_desta25 import DeSTA25AudioModel, DeSTA25Config
        from safetensors.torch import save_file

        torch.manual_seed(7)
        settings = {"llm_model_id": LLM, "encoder_model_id": RECOGNISER}
        trained = DeSTA25AudioModel(DeSTA25Config(**settings)).state_dict()
        for name, weights in trained.items():
            if "connector.proj" in name:
                weights.normal_(0, 1)
        folder = Path(scratch, "model")
        folder.mkdir()
        save_file({name: weights.contiguous() for name, weights in trained.items()}, folder / "model.safetensors")
        config = {"model_type": "desta25", "prompt_size": 64, "use_lora": False, **settings}
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        parts.publish(hub, NAME, folder)
    (home / next(hub.glob("*DeSTA2.5*")).name).symlink_to(next(hub.glob("*DeSTA2.5*")))


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
