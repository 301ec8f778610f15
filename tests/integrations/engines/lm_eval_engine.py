"""lm-eval's engine: ``REPLIES.json RESULTS.json replay``, or ``MODEL RESULTS.json hf LIMIT TOKENIZER``."""

import json
import os
import sys
import time
from importlib.resources import files
from pathlib import Path

TASK = "speech_ifeval"


def main():
    from lm_eval.api.model import LM
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    asked, answered, kind, *more = sys.argv[1:]

    class Replaying(LM):
        def __init__(self, replies):
            super().__init__()
            self.replies = replies

        def generate_until(self, requests):
            return [self.replies[request.doc["id"]] for request in requests]

        def loglikelihood(self, requests):
            raise NotImplementedError

        def loglikelihood_rolling(self, requests):
            raise NotImplementedError

    options = {}
    if kind == "replay":
        model = Replaying(json.loads(Path(asked).read_text(encoding="utf-8")))
        limit = len(model.replies)
    else:
        model, limit = "hf", int(more[0])
        options = {
            "model_args": {"pretrained": asked, "tokenizer": more[1], "device": "cpu", "dtype": "float32"},
            "apply_chat_template": True,
            "gen_kwargs": "max_gen_toks=200",
        }
    started, busy = time.perf_counter(), time.process_time()
    path = str(files("speech_ifeval") / "integrations" / "lm_eval_harness" / "tasks")
    settings = json.loads(os.environ["SPEECH_IFEVAL_TASK"])
    manager = TaskManager(include_path=path, include_defaults=False, metadata={TASK: settings, "pretrained": "x"})
    found = simple_evaluate(
        model=model, tasks=[TASK], task_manager=manager, limit=limit, log_samples=True, **options
    )
    took = {"wall": time.perf_counter() - started, "cpu": time.process_time() - busy}
    samples, results = found["samples"][TASK], found["results"][TASK]
    written = {
        "verdicts": {sample["ifrate"]["item"]: sample["ifrate"]["verdicts"] for sample in samples},
        "figures": {name.partition(",")[0]: value for name, value in results.items() if isinstance(value, float)},
        "unscored": results["unscored,none"],
        "texts": {sample["doc"]["id"]: sample["resps"][0][0] for sample in samples},
        "prompts": {sample["doc"]["id"]: sample["arguments"][0][0] for sample in samples},
        "took": took,
    }
    Path(answered).write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
