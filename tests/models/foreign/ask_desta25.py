"""Ask a tiny DeSTA2.5-Audio by its own `generate`: ``python ask_desta25.py CLONE < questions``.

Questions and answers are those of ask_desta2.py. Greedy, one question at a time; every clip counts as speech.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

NAME = "DeSTA-ntu/DeSTA2.5-Audio-Llama-3.1-8B"


def ask(clone: Path) -> None:
    """Answer the questions on standard input."""
    sys.path.insert(0, str(clone))
    stdout, sys.stdout = sys.stdout, sys.stderr
    import torch
    from desta import DeSTA25AudioModel

    torch.hub.load = lambda **_: (None, ((lambda *_: [True]), None, None, None, None))
    model = DeSTA25AudioModel.from_pretrained(NAME).eval()
    model.llm_model.generation_config.repetition_penalty = 1.0
    model.llm_model.to(torch.float32)
    inputs = []
    step = model._generate_step

    def noted(given, **settings):
        inputs.append(model.tokenizer.decode(given["context_input_ids"][0]))
        return step(given, **settings)

    model._generate_step = noted
    for line in sys.stdin:
        question = json.loads(line)
        turns = [{"role": "system", "content": question["system"]}] if question["system"] else []
        heard = [{"audio": question["audio"], "text": None}]
        turns.append({"role": "user", "content": "<|AUDIO|>\n" + question["instruction"], "audios": heard})
        made = model.generate(messages=turns, do_sample=False, max_new_tokens=question["max_new_tokens"])
        answer = {"prompt": inputs.pop(), "tokens": made.generated_ids[0], "text": made.text[0]}
        print(json.dumps(answer), file=stdout, flush=True)


if __name__ == "__main__":
    ask(Path(sys.argv[1]).absolute())
