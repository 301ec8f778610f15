"""Figures: real files in every format, the same ones for the same results, with every point in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from speech_ifeval.errors import OutputError, UsageError
from speech_ifeval.report.plots import (
    check_figure,
    diagnosis_figure,
    isolation_figure,
    ladder_figure,
    sweep_figure,
    wording_figure,
)
from speech_ifeval.report.plots.diagnosis import row_of
from speech_ifeval.results import (
    Estimate,
    Ladder,
    Rate,
    Rung,
    Sweep,
    SweepPoint,
    SweptReference,
    WordedConstraint,
    WordedRun,
    WordingEffects,
    WordingRate,
    WordingTest,
)
from tests.report.test_diagnosis_tables import clean, diagnosis, finding
from tests.report.test_isolation_tables import isolation

ESTIMATE = Estimate(70.0, 60.0, 80.0, 270, 0)
NOTHING = Estimate(None, None, None, 0, 270, "no judge")
RATE = Rate(7, 10, 0, 70.0, 40.0, 90.0)


def point(scale: float, value: float, part: str = "all", task: Estimate = ESTIMATE) -> SweepPoint:
    return SweepPoint(
        part=part,
        scale=scale,
        lora=[],
        run="runs/x",
        ifrate=Estimate(value, value - 5, value + 5, 270, 0),
        forgetting=Estimate(-20.0, -30.0, None, 270, 0) if part == "all" else None,
        points=None,
        categories={"closed-ended": RATE},
        codes={"CC": RATE},
        tasks={},
        task=task,
        ifrate_change=None,
        task_change=None,
        best=scale == 0,
        signature="x",
    )


SWEEP = Sweep(
    1,
    "lab:<script>$x_1$",
    SweptReference("_reference $\\nonsense{$", ESTIMATE, NOTHING, "x"),
    [*(point(scale / 4, 60 - 10 * scale) for scale in range(5)), point(0.0, 50.0, "layers=0-1", NOTHING)],
    [],
)
PARTS = Sweep(1, "m", None, [point(0.0, 50.0, "layers=0-1"), point(0.0, 70.0, "modules=q_proj", NOTHING)], [])
LADDER = Ladder(
    1,
    "model",
    "reference",
    [
        Rung("reference", "reference", ifrate=ESTIMATE),
        Rung("text", "model", why="none"),
        Rung("audio", "m", ifrate=ESTIMATE),
    ],
    ESTIMATE,
    None,
    NOTHING,
    [],
)


def wordings(apart: bool) -> WordingTest:
    rates = [
        WordingRate("en/1", "Say <script>", 4, 5, 80.0, 78.0, 60.0, 90.0, None),
        WordingRate("en/2", "Tell", 0, 5, 0.0, 9.0, 1.0, 30.0, "below" if apart else None),
    ]
    return WordingTest(
        "wording", 2, 10, 5, 5, 9.0, 1.0, 0.001, 0.01, 0.8, 20.0, 30.0, 10.0, 45.0, True, 0.3, "found", None, rates
    )


WORDING = WordingEffects(
    1,
    1.0,
    0,
    [
        WordedRun(
            "$_run$",
            "x",
            [WordedConstraint("closed-ended", "a:b", "", False, RATE, [wordings(True)])],
            0.1,
            0.5,
            [],
            [],
        ),
        WordedRun("empty", "x", [], None, None, [], []),
    ],
    [],
)
REPEATED = WordedConstraint(
    "closed-ended",
    "combination:repeat_prompt",
    "",
    False,
    RATE,
    [replace(wordings(True), varied="wording with its phrase")],
)
LONG_WORDING = replace(WORDING, runs=[replace(WORDING.runs[0], constraints=[REPEATED])])
ISOLATION = isolation()
DIAGNOSIS = diagnosis(
    name="$_<script>",
    findings=(
        finding(),
        finding("note", threshold=10.0, worse="either", figure=Estimate(-20.0, -26.0, -15.0, 9, 0)),
    ),
    clean=(clean(), clean(None, figure=NOTHING), clean(figure=Estimate(-2.0, -9.0, None, 9, 0), threshold=-30.0)),
)
FIGURES: list[tuple[Callable[[Any, Path], None], Any]] = [
    (sweep_figure, SWEEP),
    (sweep_figure, PARTS),
    (ladder_figure, LADDER),
    (wording_figure, WORDING),
    (isolation_figure, ISOLATION),
    (diagnosis_figure, DIAGNOSIS),
    (diagnosis_figure, diagnosis(clean=())),
]
MAGIC = {".svg": b"<?xml", ".pdf": b"%PDF-", ".png": b"\x89PNG"}


@pytest.mark.parametrize("end", MAGIC)
@pytest.mark.parametrize(("draw", "found"), FIGURES)
def test_a_figure_is_a_file_of_its_format_and_the_same_one_again(
    draw: Callable[[Any, Path], None], found: Any, tmp_path: Path, end: str
) -> None:
    for folder in ("a", "b"):
        draw(found, tmp_path / folder / f"figure{end}")
    content = (tmp_path / "a" / f"figure{end}").read_bytes()
    assert content.startswith(MAGIC[end])
    assert content == (tmp_path / "b" / f"figure{end}").read_bytes()


@pytest.mark.parametrize(
    ("draw", "found", "shown"),
    [
        (sweep_figure, SWEEP, ["IFrate, %", "Δ, %", "layers=0-1", "all"]),
        (sweep_figure, replace(SWEEP, points=SWEEP.points[:-1]), ["lab:&lt;script&gt;$x_1$"]),
        (wording_figure, LONG_WORDING, ["repeat_prompt (wording with its phrase)"]),
        (sweep_figure, PARTS, ["layers=0-1 at 0", "modules=q_proj at 0", "task, %"]),
        (wording_figure, WORDING, ["$_run$", "a:b *", "followed, %", "empty"]),
        (isolation_figure, ISOLATION, ["following: isolated", "another clip", "JS (JSON)", "silence", "−1.25"]),
        (diagnosis_figure, DIAGNOSIS, ["truncation", "empty", "figure over its threshold"]),
    ],
)
def test_text_stays_text_and_names_steer_nothing(
    draw: Callable[[Any, Path], None], found: Any, shown: list[str], tmp_path: Path
) -> None:
    draw(found, tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text("utf-8")
    assert [text for text in shown if text not in drawn] == []
    assert "<script>" not in drawn
    assert "mathdefault" not in drawn


def test_every_row_of_a_diagnosis_stands_at_its_figure_over_its_threshold(tmp_path: Path) -> None:
    rows = [*map(row_of, DIAGNOSIS.findings), row_of(DIAGNOSIS.clean[2])]
    assert [(one.value, one.low, one.high) for one in rows] == [
        (4.0, 3.0, 5.2),
        (2.0, 1.5, 2.6),
        (pytest.approx(2 / 30), None, pytest.approx(9 / 30)),
    ]


def test_another_end_is_refused_before_anything_runs(tmp_path: Path) -> None:
    check_figure(None)
    with pytest.raises(UsageError, match=r"expected a figure's name to end in \.svg, \.pdf, \.png"):
        check_figure(tmp_path / "figure.jpeg")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        sweep_figure(SWEEP, tmp_path / "file" / "sweep.svg")
