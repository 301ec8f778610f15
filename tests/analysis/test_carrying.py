"""Following that moves with the clip: found where it does, and not more often than by chance where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest

from speech_ifeval.analysis.carrying import carried
from speech_ifeval.analysis.observing import Observed
from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.contents import fingerprint_of
from speech_ifeval.benchmarks.swapping import swapped_clips
from speech_ifeval.experiments.conditions import with_swapped_clips
from speech_ifeval.records import Constraint, Item
from speech_ifeval.results import Carried

CODES = ("change_case:english_capital", "startend:quotation", "detectable_format:json_format")


def asked(clips: int, each: int) -> Benchmark:
    items = tuple(
        Item(
            f"closed-ended/{clip:02d}-{turn}",
            "closed-ended",
            "Who speaks?",
            f"{clip:02d}.wav",
            "voice",
            (Constraint(CODES[turn % 3]),),
            label=("man", "woman")[clip % 2],
        )
        for clip in range(clips)
        for turn in range(each)
    )
    return Benchmark("made", items, fingerprint_of(items), Path())


def observed(benchmark: Benchmark, followed: Mapping[str, bool]) -> Observed:
    return Observed("made", benchmark, {}, followed, {}, {})


def found(benchmark: Benchmark, clip_decides: float, seed: int, draws: int) -> Carried:
    """The clip decides with this probability, and else the item alone, which some codes make harder."""
    swapped = with_swapped_clips(benchmark, benchmark.items, seed)
    rng = Random(seed + 10_000)
    own = {item.id: rng.random() < 0.2 + 0.3 * (number % 3) for number, item in enumerate(benchmark)}
    of_clip = {item.clip: rng.random() < 0.5 for item in benchmark}
    decided = {item.id: rng.random() < clip_decides for item in benchmark}

    def under(condition: Benchmark) -> Observed:
        return observed(
            condition, {item.id: of_clip[item.clip] if decided[item.id] else own[item.id] for item in condition}
        )

    result = carried(under(benchmark), under(swapped), seed, draws)
    assert result is not None
    return result


def test_a_clip_that_decides_is_found() -> None:
    one = found(asked(40, 4), clip_decides=1.0, seed=0, draws=199)
    assert (one.n, one.p) == (160, 1 / 200)
    assert one.correlation is not None
    assert one.chance_high is not None
    assert one.correlation > 0.9 > one.chance_high
    half = found(asked(40, 4), clip_decides=0.5, seed=1, draws=199)
    assert half.p < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "each"), [(12, 3), (40, 1)])
def test_where_the_clip_does_nothing_it_is_found_in_one_of_twenty(clips: int, each: int) -> None:
    benchmark, runs = asked(clips, each), 400
    shares = [found(benchmark, 0.0, seed, draws=39).p for seed in range(runs)]
    for level in (0.05, 0.1, 0.5):
        held = sum(p <= level for p in shares) / runs
        assert held <= level + 2.6 * (level * (1 - level) / runs) ** 0.5, level
    assert 0.47 < sum(shares) / runs < 0.8  # draws that give the very same correlation count against it


def test_following_that_never_varies_says_nothing() -> None:
    benchmark = asked(10, 3)
    swapped = with_swapped_clips(benchmark, benchmark.items, 0)
    always = carried(
        observed(benchmark, {item.id: True for item in benchmark}),
        observed(swapped, {item.id: True for item in swapped}),
        seed=0,
    )
    assert always is not None
    assert (always.correlation, always.p) == (None, 1.0)
    assert carried(observed(benchmark, {}), observed(swapped, {}), seed=0) is None


def test_the_draw_that_was_made_is_the_one_that_is_tested() -> None:
    benchmark = asked(20, 2)
    swapped = with_swapped_clips(benchmark, benchmark.items, 7)
    swap = swapped_clips(benchmark.items, 7)
    assert all(item.clip == swap["voice", benchmark.item(item.id).clip] for item in swapped)
