"""`lab bundle`: the shipped benchmark made again, and the crossed one."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import find_defects, load_benchmark
from speech_ifeval.lab.bundled import CROSSED_QUESTIONS
from tests.command_line import run


@pytest.mark.slow
def test_the_same_command_makes_the_shipped_benchmark_again(tmp_path: Path) -> None:
    done = run("lab", "bundle", "--out", tmp_path / "bundled")
    assert done.code == 0, done.err
    made, shipped = load_benchmark(tmp_path / "bundled"), load_benchmark("bundled")
    assert made.items == shipped.items
    assert made.fingerprint == shipped.fingerprint
    assert f"{len(shipped)} items, fingerprint {shipped.short_fingerprint}" in done.out


@pytest.mark.slow
def test_crossed_every_question_is_asked_with_every_wording_of_its_constraint(tmp_path: Path) -> None:
    done = run("lab", "bundle", "--crossed", "--out", tmp_path / "crossed")
    assert done.code == 0, done.err
    made = load_benchmark(tmp_path / "crossed")
    wordings = defaultdict(set)
    for item in made:
        if item.constraints and item.wording is not None:
            constraint = item.constraints[0]
            asked = (item.category, item.clip, item.dataset, constraint.id, repr(constraint.kwargs), item.label)
            wordings[asked].add(item.wording)
    assert {len(found) % 12 for found in wordings.values()} == {0}
    assert sum(len(found) for found in wordings.values()) == 12 * sum(CROSSED_QUESTIONS)
    assert {defect.severity for defect in find_defects(made)} <= {"note", "warning"}
