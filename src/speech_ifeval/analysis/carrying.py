"""Does following move with the clip? A randomisation test over which clip stands in for which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from speech_ifeval.analysis.observing import Observed
from speech_ifeval.benchmarks.selection import code_of
from speech_ifeval.benchmarks.swapping import swapped_clips
from speech_ifeval.results import Carried

DRAWS = 999
_BETWEEN = 1_000_000  # seeds of one test's draws never meet those of another seed's


def carried(original: Observed, swapped: Observed, seed: int, draws: int = DRAWS) -> Carried | None:
    """Ask whether an item with another clip is followed as that clip's own items were.

    What a clip does to following is carried along when it is swapped, though the rate over all may stay the same.
    If it does nothing, an item would have been followed or not with any other clip too, and the draw of clips that
    was made is as good as any other: the correlation is compared with those that other draws would have given.
    Exact, whatever clips and items are like, because the draw was by chance. None where nothing is scored.

    Args:
        original: with the clips as they are.
        swapped: with those that `swapped_clips` drew with `seed`.
        seed: of that draw; those of the test follow from it.
        draws: how many others are made.

    Source: Fisher (1935), The Design of Experiments; Edgington & Onghena (2007), Randomization Tests.
    """
    ids = [id for id in swapped.followed if id in original.followed]
    if not ids:
        return None
    items = [original.benchmark.item(item.id) for item in swapped.benchmark]
    scored = [original.benchmark.item(id) for id in ids]
    with_other = _less_code(swapped, ids)
    of_clip = _by_clip(original)

    def correlation(swap: Mapping[tuple[str, str], str]) -> float:
        own = np.array([of_clip.get(swap[item.dataset, item.clip], 0.0) for item in scored])
        size = float(np.sqrt((with_other @ with_other) * (own @ own)))
        return float(with_other @ own) / size if size > 0 else 0.0

    if not np.abs(with_other).max() > 0 or not any(of_clip.values()):
        return Carried(len(ids), None, None, None, 1.0, draws)
    found = correlation({(item.dataset, item.clip): swapped.benchmark.item(item.id).clip for item in items})
    others = np.array([correlation(swapped_clips(items, (seed + 1) * _BETWEEN + n)) for n in range(draws)])
    low, high = (float(limit) for limit in np.quantile(others, [0.025, 0.975]))
    as_high = int((others >= found - 1e-12).sum())
    return Carried(len(ids), found, low, high, (1 + as_high) / (draws + 1), draws)


def _less_code(run: Observed, ids: list[str]) -> Any:
    """Whether each item is followed, less the mean of its code: hard constraints say nothing of clips."""
    codes = [code_of(run.benchmark.item(id)) for id in ids]
    followed = np.array([run.followed[id] for id in ids], dtype=np.float64)
    for code in set(codes):
        same = np.array([one == code for one in codes])
        followed[same] -= followed[same].mean()
    return followed


def _by_clip(run: Observed) -> dict[str, float]:
    ids = list(run.followed)
    sums: dict[str, list[float]] = {}
    for id, rest in zip(ids, _less_code(run, ids), strict=True):
        sums.setdefault(run.benchmark.item(id).clip, []).append(float(rest))
    return {clip: sum(rests) / len(rests) for clip, rests in sums.items()}
