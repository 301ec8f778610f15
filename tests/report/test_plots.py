"""Figures: real files in every format, the same ones for the same results, with every point in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.errors import OutputError, UsageError
from speech_ifeval.report.plots import check_figure, ladder_figure, sweep_figure
from speech_ifeval.results import Estimate, Ladder, Rate, Rung, Sweep, SweepPoint, SweptReference

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
        forgetting=None,
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
MAGIC = {".svg": b"<?xml", ".pdf": b"%PDF-", ".png": b"\x89PNG"}


@pytest.mark.parametrize("end", MAGIC)
def test_a_figure_is_a_file_of_its_format_and_the_same_one_again(tmp_path: Path, end: str) -> None:
    for place, folder in enumerate(("a", "b")):
        sweep_figure(SWEEP, tmp_path / folder / f"sweep{end}")
        ladder_figure(LADDER, tmp_path / folder / f"ladder{end}")
        assert place < 2
    for name in (f"sweep{end}", f"ladder{end}"):
        content = (tmp_path / "a" / name).read_bytes()
        assert content.startswith(MAGIC[end])
        assert content == (tmp_path / "b" / name).read_bytes()


def test_text_stays_text_and_names_steer_nothing(tmp_path: Path) -> None:
    sweep_figure(SWEEP, tmp_path / "sweep.svg")
    drawn = (tmp_path / "sweep.svg").read_text("utf-8")
    assert "IFrate, %" in drawn
    assert "layers=0-1" in drawn
    assert "<script>" not in drawn


def test_another_end_is_refused_before_anything_runs(tmp_path: Path) -> None:
    check_figure(None)
    with pytest.raises(UsageError, match=r"expected a figure's name to end in \.svg, \.pdf, \.png"):
        check_figure(tmp_path / "figure.jpeg")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        sweep_figure(SWEEP, tmp_path / "file" / "sweep.svg")
