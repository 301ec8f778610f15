"""How long the task level takes without judge calls, imports told apart, and how often its WER intervals hold.

Run from anywhere: ``python perf/task_level.py [--json FILE] [--coverage]``. It measures the recorded responses and
judge replies if they lie beside the project, and as many made-up transcripts and verdicts otherwise (and says
which). Processor time of this process. ``--coverage`` prints the simulation that docs/statistics.md quotes.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

from measuring import OFFICIAL, RECORDED, ROOT, figure, machine_line, markdown_table, parser, seconds, write_json

LIMIT = 3.0  # seconds, for 1,866 answers


def imports() -> float:
    """Import what the task level needs, numpy and msgspec included, and return the seconds."""
    start = time.process_time()
    import jiwer  # noqa: F401
    from whisper_normalizer.basic import BasicTextNormalizer  # noqa: F401

    import speech_ifeval.metrics.task_level
    import speech_ifeval.pipeline.answers  # noqa: F401

    return time.process_time() - start


def recorded() -> tuple[Any, Any, Any]:
    """Read benchmark, responses and judgements; not timed."""
    from speech_ifeval.benchmarks import load_benchmark
    from speech_ifeval.judges.replay import replay
    from speech_ifeval.models.recorded import read_responses

    benchmark = load_benchmark(OFFICIAL)
    responses = read_responses([RECORDED], benchmark).responses
    return benchmark, responses, replay(sorted((RECORDED / "reports").glob("*.jsonl")), benchmark).judgements


def made_up() -> tuple[Any, Any, Any]:
    """Make 933 twins: 200 transcripts of about 20 words, 733 verdicts."""
    from speech_ifeval.benchmarks import Benchmark
    from speech_ifeval.judges.replay import reply_hash
    from speech_ifeval.records import Constraint, Item, Judgement, Response

    rng = random.Random(0)
    items, responses, judgements = [], {}, {}
    for number in range(933):
        spoken = number < 200
        said = " ".join(rng.choice("abcdefghijklmnopqrst") for _ in range(rng.randint(5, 40)))
        for category in ("closed-ended", "closed-ended-plain"):
            id = f"{category}/{number:04d}"
            plain = category.endswith("plain")
            twin = f"closed-ended{'' if plain else '-plain'}/{number:04d}"
            constraints = () if plain else (Constraint("startend:quotation"),)
            metric = "wer" if spoken else "accuracy"
            items.append(
                Item(id, category, "Say.", f"{number}.wav", metric, constraints, None, said, metric, twin)
            )
            text = said if rng.random() < 0.7 else f"{said[: len(said) // 2]} something else"
            responses[id] = Response(id, text)
            use = "transcript" if spoken else "accuracy"
            judgements[id, use] = Judgement(
                id,
                "transcript" if spoken else "accuracy",
                None if spoken else rng.random() < 0.6,
                reply_hash(text),
                "",
                text if spoken else None,
            )
    return Benchmark("made-up", tuple(items), "0" * 64, ROOT), responses, judgements


def coverage() -> None:
    sys.path.insert(0, str(ROOT))
    from tests.metrics.test_bootstrap import ORDINARY, RARE
    from tests.metrics.word_error_coverage import coverage as held

    rows = [
        [cell.speakers, cell.clips, cell.rate, cell.spread, cell.broken, cell.cost]
        + [f"{held(cell, name, 3000, seed=1):.3f}" for name in ("rate", "change")]
        for cell in (*ORDINARY, *RARE)
    ]
    head = ["speakers", "clips each", "WER", "spread", "broken", "cost", "WER held", "change held"]
    print(markdown_table(head, rows))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--coverage", action="store_true", help="simulate how often the intervals hold, and stop")
    given = options.parse_args()
    if given.coverage:
        coverage()
        return
    importing = imports()
    from speech_ifeval.metrics.task_level import task_level
    from speech_ifeval.pipeline.answers import answers_of

    real = RECORDED.is_dir() and OFFICIAL.is_dir()
    benchmark, responses, judgements = recorded() if real else made_up()
    answers = answers_of(benchmark, responses, judgements)
    parts = {
        "import (numpy, msgspec, jiwer, the normaliser)": importing,
        "judgements to answers: normalise, count edits": seconds(
            lambda: answers_of(benchmark, responses, judgements)
        ),
        "answers to task level: rates, 2,000 resamples and 9,999 swaps a group": seconds(
            lambda: task_level(answers)
        ),
    }
    total = sum(parts.values())
    print(
        f"{'The recorded responses' if real else 'Made-up responses'}, {len(answers)} answers; {machine_line()}\n"
    )
    rows = [[name, figure(1000 * value)] for name, value in [*parts.items(), ("all", total)]]
    print(markdown_table(["part", "ms"], rows))
    write_json(given.json, {"answers": len(answers), "seconds": {**parts, "all": total}})
    if total > LIMIT:
        raise SystemExit(f"the task level took {total:.2f} s; at most {LIMIT} s was meant")


if __name__ == "__main__":
    main()
