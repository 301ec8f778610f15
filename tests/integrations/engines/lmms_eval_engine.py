"""lmms-eval's engine: ``REPLIES.json RESULTS.json simple|chat`` replays, ``MODEL RESULTS.json qwen2_audio LIMIT``
asks its own model of that name.
"""

import argparse
import json
import sys
from importlib.resources import files
from pathlib import Path

TASK = "speech_ifeval"
# What its command line asks for unless told otherwise: replies are changed before they are scored.
USUAL_TAGS = '[["<think>", "</think>"], ["<analysis>", "</analysis>"]]'


def on_the_cpu():
    """Have what its models send to "cuda" stay: they take no other device."""
    from transformers import BatchFeature

    sent = BatchFeature.to

    def kept(self, *places, **more):
        return sent(self, *("cpu" if place == "cuda" else place for place in places), **more)

    BatchFeature.to = kept


def main():
    from lmms_eval.api.model import lmms
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    asked, answered, kind, *more = sys.argv[1:]
    replies = {} if more else json.loads(Path(asked).read_text(encoding="utf-8"))

    class Replaying(lmms):
        """Looks at what a model of either kind is given: the clip first, then the text."""

        is_simple = kind == "simple"

        def generate_until(self, requests):
            return [self._answer(request) for request in requests]

        def _answer(self, request):
            doc = self.task_dict[TASK]["test"][request.doc_id]
            if self.is_simple:
                text, _, to_sounds, *_ = request.args
                (sound,) = to_sounds(doc)
                assert sound["sampling_rate"] == 16_000
                assert len(sound["array"]) > 1_000
                assert text == doc["prompt"]
            else:
                _, to_messages, *_ = request.args
                system, user = to_messages(doc)
                assert system["content"][0]["text"] == doc["system"]
                assert [part["type"] for part in user["content"]] == ["audio", "text"]
                assert Path(user["content"][0]["url"]).is_file()
            return replies[doc["id"]]

        def loglikelihood(self, requests):
            raise NotImplementedError

        def generate_until_multi_round(self, requests):
            raise NotImplementedError

    model, limit, options = Replaying(), len(replies), {}
    if more:
        on_the_cpu()
        model, limit = kind, int(more[0])
        options = {
            "model_args": f"pretrained={asked},device_map=auto,device=cpu",
            "batch_size": 1,
            "gen_kwargs": "max_new_tokens=60",
        }
    path = str(files("speech_ifeval") / "integrations" / "lmms_eval_harness" / "tasks")
    found = simple_evaluate(
        model=model,
        tasks=[TASK],
        task_manager=TaskManager(include_path=path, include_defaults=False),
        limit=limit,
        log_samples=True,
        cli_args=argparse.Namespace(reasoning_tags=USUAL_TAGS, process_with_media=False),
        **options,
    )
    samples, results = found["samples"][TASK], found["results"][TASK]
    written = {
        "verdicts": {sample["ifrate"]["item"]: sample["ifrate"]["verdicts"] for sample in samples},
        "figures": {name.partition(",")[0]: value for name, value in results.items() if isinstance(value, float)},
        "unscored": results["unscored,none"],
        "texts": {sample["ifrate"]["item"]: sample["filtered_resps"][0] for sample in samples},
    }
    Path(answered).write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
