"""How long a reward takes, constraint by constraint: on replies, on the worst text we know, and beside lm_eval.

Run from anywhere: ``python perf/rewards.py [--json FILE]``. Replies are those of the shipped example, each asked
every constraint, through the function that TRL calls, as batches of one: the whole way from a row to a number.
Times are processor time of one core; lm_eval's ifeval is timed in the same run where it has the id.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, get_args

from adversarial import FRAMES, KWARGS, UNITS, Input
from measuring import figure, machine_line, markdown_table, parser, write_json
from verifiers import load_oracle

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.constraints import definitions
from speech_ifeval.errors import MissingExtraError
from speech_ifeval.integrations.rewards import LONGEST, Reading, Reward
from speech_ifeval.integrations.trl_rewards import TRLReward
from speech_ifeval.models.recorded import locate, read_responses
from speech_ifeval.records import Constraint

ROUNDS = 5
HOSTILE = 1_000_000  # characters, ten times as many as are read
KEPT = 6  # worst inputs tried at full length, of all at a thirtieth
INPUTS = [Input(opening, unit, closing) for unit in UNITS for opening, closing in FRAMES]


def replies() -> list[str]:
    """Return the shipped replies."""
    benchmark = load_benchmark("example")
    found = []
    for name in ("tuned", "reference"):
        answered = read_responses([locate(f"example:{name}")], benchmark).responses
        found += [one.text for one in answered.values() if one.text]
    return found


def seconds_each(run: Callable[[str], object], texts: list[str]) -> list[float]:
    """Return the least processor time of each text over some rounds."""
    best = [float("inf")] * len(texts)
    for _ in range(ROUNDS):
        for at, text in enumerate(texts):
            start = time.process_time_ns()
            run(text)
            best[at] = min(best[at], (time.process_time_ns() - start) / 1e9)
    return best


def worst(run: Callable[[str], object], size: int) -> tuple[float, Input]:
    """Return the longest time for a text of this size, and the text: looked for at a thirtieth of it first."""

    slow = sorted(INPUTS, key=lambda given: -taken(run, given, size // 30))[:KEPT]
    return max(((min(taken(run, given, size) for _ in range(2)), given) for given in slow), key=lambda one: one[0])


def taken(run: Callable[[str], object], given: Input, size: int) -> float:
    """Return the processor time of one call."""
    text = given.text(size)
    start = time.process_time()
    run(text)
    return time.process_time() - start


def measure(only: str | None) -> dict[str, Any]:
    """Return the figures of every id."""
    texts = replies()
    oracle: Any = load_oracle()
    theirs: Any = None
    with ExitStack() as seeded:
        try:
            theirs = oracle.load()
            seeded.enter_context(oracle.seeded_detector())
        except oracle.OracleMissingError as missing:
            print(f"Not compared with lm_eval: {missing} ({oracle.INSTALL}).\n")
        ids = _each_id(texts, theirs, only)
    return {"replies": len(texts), "longest": LONGEST, "hostile": HOSTILE, "beyond": _beyond(), "ids": ids}


def _beyond() -> float:
    """Return the longest time for a text that is too long to be read."""
    reward = Reward(grade="fraction")
    asked = [Constraint("change_case:english_capital")]
    return max(taken(lambda text: reward.score(text, asked), given, HOSTILE) for given in INPUTS)


def _each_id(texts: list[str], theirs: Any, only: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for definition in definitions():
        rules = "official" if "official" in definition.rules else definition.rules[0]
        if ":" not in definition.id or definition.id in found or only not in (None, definition.id):
            continue
        kwargs = KWARGS.get(definition.id, [{}])[0]
        call, loose = (_called(definition.id, kwargs, rules, reading) for reading in get_args(Reading))
        try:
            call("warm")
        except MissingExtraError as missing:
            print(f"{definition.id} is left out: {missing}\n")
            continue
        each = seconds_each(call, texts)
        slowest, given = worst(call, LONGEST)
        row: dict[str, Any] = {
            "rules": rules,
            "median": statistics.median(each),
            "p99": statistics.quantiles(each, n=100)[98],
            "per_second": len(each) / sum(each),
            "worst": slowest,
            "worst_input": given.shown(),
            "worst_loose": worst(loose, LONGEST)[0],
        }
        if theirs is not None and definition.id in theirs.classes:
            run = _of_lm_eval(theirs, definition.id, kwargs)
            row["lm_eval_per_second"] = len(texts) / sum(seconds_each(run, texts))
        found[definition.id] = row
    return found


def _called(id: str, kwargs: dict[str, Any], rules: str, reading: Reading) -> Callable[[str], object]:
    """Return what a text goes through when TRL asks for its reward."""
    reward = TRLReward(Reward(reading=reading, rules=rules))
    columns = {"instruction_id_list": [[id]], "kwargs": [[json.dumps(kwargs)]]}
    return lambda text: reward([""], [text], [[]], **columns)


def _of_lm_eval(theirs: Any, id: str, kwargs: dict[str, Any]) -> Callable[[str], object]:
    """Return lm_eval's own strict pass of a constraint, which builds its instruction for every reply."""
    utils = theirs.modules["utils"]
    example = utils.InputExample(key=0, instruction_id_list=[id], prompt="", kwargs=[dict(kwargs)])
    return partial(utils.test_instruction_following_strict, example)


def markdown(figures: dict[str, Any]) -> str:
    """Return the table of a measurement."""
    head = (
        "id",
        "rewards/s",
        "lm_eval/s",
        "median, µs",
        "p99, µs",
        f"worst of {figures['longest']:,} characters, ms",
        "worst, loose, ms",
        "worst text",
    )
    rows = [
        [
            f"`{id}`",
            figure(row["per_second"]),
            figure(row["lm_eval_per_second"]) if "lm_eval_per_second" in row else "–",
            figure(1e6 * row["median"]),
            figure(1e6 * row["p99"]),
            figure(1e3 * row["worst"]),
            figure(1e3 * row["worst_loose"]),
            row["worst_input"],
        ]
        for id, row in figures["ids"].items()
    ]
    beyond = (
        f"A text of {figures['hostile']:,} characters, which is longer than is read, takes at most "
        f"{figure(1e3 * figures['beyond'])} ms, whatever is asked."
    )
    return f"{markdown_table(head, rows)}\n\n{beyond}"


def main() -> int:
    """Measure, print, write."""
    options = parser(__doc__)
    options.add_argument("--id", help="this id only")
    options.add_argument("--show", type=Path, metavar="FILE", help="print what a JSON file holds")
    chosen = options.parse_args()
    if chosen.show is not None:
        print(markdown(json.loads(chosen.show.read_text("utf-8"))))
        return 0
    figures = measure(chosen.id)
    print(f"{machine_line()}; {figures['replies']} replies.\n\n{markdown(figures)}")
    write_json(chosen.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
