"""Print, as Markdown, how the rule set `ifeval` agrees with lm_eval on 541 recorded responses.

Run from the repository's root: ``python perf/ifeval_agreement.py``. It needs lm_eval's rules and the recorded
responses (see ``tests/constraints/lm_eval_oracle.py``), and takes some seconds.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

# Zhou et al. (arXiv 2311.07911), the same responses: prompt level, instruction level.
PAPER = {"strict": (76.89, 83.57), "loose": (79.30, 85.37)}


def load_oracle() -> ModuleType:
    """Load the tests' helper by its path: the tests are no package."""
    path = Path(__file__).resolve().parents[1] / "tests" / "constraints" / "lm_eval_oracle.py"
    spec = importlib.util.spec_from_file_location("lm_eval_oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _range(low: float, high: float) -> str:
    return f"{low:.2f}" if low == high else f"{low:.2f}–{high:.2f}"


def markdown(oracle: Any, prompts: list[Any]) -> str:
    """The tables of `docs/ifeval-agreement.md`."""
    lines = [
        "| reading | level | ifeval | lm_eval | IFEval paper |",
        "| --- | --- | --- | --- | --- |",
    ]
    for mode in ("strict", "loose"):
        ours = oracle.our_figures(prompts, mode)
        low = oracle.their_figures(prompts, mode, draw=False)
        high = oracle.their_figures(prompts, mode, draw=True)
        for place, level in enumerate(("prompt", "instruction")):
            lines.append(
                f"| {mode} | {level} | {ours[place]:.2f} | {_range(low[place], high[place])} "
                f"| {PAPER[mode][place]:.2f} |"
            )

    found = oracle.disagreeing(prompts)
    rows = [row for rows in prompts for row in rows]
    differing = sum(map(len, found.values()))
    lines += [
        "",
        f"{len(rows)} verdicts ({len(prompts)} prompts, {len(rows) // 2} instructions, "
        f"{len({row.id for row in rows})} ids, strict and loose): {len(rows) - differing} agree, "
        f"{differing} do not.",
        "",
        "| key | id | verdicts | cause |",
        "| --- | --- | --- | --- |",
    ]
    for (key, id), disagreeing in sorted(found.items()):
        cause = oracle.DISAGREEMENTS.get((key, id), "unknown")
        lines.append(f"| {key} | `{id}` | {', '.join(row.mode for row in disagreeing)} | {cause} |")
    return "\n".join(lines)


def main() -> int:
    """Print the tables; 1 where lm_eval is missing."""
    oracle: Any = load_oracle()
    try:
        rules = oracle.load()
    except oracle.OracleMissingError as missing:
        print(f"{missing}: {oracle.INSTALL}", file=sys.stderr)
        return 1
    print(markdown(oracle, oracle.compare(rules)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
