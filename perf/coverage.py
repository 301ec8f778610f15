"""Print how often the intervals hold the truth, against two bootstraps; run from the repository's root.

    python perf/coverage.py [--replications 2000] [--json FILE] [--quick]

Every figure is simulated (tests/metrics/coverage.py says how); the seed is fixed, so the table can be made again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # the simulation lives with the tests that use it

from tests.metrics.coverage import (
    DESIGNS,
    MIXED,
    RATES,
    Cell,
    Measured,
    bootstrap_clips,
    bootstrap_items,
    measure_mean,
    measure_pair,
    measure_rates,
    pair_cells,
    same,
    single_cells,
)

BOOTSTRAP_REPLICATIONS = {"published": 200, "small": 1000}
SEED = 20_260


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=2000, help="simulated runs a cell (default: 2000)")
    parser.add_argument("--json", type=Path, help="also write the table to this file")
    parser.add_argument("--quick", action="store_true", help="the small design only")
    arguments = parser.parse_args()
    designs = ["small"] if arguments.quick else list(DESIGNS)
    rows: list[dict[str, Any]] = []

    def record(figure: str, method: str, cell: Cell, measured: Measured) -> None:
        rows.append({"figure": figure, "method": method, **asdict(cell), **asdict(measured)})
        flag = "" if 0.93 <= measured.coverage <= 0.97 else " <" if measured.coverage < 0.93 else " >"
        print(
            f"{figure:10} {method:15} {measured.coverage:.3f} (truth above {measured.below:.3f}, below "
            f"{measured.above:.3f}) width {measured.width:.2f}  {cell.label()}{flag}",
            flush=True,
        )

    start = time.perf_counter()
    singles = [cell for cell in single_cells([same(rate) for rate in RATES]) if cell.design in designs]
    for cell in singles:
        for name, measured in zip(
            ("closed", "creative", "thought"), measure_rates(cell, arguments.replications, SEED), strict=True
        ):
            record(name, "score", cell, measured)
    for cell in singles + [cell for cell in single_cells(MIXED) if cell.design in designs]:
        record("IFrate", "score", cell, measure_mean(cell, arguments.replications, SEED))
        if cell.rates in MIXED or cell.rates[0] in (0.5, 0.9, 0.95, 0.99):
            few = BOOTSTRAP_REPLICATIONS[cell.design]
            record("IFrate", "bootstrap items", cell, bootstrap_items(cell, few, SEED))
            record("IFrate", "bootstrap clips", cell, bootstrap_clips(cell, few, SEED))
    for cell in pair_cells(designs=designs):
        points, delta = measure_pair(cell, arguments.replications, SEED)
        record("points", "score", cell, points)
        record("forgetting", "score", cell, delta)

    print(f"\n{'figure':10} {'method':15} {'design':10} {'least':>6} {'mean':>6} {'most':>6} {'outside':>8}")
    for key in dict.fromkeys((row["figure"], row["method"], row["design"]) for row in rows):
        found = [row["coverage"] for row in rows if (row["figure"], row["method"], row["design"]) == key]
        outside = sum(not 0.93 <= coverage <= 0.97 for coverage in found)
        mean = sum(found) / len(found)
        print(
            f"{key[0]:10} {key[1]:15} {key[2]:10} {min(found):6.3f} {mean:6.3f} {max(found):6.3f} "
            f"{outside:3} of {len(found)}"
        )
    print(f"{time.perf_counter() - start:.0f} s, {arguments.replications} replications a cell")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"replications": arguments.replications, "seed": SEED, "rows": rows}, indent=1) + "\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
