"""Ask a tiny DeSTA2 by its own `chat`: ``python ask_desta2.py CLONE < questions``.

HF_HOME names what the builder filled. A question is a JSON object with audio, instruction, system and
max_new_tokens, one a line; the answer is a line with the text that the language model was given, the tokens of the
reply, and the reply. Greedy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

NAME = "DeSTA-ntu/DeSTA2-8B-beta"


def ask(clone: Path) -> None:
    """Answer the questions on standard input."""
    sys.path.insert(0, str(clone))
    stdout, sys.stdout = sys.stdout, sys.stderr
    from desta.modeling_desta import DestaModel

    model = DestaModel.from_pretrained(NAME).eval()
    # In the released bfloat16 a tie can fall either way.
    model.llama.float()
    # `chat` has no say in it: what the builder wrote into the hub's generation config would apply.
    model.llama.generation_config.repetition_penalty = 1.0
    inputs = []
    process = model.process_text

    def noted(*given):
        made = process(*given)
        inputs.append(model.tokenizer.decode(made[0].input_ids[0]))
        return made

    model.process_text = noted
    for line in sys.stdin:
        question = json.loads(line)
        turns = [{"role": "system", "content": question["system"]}] if question["system"] else []
        turns.append({"role": "audio", "content": question["audio"]})
        turns.append({"role": "user", "content": question["instruction"]})
        reply = model.chat(turns, max_new_tokens=question["max_new_tokens"], do_sample=False)
        text = model.tokenizer.batch_decode(reply, skip_special_tokens=True)[0]
        answer = {"prompt": inputs.pop(), "tokens": reply[0].tolist(), "text": text}
        print(json.dumps(answer), file=stdout, flush=True)


if __name__ == "__main__":
    ask(Path(sys.argv[1]).absolute())
