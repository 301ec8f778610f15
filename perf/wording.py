"""Print how often the tests and intervals of wordings hold in simulated benchmarks; run from the root.

    python perf/wording.py [--replications 400] [--quick]

Every figure is simulated (tests/metrics/wording_worlds.py says how); the seed is fixed, so the tables of
docs/wording.md can be made again.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the simulation lives with the tests that use it

from tests.metrics.wording_coverage import measure_component, measure_ifrate, measure_rates, measure_redrawn
from tests.metrics.wording_worlds import World, bundled, published

SEED = 20_261
USUAL = (0.8, 0.9, 0.85, 0.7, 0.7)
HIGH = (0.97, 0.98, 0.95, 0.99, 0.99)
WORLDS = {
    "25 wordings, 5 items, rates .70 to .90": [World(USUAL, 25, 1, effect) for effect in (0.0, 1.0, 2.0, 3.0)],
    "25 wordings, 5 items, rates .95 to .99": [World(HIGH, 25, 1, effect) for effect in (0.0, 1.0, 2.0)],
    "50 wordings, 5 items, rate .60": [World((0.6,), 50, 5, effect) for effect in (0.0, 1.0)],
    "12 wordings, 2 items, rates .70 and .80": [World((0.7, 0.8), 12, 1, effect) for effect in (0.0, 1.0)],
    "12 wordings crossed with 60 clips, rate .80": [
        World((0.8,), 12, 60, effect, clip_effect=2.0, crossed=True) for effect in (0.0, 0.3, 1.0)
    ],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=400, help="simulated runs a line (default: 400)")
    parser.add_argument("--quick", action="store_true", help="a tenth of them")
    arguments = parser.parse_args()
    replications = max(arguments.replications // (10 if arguments.quick else 1), 1)
    start = time.perf_counter()
    print("| one constraint | effect, logits | true sd, points | found at .05 | sd held | rates held |")
    print("| :-- | --: | --: | --: | --: | --: |")
    for name, worlds in WORLDS.items():
        for world in worlds:
            found = measure_component(world, replications, SEED)
            rates = "–" if world.crossed else f"{measure_rates(world, replications // 4, SEED)[0].held:.3f}"
            print(
                f"| {name} | {world.effect:g} | {100 * world.variance**0.5:.1f} | {found.found:.3f} | "
                f"{found.held:.3f} | {rates} |",
                flush=True,
            )
    print("\n| benchmark | effect, logits | IFrate, clips | IFrate, clips and wordings | sd of other wordings |")
    print("| :-- | --: | --: | --: | --: |")
    for make, name in ((published, "published layout"), (bundled, "12 wordings, 2 or 3 items")):
        for effect in (0.0, 0.5, 1.0, 2.0):
            alone, both = measure_ifrate(make(effect), 5 * replications, SEED)
            redrawn = measure_redrawn(make(effect), replications // 4, SEED)
            print(f"| {name} | {effect:g} | {alone.held:.3f} | {both.held:.3f} | {redrawn.held:.3f} |", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s, {replications} replications a line")


if __name__ == "__main__":
    main()
