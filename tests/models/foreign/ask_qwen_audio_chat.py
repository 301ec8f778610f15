"""Ask a tiny Qwen-Audio-Chat by its own `chat`: ``python ask_qwen_audio_chat.py FOLDER < questions``.

FOLDER is what the builder filled; questions and answers are those of ask_desta2.py.
"""

from __future__ import annotations

import json
import sys


def ask(folder: str) -> None:
    """Answer the questions on standard input."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.generation import GenerationConfig

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForCausalLM.from_pretrained(
        folder, device_map="cpu", trust_remote_code=True, fp32=True
    ).eval()
    settings = GenerationConfig.from_pretrained(folder, trust_remote_code=True)
    code = sys.modules[type(model).__module__]
    for line in sys.stdin:
        question = json.loads(line)
        query = tokenizer.from_list_format([{"audio": question["audio"]}, {"text": question["instruction"]}])
        system = {"system": question["system"]} if question["system"] else {}
        settings.update(do_sample=False, repetition_penalty=1.0, max_new_tokens=question["max_new_tokens"])
        text, _ = model.chat(tokenizer, query=query, history=None, generation_config=settings, **system)
        prompt = code.make_context(tokenizer, query, **(system or {"system": "You are a helpful assistant."}))[0]
        print(json.dumps({"prompt": prompt, "text": text}), file=stdout, flush=True)


if __name__ == "__main__":
    ask(sys.argv[1])
