"""Are the items those of the benchmark that is named? The benchmark itself says it, or what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.benchmarks.sources import RELEASES
from speech_ifeval.results import Claim, Contradiction
from speech_ifeval.submission import contents as own
from speech_ifeval.submission.claims import claim, contradiction, differences, plain

_NAME = "benchmark"


class CheckedBenchmark(NamedTuple):
    """The claim, the benchmark to score by, and whether all its texts are at hand; else those that are withheld.

    `withheld` has the ids of items that lack a text.
    """

    claim: Claim
    benchmark: Benchmark
    whole: bool
    withheld: frozenset[str]


def check_benchmark(
    about: own.About, packed: list[own.PackedItem], benchmark: Benchmark | None
) -> CheckedBenchmark:
    """Compare a submission's items with the benchmark that it names.

    Without the benchmark, the fingerprint is computed from the items where none of their texts is withheld; of a
    published release the hashes are known.
    """
    own_items = own.benchmark_of(about, [own.item_of(item) for item in packed])
    withheld = frozenset(item.id for item in packed if item.withheld)
    if benchmark is not None:
        found = claim(_NAME, f"{len(packed)} items compared with the benchmark, text by text",
                      _against(about, packed, benchmark))  # fmt: skip
        if found.holds:  # its texts may stand in for those that are withheld
            return CheckedBenchmark(found, benchmark, True, frozenset())
        return CheckedBenchmark(found, own_items, not withheld, withheld)
    if not withheld:
        expected = fingerprint_of(own_items)
        found = claim(_NAME, f"fingerprint computed again from {len(packed)} items",
                      differences("", {"fingerprint": expected}, {"fingerprint": about.fingerprint}))  # fmt: skip
        return CheckedBenchmark(found, own_items, True, withheld)
    return CheckedBenchmark(_known(about, packed, len(withheld)), own_items, False, withheld)


def _known(about: own.About, packed: list[own.PackedItem], withheld: int) -> Claim:
    release = next((one for one in RELEASES.values() if one.fingerprint == about.fingerprint), None)
    texts = sum(len(item.withheld) for item in packed)
    if release is None or release.sealed is None:
        return claim(
            _NAME,
            f"not checked: {texts} texts of {withheld} items are withheld; give the benchmark with --benchmark",
            checked=False,
        )
    wrong = differences("", {"items": release.sealed}, {"items": own.sealed_fingerprint(packed)})
    return claim(_NAME, f"hashes of {len(packed)} items are those of the published release {release.name}", wrong)


def _against(about: own.About, packed: list[own.PackedItem], benchmark: Benchmark) -> Iterator[Contradiction]:
    yield from differences("", {"name": benchmark.name, "fingerprint": benchmark.fingerprint},
                           {"name": about.name, "fingerprint": about.fingerprint})  # fmt: skip
    theirs = {item.id: own.hashed(own.packed_item(item, None)) for item in benchmark}
    for item in packed:
        if item.id not in theirs:
            yield contradiction(item.id, f"an item of {benchmark.name}", "none")
        else:
            yield from differences(item.id, plain(theirs.pop(item.id)), plain(own.hashed(item)))
    for id in theirs:
        yield contradiction(id, f"an item of {benchmark.name}", "nothing")
