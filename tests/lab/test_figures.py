"""The figures in docs/lab.md and in the models' cards are those that the shipped models have."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.lab.evaluation import Figures, evaluate_models
from speech_ifeval.lab.figure import study_figure
from speech_ifeval.lab.shipped import shipped_models
from speech_ifeval.lab.stages import MODELS, Recipes
from speech_ifeval.lab.study import CellFigures, cells
from speech_ifeval.lab.tables import study_table
from speech_ifeval.report import markdown

PAGE = Path(__file__).parents[2] / "docs" / "lab.md"
POINTS = 3.0  # what the rounding of another machine's arithmetic may move: a few replies of 270


def rows_of(text: str) -> list[list[str]]:
    """The rows of the tables of `lab evaluate`, each with its model and LoRA scale in front."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines if line[0].strip() in MODELS and len(line) > 5]


@pytest.mark.parametrize("name", MODELS)
def test_the_page_and_the_cards_show_the_same_figures(name: str) -> None:
    card = (shipped_models() / name / "README.md").read_text("utf-8")
    assert rows_of(card) == rows_of(PAGE.read_text("utf-8"))
    assert len(rows_of(card)) == 3 * 8


def test_the_sweeps_page_has_the_same_curve() -> None:
    swept = (PAGE.parent / "sweep.md").read_text("utf-8")
    lines = [line.strip("| ").split(" | ") for line in swept.splitlines() if line.startswith("| all | ")]
    curve = {line[1]: line[3] for line in lines if "· 32 / 8" in line[2]}
    assert curve == {row[1]: row[2] for row in rows_of(PAGE.read_text("utf-8"))[2:8]}


def number(cell: str) -> float:
    return float(cell.split(" ")[0].replace("−", "-"))


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[Figures]:
    return evaluate_models(
        shipped_models(), load_benchmark("bundled"), tmp_path_factory.mktemp("runs"), scales=(0.0, 1.0)
    )


@pytest.mark.slow
def test_the_shipped_models_have_the_figures_of_the_page(figures: list[Figures]) -> None:
    shown = rows_of(PAGE.read_text("utf-8"))
    assert [row.model for row in figures] == ["backbone", "self-aligned", "corpus-style", "corpus-style"]
    for row in figures:
        scale = "–" if row.scale is None else f"{row.scale:g}"
        overall, codes, tasks = [one for one in shown if one[:2] == [row.model, scale]]
        assert row.ifrate.value == pytest.approx(number(overall[2]), abs=POINTS)
        assert [one.rate for one in row.codes.values()] == pytest.approx(
            [number(cell) for cell in codes[2:]], abs=4 * POINTS
        )
        assert [one.rate for one in row.tasks.values()] == pytest.approx(
            [number(cell) for cell in tasks[2:]], abs=2 * POINTS
        )


@pytest.mark.slow
def test_the_models_hear_and_one_of_them_has_forgotten(figures: list[Figures]) -> None:
    """What the lab was made to show; docs/design/lab.md."""
    backbone, aligned, _, tuned = figures
    assert backbone.ifrate.value is not None
    assert backbone.ifrate.value >= 85
    for row in (aligned, tuned):
        assert row.tasks["transcription"].rate is not None
        assert row.tasks["transcription"].rate <= 10
        assert row.tasks["voice"].rate is not None
        assert row.tasks["voice"].rate >= 90
    assert aligned.forgetting is not None
    assert aligned.forgetting.value is not None
    assert aligned.forgetting.value > -25
    assert tuned.forgetting is not None
    assert tuned.forgetting.high is not None
    assert tuned.forgetting.high < -50


@pytest.mark.slow
def test_scaled_to_0_corpus_style_is_self_aligned(figures: list[Figures]) -> None:
    aligned, scaled = figures[1], figures[2]
    assert scaled.ifrate == aligned.ifrate
    assert scaled.tasks == aligned.tasks


STUDY = PAGE.parent / "figures" / "study.json"


def test_the_study_on_the_page_is_that_of_its_record() -> None:
    found = msgspec.json.decode(STUDY.read_bytes(), type=list[CellFigures])
    header, rows = study_table(found)
    assert markdown.table(header, rows) in PAGE.read_text("utf-8")
    assert [(one.name, one.recipe) for one in found] == [
        (cell.name, cell.recipe) for cell in cells(Recipes().tune)
    ]
    assert all(one.seeds >= 3 for one in found)


def test_the_study_can_be_drawn(tmp_path: Path) -> None:
    found = msgspec.json.decode(STUDY.read_bytes(), type=list[CellFigures])
    study_figure(found, tmp_path / "study.svg")
    drawn = (tmp_path / "study.svg").read_text("utf-8")
    assert all(one.name in drawn for one in found)
