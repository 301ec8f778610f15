"""Ask a tiny BLSP-Emo by the repository's own `generate.py`: ``python ask_blsp_emo.py CLONE FOLDER < questions``.

FOLDER is what the builder filled; questions and answers are those of ask_desta2.py, without a prompt. That script
is run whole, once a question, with three things changed. It stays on the CPU and in float32; torchaudio, which
only resamples there, is an empty stand-in, so that clips must be at 16 kHz in one channel; and the repetition
penalty of the generation config is 1. The system prompt is the script's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import types
from pathlib import Path


def ask(clone: Path, folder: Path) -> None:
    """Answer the questions on standard input."""
    sys.path.insert(0, str(clone))
    stdout, sys.stdout = sys.stdout, sys.stderr
    import generate
    import torch

    # After the others, who would ask an empty module for its version.
    effects = types.ModuleType("torchaudio.sox_effects")
    audio = types.ModuleType("torchaudio")
    audio.sox_effects = effects
    sys.modules.update({"torchaudio": audio, "torchaudio.sox_effects": effects})
    torch.float16 = torch.float32
    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = kind.half = lambda self: self
    read = generate.GenerationConfig.from_pretrained

    def plain(name):
        settings = read(name)
        settings.repetition_penalty = 1.0
        return settings

    generate.GenerationConfig.from_pretrained = plain
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch, "asked.jsonl"), Path(scratch, "answered.jsonl")
        for line in sys.stdin:
            question = json.loads(line)
            asked.write_text(json.dumps({"audio": question["audio"], "reference": ""}) + "\n", encoding="utf-8")
            sys.argv = ["generate.py", "--input_file", str(asked), "--output_file", str(answered)]
            sys.argv += ["--blsp_model", str(folder), "--instruction", question["instruction"]]
            sys.argv += ["--audio_field", "audio", "--max_new_tokens", str(question["max_new_tokens"])]
            generate.main()
            [reply] = answered.read_text(encoding="utf-8").splitlines()
            print(json.dumps({"text": json.loads(reply)["response"]}), file=stdout, flush=True)


if __name__ == "__main__":
    ask(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
