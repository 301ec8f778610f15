"""Print what a step of the lab's stage two costs, with and without hearing every clip once; run from the root.

    python perf/tuning.py MODELS [--steps 10] [--json FILE]

MODELS is a folder of `lab train` or `lab study`, whose `work/speech` holds the spoken sentences. Both ways take
turns on the same batches, in one process.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from statistics import median

from measuring import figure, machine_line, markdown_table, parser, write_json

CLIPS = 600


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("models", type=Path, metavar="MODELS")
    arguments.add_argument("--steps", type=int, default=10, help="batches each (default: 10)")
    chosen = arguments.parse_args()

    from speech_ifeval.lab.hearing import Heard
    from speech_ifeval.lab.listening import listen
    from speech_ifeval.lab.making import make_aligned
    from speech_ifeval.lab.recipes import TuneRecipe
    from speech_ifeval.lab.speech_model import SpokenBatches
    from speech_ifeval.lab.stages import Making, Recipes
    from speech_ifeval.lab.targets import asked

    made = make_aligned(Making(chosen.models, 0, Recipes(), "cpu", lambda text: None, lambda one: None))
    heard = made.heard
    some = Heard(
        *(part[:CLIPS] for part in (heard.utterances, heard.features, heard.frames, heard.phones, heard.seconds))
    )
    batch = TuneRecipe().course.batch
    rows = asked(some, made.wordings, Random(0), "corpus", chosen.steps * batch)
    batches = SpokenBatches(some, made.tokenizer, "cpu")
    model = made.aligned.train()
    learned = [value.requires_grad_(True) for name, value in model.named_parameters() if "q_proj.weight" in name]
    start = time.perf_counter()
    listened = listen(model, some)
    listening = (time.perf_counter() - start) / CLIPS
    took: dict[str, list[float]] = {"every time": [], "once": []}
    for step in range(chosen.steps):
        ours = rows[step * batch : (step + 1) * batch]
        for way, seconds in took.items():
            start = time.perf_counter()
            inputs = (
                batches.inputs(ours)
                if way == "every time"
                else batches.inputs_listened(ours, listened, model.get_input_embeddings())
            )
            model(**inputs).loss.backward()
            seconds.append(time.perf_counter() - start)
            for value in learned:
                value.grad = None
    usual, once = median(took["every time"]), median(took["once"])
    print(machine_line())
    print(
        markdown_table(
            ["a clip is heard", "seconds a step", "ratio"],
            [("every time", figure(usual), "1"), ("once", figure(once), figure(once / usual))],
        )
    )
    print(f"\nHearing a clip once: {figure(1000 * listening)} ms.")
    write_json(chosen.json, {"every_time": usual, "once": once, "listening_a_clip": listening})


if __name__ == "__main__":
    main()
