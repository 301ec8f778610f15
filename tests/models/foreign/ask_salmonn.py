"""Ask a tiny SALMONN by the repository's own `generate`: ``python ask_salmonn.py CLONE FOLDER LORA < questions``.

FOLDER is what build_salmonn.py made, LORA is true or false; a question is a JSON object with audio, instruction
and max_new_tokens, one a line, answered by a line with the prompt and with the text, as that code returns it
(`raw`) and without its special tokens. Greedy, and float32 on the CPU: to that end `generate` is told so, and what
it puts on CUDA stays where it is.
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

SPEECH = "<Speech><SpeechHere></Speech> "


def ask(clone: Path, folder: Path, lora: bool) -> None:
    """Answer the questions on standard input."""
    sys.path.insert(0, str(clone))
    import torch
    import transformers
    from config import Config
    from models import salmonn
    from utils import prepare_one_sample

    torch.set_num_threads(1)
    torch.Tensor.cuda = lambda tensor: tensor
    sizes = salmonn.BertConfig.from_pretrained(str(folder / "bert"))
    salmonn.BertConfig.from_pretrained = classmethod(lambda cls, _: sizes)
    settings = Config(
        types.SimpleNamespace(cfg_path=str(clone / "configs" / "decode_config.yaml"), options=None)
    ).config
    paths = {"llama_path": "llama", "whisper_path": "whisper", "beats_path": "beats.pt", "ckpt": "salmonn.pt"}
    settings.model.update({key: str(folder / name) for key, name in paths.items()})
    settings.model.update({"lora": lora, "prompt_path": ""})
    stdout, sys.stdout = sys.stdout, sys.stderr
    model = salmonn.SALMONN.from_config(settings.model).float().eval()
    processor = transformers.WhisperFeatureExtractor.from_pretrained(settings.model.whisper_path)
    for line in sys.stdin:
        asked = json.loads(line)
        prompt = settings.model.prompt_template.format(SPEECH + asked["instruction"].strip())
        settings.generate.update({"max_new_tokens": asked["max_new_tokens"], "num_beams": 1})
        samples = prepare_one_sample(asked["audio"], processor, cuda_enabled=False)
        samples["raw_wav"] = samples["raw_wav"].float()
        with torch.no_grad():
            raw = model.generate(samples, settings.generate, prompts=[prompt])[0]
        text = raw.replace("<s>", "").replace("</s>", "")
        print(json.dumps({"prompt": prompt, "raw": raw, "text": text}), file=stdout, flush=True)


if __name__ == "__main__":
    ask(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), sys.argv[3] == "true")
