"""What watching a training costs: seconds a point by sample, in steps of it, and that nothing else changes.

Run from anywhere: ``python perf/callback.py [--json FILE] [--samples 30,60,120] [--steps 12]``. The model is the
lab's self-aligned one with a LoRA, tuned by transformers' Trainer in batches of 24 short sentences that it reads;
points are the callback's, on the bundled benchmark, with clips. The same training without the callback gives the
seconds of a step, and the weights that must come out.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import ROOT, machine_line, markdown_table, parser, write_json

sys.path.insert(0, str(ROOT))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--samples", default="30,60,120")
    options.add_argument("--steps", type=int, default=12)
    given = options.parse_args()
    import torch
    from tests.integrations import training
    from transformers import TrainerCallback

    from speech_ifeval.integrations.transformers_callback import SpeechIFEvalCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Seconds of each step, without what happens between two steps."""

        def __init__(self) -> None:
            self.seconds: list[float] = []

        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.begun = time.perf_counter()

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.seconds.append(time.perf_counter() - self.begun)

    asks = training.processor()

    def train(folder: Path, **callback: Any) -> tuple[dict[str, Any], float, list[float]]:
        trainer = training.trainer(folder, asks, max_steps=given.steps, per_device_train_batch_size=24)
        clock = Clock()
        trainer.add_callback(clock)
        watched = None
        if callback:
            watched = SpeechIFEvalCallback(processor=asks, max_new_tokens=200, **callback).add_to(trainer)
        trainer.train()
        points = [] if watched is None else [one.seconds for one in watched.points]
        return training.state_of(trainer), statistics.median(clock.seconds), points

    rows, found = [], []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        plain, step, _ = train(root / "plain")
        for sample in map(int, given.samples.split(",")):
            every = max(1, given.steps // 2)
            state, _, points = train(root / str(sample), reference=training.REFERENCE, sample=sample, every=every)
            seconds = statistics.median(points)
            same = training.alike(plain, state)
            found.append(
                {"sample": sample, "seconds": seconds, "steps": seconds / step, "step_seconds": step, "same": same}
            )
            rows.append([str(sample), f"{seconds:.1f}", f"{seconds / step:.0f}", "yes" if same else "NO"])
    print(machine_line(), f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; a step {step:.3f} s")
    print(markdown_table(["sample", "seconds a point", "steps", "same weights, losses, random state"], rows))
    write_json(given.json, {"samples": found})
    if not all(one["same"] for one in found):
        sys.exit("a training with the callback is another training")


if __name__ == "__main__":
    main()
