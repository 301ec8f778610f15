"""Ask a tiny DiVA by its own `generate`: ``python ask_diva.py < questions``; HF_HOME is what the builder filled.

Questions and answers are those of ask_desta2.py, without a prompt: the code never has it as text.
"""

from __future__ import annotations

import json
import sys

NAME = "WillHeld/DiVA-llama-3-v0-8b"


def ask() -> None:
    """Answer the questions on standard input."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    import librosa
    from transformers import AutoModel

    model = AutoModel.from_pretrained(
        NAME, trust_remote_code=True, device_map={"": "cpu"}, speech_encoder_device="cpu"
    )
    for line in sys.stdin:
        question = json.loads(line)
        samples, _ = librosa.load(question["audio"], sr=16000)
        longest = question["max_new_tokens"]
        text = model.generate([samples], [question["instruction"]], max_new_tokens=longest)[0]
        print(json.dumps({"text": text}), file=stdout, flush=True)


if __name__ == "__main__":
    ask()
