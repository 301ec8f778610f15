"""How fast the verifiers are, on recorded responses and on the worst input we know.

Run from anywhere: ``python perf/verifiers.py [--json FILE] [--part speed|growth]``. The recorded responses are not
part of the project; without them the speed is not measured and this says so. Times are processor time of one core.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from adversarial import growth_table, measure_growth
from measuring import (
    RECORDED,
    ROOT,
    figure,
    machine_line,
    markdown_table,
    parser,
    rows_of,
    seconds,
    steady_seconds,
    write_json,
)

from speech_ifeval.constraints import RULE_SETS, compile_from
from speech_ifeval.errors import MissingExtraError

FILES = ("closed_ended_questions.jsonl", "creative_writing.jsonl")


class Case(NamedTuple):
    """One constraint on one recorded response, and the row they come from."""

    id: str
    kwargs: dict[str, Any]
    response: str
    row: dict[str, Any]


def recorded() -> list[Case]:
    """Read the recorded responses that rules decide, in the files' order."""
    return [
        Case(id, kwargs, row["response"], row)
        for name in FILES
        for row in rows_of(RECORDED / name)
        for id, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True)
    ]


def ours(cases: list[Case], rules: str) -> Callable[[], None]:
    """Return what checks every case once: each constraint compiled beforehand, as a reward would have it."""
    pairs = [(compile_from(case.id, case.kwargs, rules).check, case.response) for case in cases]

    def run() -> None:
        for check, response in pairs:
            check(response)

    return run


def measure_ours(cases: list[Case]) -> dict[str, dict[str, float]]:
    """Return responses per second by id, and under ``all``, for each rule set that can be had."""
    figures: dict[str, dict[str, float]] = {}
    ids = sorted({case.id for case in cases})
    for rules in RULE_SETS:
        try:
            by_id = {id: [case for case in cases if case.id == id] for id in ids} | {"all": cases}
            figures[rules] = {
                id: len(chosen) / steady_seconds(ours(chosen, rules)) for id, chosen in by_id.items()
            }
        except MissingExtraError as missing:
            print(f"The rule set {rules} is left out: {missing}\n")
    return figures


def load_oracle() -> ModuleType:
    """Return the tests' way to lm_eval, loaded by its path."""
    path = ROOT / "tests" / "constraints" / "lm_eval_oracle.py"
    spec = importlib.util.spec_from_file_location("lm_eval_oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def measure_lm_eval(cases: list[Case]) -> dict[str, dict[str, float]] | None:
    """Return responses per second of lm_eval's own strict pass and of ours, turn by turn; None without lm_eval.

    lm_eval's pass builds its instruction for every response, as its evaluation does. Its language detector is
    seeded, and an untrained Punkt stands for the trained one, which would have to be downloaded.
    """
    oracle: Any = load_oracle()
    try:
        rules = oracle.load()
    except oracle.OracleMissingError as missing:
        print(f"Not compared with lm_eval: {missing} ({oracle.INSTALL}).\n")
        return None
    utils = rules.modules["utils"]
    examples = [
        (
            utils.InputExample(
                key=0,
                instruction_id_list=[case.id],
                prompt=case.row["instruction"],
                kwargs=[dict(case.kwargs)],
            ),
            case,
        )
        for case in cases
    ]
    slow = ("change_case:", "length_constraints:number_sentences")
    groups = {"all": examples, "without": [pair for pair in examples if not pair[1].id.startswith(slow)]}
    figures: dict[str, dict[str, float]] = {}
    with oracle.seeded_detector():
        for name, pairs in groups.items():

            def theirs(pairs: list[tuple[Any, Case]] = pairs) -> None:
                for example, case in pairs:
                    utils.test_instruction_following_strict(example, case.response)

            chosen = [case for _, case in pairs]
            best = dict.fromkeys(("lm_eval", "official", "careful"), float("inf"))
            for _ in range(3):
                best["lm_eval"] = min(best["lm_eval"], seconds(theirs, 1))
                for rule_set in ("official", "careful"):
                    best[rule_set] = min(best[rule_set], steady_seconds(ours(chosen, rule_set)))
            figures[name] = {what: len(chosen) / time for what, time in best.items()}
    return figures


def speed(figures: dict[str, Any]) -> None:
    """Measure and print the responses per second."""
    print("## Recorded responses\n")
    if not all((RECORDED / name).is_file() for name in FILES):
        print(
            "Not measured: no recorded responses in ../shared/data/recorded/desta2 (they are not part of the "
            "project)."
        )
        return
    cases = recorded()
    figures["speed"] = measure_ours(cases)
    counts = {id: sum(case.id == id for case in cases) for id in {case.id for case in cases}} | {"all": len(cases)}
    names = [*sorted(counts.keys() - {"all"}), "all"]
    rows = [
        [f"`{id}`" if id != "all" else "all", counts[id]]
        + [figure(figures["speed"][rules][id]) for rules in figures["speed"]]
        for id in names
    ]
    print(f"{len(cases)} responses, checks per second on one core, each constraint compiled beforehand.\n")
    print(markdown_table(("id", "responses", *figures["speed"]), rows))

    print("\n## Against lm_eval, in the same process\n")
    compared = measure_lm_eval(cases)
    if compared is None:
        return
    figures["lm_eval"] = compared
    titles = {"all": "all", "without": "without the case ids and `number_sentences`"}
    rows = [
        [
            titles[name],
            *(figure(found[what]) for what in ("lm_eval", "official", "careful")),
            figure(found["official"] / found["lm_eval"]),
            figure(found["careful"] / found["lm_eval"]),
        ]
        for name, found in compared.items()
    ]
    head = ("responses/s", "lm_eval", "official", "careful", "official : lm_eval", "careful : lm_eval")
    print(markdown_table(head, rows))


def main() -> int:
    """Measure, print, write."""
    options = parser(__doc__)
    options.add_argument("--part", choices=("speed", "growth"), help="measure only this")
    options.add_argument(
        "--thorough",
        action="store_true",
        help="try every input at 1 MB, not only those that look bad at 30 kB (an hour)",
    )
    options.add_argument("--id", help="growth of this id only")
    chosen = options.parse_args()
    figures: dict[str, Any] = {}
    print(f"{machine_line()}\n")
    if chosen.part != "growth":
        speed(figures)
    if chosen.part != "speed":
        figures["growth"] = measure_growth(thorough=chosen.thorough, only=chosen.id)
        print(growth_table(figures["growth"]))
    write_json(chosen.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
