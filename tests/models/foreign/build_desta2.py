"""Build a tiny DeSTA2 from a clone of its repository: ``python build_desta2.py CLONE HUB``.

HUB becomes a hub cache with the language model, the recogniser and the model itself, its code included, under the
names that the code asks for. Runs under the interpreter of DeSTA2's environment.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

LLM = "meta-llama/Meta-Llama-3-8B-Instruct"
RECOGNISER = "openai/whisper-small"
NAME = "DeSTA-ntu/DeSTA2-8B-beta"


def build(clone: Path, home: Path) -> None:
    """Fill `home`, the folder that HF_HOME names."""
    sys.path.insert(0, str(Path(__file__).parent))
    import parts

    hub = home / "hub"
    with tempfile.TemporaryDirectory() as scratch:
        parts.publish(hub, LLM, parts.llama(Path(scratch, "llm"), dtype="bfloat16"))
        parts.publish(hub, RECOGNISER, parts.whisper(Path(scratch, "asr"), layers=12))
        os.environ.update(HF_HOME=str(home), HF_HUB_OFFLINE="1")
        sys.path.insert(0, str(clone))
        import torch
        from desta.modeling_desta import Desta2Config, QformerConnector

        torch.manual_seed(7)
        config = Desta2Config(llama_model_id=LLM, whisper_model_id=RECOGNISER)
        connector = QformerConnector(config)
        with torch.no_grad():
            for weights in connector.proj.parameters():
                weights.normal_(0, 1)
        folder = Path(scratch, "model")
        folder.mkdir()
        torch.save(connector.state_dict(), folder / "qformer_connector.pth")
        shutil.copy(clone / "desta" / "modeling_desta.py", folder)
        settings = {
            "model_type": "DestaModel",
            "llama_model_id": LLM,
            "whisper_model_id": RECOGNISER,
            "prompt_size": 64,
            "auto_map": {"AutoConfig": "modeling_desta.Desta2Config", "AutoModel": "modeling_desta.DestaModel"},
        }
        (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        parts.publish(hub, NAME, folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
