"""lmms-eval's engine with a model that replays: ``REPLIES.json RESULTS.json simple|chat``."""

import argparse
import json
import sys
from importlib.resources import files
from pathlib import Path

TASK = "speech_ifeval"
# What its command line asks for unless told otherwise: replies are changed before they are scored.
USUAL_TAGS = '[["<think>", "</think>"], ["<analysis>", "</analysis>"]]'


def main():
    from lmms_eval.api.model import lmms
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.tasks import TaskManager

    asked, answered, kind = sys.argv[1:]
    replies = json.loads(Path(asked).read_text(encoding="utf-8"))

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

    path = str(files("speech_ifeval") / "integrations" / "lmms_eval_harness" / "tasks")
    found = simple_evaluate(
        model=Replaying(),
        tasks=[TASK],
        task_manager=TaskManager(include_path=path, include_defaults=False),
        limit=len(replies),
        log_samples=True,
        cli_args=argparse.Namespace(reasoning_tags=USUAL_TAGS, process_with_media=False),
    )
    samples, results = found["samples"][TASK], found["results"][TASK]
    written = {
        "verdicts": {sample["ifrate"]["item"]: sample["ifrate"]["verdicts"] for sample in samples},
        "figures": {name.partition(",")[0]: value for name, value in results.items() if isinstance(value, float)},
        "unscored": results["unscored,none"],
    }
    Path(answered).write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
