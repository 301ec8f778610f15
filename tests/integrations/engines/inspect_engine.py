"""Inspect's engine: ``REPLIES.json RESULTS.json audio|transcript``, or ``LOG RESULTS.json read|again``."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

TASK = "speech_ifeval/speech_ifeval"


def main():
    from inspect_ai import eval as evaluate
    from inspect_ai import score
    from inspect_ai.log import read_eval_log
    from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, get_model, modelapi

    from speech_ifeval.integrations.inspect_harness.scoring import following

    asked, answered, kind = sys.argv[1:]
    settings = json.loads(os.environ["SPEECH_IFEVAL_TASK"])

    @modelapi(name="replay")
    class Replaying(ModelAPI):
        def __init__(self, model_name, base_url=None, api_key=None, config=GenerateConfig(), **model_args):  # noqa: B008
            super().__init__(model_name, base_url, api_key, [], config)
            self.replies = model_args["replies"]

        async def generate(self, input, tools, tool_choice, config):
            content = input[-1].content
            if kind == "audio":
                assert [part.type for part in content] == ["audio", "text"]
                assert content[0].format in ("wav", "mp3")
                assert content[0].audio.startswith("data:audio/")  # Inspect has read the file
            else:
                assert content.startswith("Speech Input: ")
            return ModelOutput.from_content(self.model_name, self.replies[input[-1].metadata["item"]])

    started, busy = time.perf_counter(), time.process_time()
    if kind in ("read", "again"):
        log = read_eval_log(asked)
        if kind == "again":
            log = score(log, following(**settings), action="overwrite", display="none")
    else:
        replies = json.loads(Path(asked).read_text(encoding="utf-8"))
        (log,) = evaluate(
            TASK,
            model=get_model("replay/recorded", replies=replies, memoize=False),
            task_args={**settings, "input": kind},
            sample_id=sorted(replies),
            log_dir=tempfile.mkdtemp(dir=Path(answered).parent),
            display="none",
        )
    took = {"wall": time.perf_counter() - started, "cpu": time.process_time() - busy}
    assert log.status == "success", log.error
    scores = {sample.id: sample.scores["following"] for sample in log.samples}
    (found,) = log.results.scores
    written = {
        "verdicts": {id: score.metadata["verdicts"] for id, score in scores.items()},
        "figures": {name: metric.value for name, metric in found.metrics.items() if metric.value == metric.value},
        "unscored": found.unscored_samples,
        "texts": {sample.id: sample.output.completion for sample in log.samples},
        "values": {id: str(score.value) for id, score in scores.items()},
        "errors": {sample.id: sample.error.message for sample in log.samples if sample.error is not None},
        "signature": (log.eval.metadata or {}).get("signature"),
        "took": took,
    }
    Path(answered).write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
