"""The isolation check on a model that ships: it listens, and each condition reaches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.experiments.isolating import isolate


@pytest.mark.slow
def test_a_shipped_model_is_shown_to_use_the_audio(tmp_path: Path) -> None:
    chosen = Selection(categories=("closed-ended",), limit=40)
    found = isolate("lab:self-aligned", output_dir=tmp_path, selection=chosen)
    assert (found.name, found.reference, found.audio_used) == ("lab-self-aligned", "lab-backbone", True)
    assert all(finding.verdict != "no evidence" for finding in found.findings)
    rows = {
        (row.outcome, row.first, row.second): row
        for row in (*found.following, *found.perception)
        if row.by == "all"
    }
    assert {row.n for row in rows.values()} == {40}
    # Asked again, a model that decodes greedily on one machine says the same again.
    assert rows["following", "original", "repeated"].change.value == 0
    assert rows["answers", "plain", "repeated"].change.value == 0
