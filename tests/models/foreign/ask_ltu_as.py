"""Ask a tiny LTU-AS by the functions of its repository: ``python ask_ltu_as.py CLONE FOLDER LORA < questions``.

FOLDER is what build_ltu_as.py made, LORA is true or false; a question is a JSON object with audio (a 16 kHz clip),
instruction and max_new_tokens, one a line, answered by a line with transcript, prompt and text.

The functions are taken out of `inference_gradio.py`, which cannot be imported: it opens a page and loads from
fixed paths. What differs from it: the weights are tiny, the adapter may be left out, every token is the likeliest
one without a repetition penalty, samples are handed over in place of a file's name (no ffmpeg), and the features
get the batch axis that this code adds on CUDA alone.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

FUNCTIONS = ("remove_thanks_for_watching", "load_audio_trans", "trim_string", "predict")


def ask(clone: Path, folder: Path, lora: bool) -> None:
    """Answer the questions on standard input."""
    import datetime
    import time

    import numpy as np
    import peft
    import skimage.measure
    import soundfile
    import torch
    import transformers
    import whisper.model
    import whisper_at.model

    torch.set_num_threads(1)
    stdout, sys.stdout = sys.stdout, sys.stderr
    root = clone / "src" / "ltu_as"
    os.chdir(root)
    sys.path.insert(0, str(root / "utils"))
    from prompter import Prompter

    model = transformers.LlamaForCausalLM.from_pretrained(str(folder / "vicuna"))
    held = torch.load(folder / "ltu_as.bin")
    if lora:
        layers = {"target_modules": ["q_proj", "v_proj"], "bias": "none", "task_type": "CAUSAL_LM"}
        model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, **layers))
    else:
        held = {name.replace("base_model.model.", "", 1): one for name, one in held.items()}
    model.load_state_dict(held, strict=False)
    tokenizer = transformers.LlamaTokenizer.from_pretrained(str(folder / "vicuna"))
    model.config.pad_token_id = tokenizer.pad_token_id = 0
    prompts: list[str] = []
    prompter = Prompter("alpaca_short")

    def generate_prompt(instruction: str, heard: str) -> str:
        prompts.append(prompter.generate_prompt(instruction, heard))
        return prompts[-1]

    def samples(path: str) -> Any:
        found, rate = soundfile.read(path, dtype="float32")
        assert rate == 16000
        return found

    def config(**_: Any) -> Any:
        ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
        return transformers.GenerationConfig(do_sample=True, top_k=1, **ids)

    hearing, recogniser = (
        _whisper(code, folder / name)
        for code, name in ((whisper.model, "encoder.pt"), (whisper_at.model, "asr.pt"))
    )
    space: dict[str, Any] = {
        "np": np,
        "re": re,
        "time": time,
        "json": json,
        "torch": torch,
        "skimage": skimage,
        "datetime": datetime,
        "whisper_text_model": types.SimpleNamespace(transcribe=lambda path: recogniser.transcribe(samples(path))),
        "whisper_feat_model": types.SimpleNamespace(
            transcribe_audio=lambda path: hearing.transcribe_audio(samples(path))
        ),
        "text_cache": {},
        "eval_log": [],
        "log_save_path": str(Path(tempfile.mkdtemp(), "log.json")),
        "model": model.eval(),
        "tokenizer": tokenizer,
        "device": "cpu",
        "GenerationConfig": config,
        "prompter": types.SimpleNamespace(generate_prompt=generate_prompt),
        "temp": 1,
        "top_p": 1,
        "top_k": 1,
    }
    source = ast.parse((root / "inference_gradio.py").read_text(encoding="utf-8"))
    kept = [one for one in source.body if isinstance(one, ast.FunctionDef) and one.name in FUNCTIONS]
    exec(compile(ast.Module(kept, []), "inference_gradio.py", "exec"), space)
    listen, generate = space["load_audio_trans"], model.generate
    space["load_audio_trans"] = lambda path: (listen(path)[0].unsqueeze(0), space["text_cache"][path])
    for line in sys.stdin:
        asked = json.loads(line)
        audio, longest = asked["audio"], asked["max_new_tokens"]
        model.generate = lambda longest=longest, **given: generate(**{**given, "max_new_tokens": longest})
        torch.manual_seed(0)
        text = space["predict"](audio, asked["instruction"])
        reply = {"transcript": space["text_cache"][audio], "prompt": prompts[-1], "text": text}
        print(json.dumps(reply), file=stdout, flush=True)


def _whisper(code: Any, path: Path) -> Any:
    import torch

    held = torch.load(path)
    model = code.Whisper(code.ModelDimensions(**held["dims"]))
    model.load_state_dict(held["model_state_dict"], strict=False)
    return model.eval()


if __name__ == "__main__":
    ask(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), sys.argv[3] == "true")
