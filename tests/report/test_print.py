"""Figures as a paper prints them: at their size, in its type, in grey; nothing stands on anything else."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.analysis.scored_runs import read_summaries
from speech_ifeval.report.plots import drawing
from speech_ifeval.report.plots.against_reference import reference_figure
from speech_ifeval.report.plots.codes import codes_figure
from speech_ifeval.report.plots.diagnosis import _SHAPES, row_of
from speech_ifeval.report.plots.drawing import COLUMN, PAGE, SMALL, as_in_papers, plain
from speech_ifeval.report.plots.isolation import _rows
from speech_ifeval.report.plots.ranking import ranking_figure
from speech_ifeval.results import Summary
from tests.analysis.runs_of_example import make_run, mixed
from tests.report.test_diagnosis_tables import clean
from tests.report.test_plots import FIGURES, ISOLATION

LONG = (
    "checkpoints-qwen2.5-omni-7b-lora-r8-alpha32-lr1e-4-epoch3-of-5",
    "checkpoints-qwen2.5-omni-7b-lora-r8-alpha16-lr1e-4-epoch3-of-5",
    "_你好-模型 🎉",
    "m",
)
COUNTS = (1, 3, 8)  # of runs: each has a layout of its own
OF_RUNS = (codes_figure, reference_figure, ranking_figure)


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> list[Summary]:
    folder = tmp_path_factory.mktemp("runs")
    return [read_summaries([make_run(folder / f"r{k}", mixed(k / 4, k))])[0][1] for k in range(3)]


def runs_named(summaries: list[Summary], count: int) -> list[tuple[str, Summary]]:
    return [(f"{LONG[at % 4]}{'' if at < 4 else at}", summaries[at % 3]) for at in range(count)]


def draw_all(summaries: list[Summary], folder: Path, end: str, counts: Sequence[int] = COUNTS) -> dict[str, Path]:
    """Draw every kind of figure, as papers have them."""
    drawn = {}
    for draw, count in itertools.product(OF_RUNS, counts):
        path = folder / f"{draw.__name__}-{count}{end}"
        draw(runs_named(summaries, count), [path])
        drawn[path.stem] = path
    with as_in_papers():
        for number, (draw_one, found) in enumerate(FIGURES):
            path = folder / f"{draw_one.__name__}-{number}{end}"
            draw_one(found, path)
            drawn[path.stem] = path
    return drawn


@pytest.mark.slow
def test_type_is_embedded_as_truetype_and_never_too_small(summaries: list[Summary], tmp_path: Path) -> None:
    for name, path in draw_all(summaries, tmp_path, ".pdf", [2, 8]).items():
        content = path.read_bytes()
        assert b"/Type3" not in content, name
        assert b"/FontFile2" in content, name
    for name, path in draw_all(summaries, tmp_path, ".svg", [1, 3]).items():
        drawn = path.read_text("utf-8")
        sizes = {float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", drawn)}
        assert min(sizes) >= SMALL, name
        width = re.search(r'width="([\d.]+)pt"', drawn)
        assert width is not None
        assert round(float(width[1]) / 72, 2) in (COLUMN, PAGE), name


@pytest.mark.slow
def test_no_text_leaves_its_figure_or_stands_on_another(
    summaries: list[Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    save: Callable[[Any, Path], None] = drawing._save

    def keep(figure: Any, path: Path) -> None:
        save(figure, path)
        kept.append((path.stem, figure))

    monkeypatch.setattr(drawing, "_save", keep)
    draw_all(summaries, tmp_path, ".png")
    assert len(kept) == len(OF_RUNS) * len(COUNTS) + len(FIGURES)
    for name, figure in kept:
        boxes = texts_of(figure, monkeypatch)
        assert boxes, name
        outside = [
            text
            for text, box in boxes
            if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1
        ]
        assert outside == [], name
        upon = [(one, other) for (one, a), (other, b) in itertools.combinations(boxes, 2) if touching(a, b)]
        assert upon == [], name


def texts_of(figure: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Texts that are drawn, with what they take up; ticks out of sight are not."""
    from matplotlib.text import Text

    drawn: dict[int, Any] = {}
    draw = Text.draw

    def keep(text: Any, *args: Any, **kwargs: Any) -> None:
        drawn[id(text)] = text
        draw(text, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", keep)
        figure.draw_without_rendering()
    return [
        (one.get_text(), one.get_window_extent())
        for one in drawn.values()
        if one.get_visible() and one.get_text().strip()
    ]


def touching(one: Any, other: Any) -> bool:
    """Whether two boxes share more than their edges."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(across > 1 and down > 0.25 * min(one.height, other.height))


def test_what_a_font_does_not_have_is_shown_by_its_number() -> None:
    assert plain("模型 é α 🎉 …") == "\\u6a21\\u578b é α \\U0001f389 …"


def test_a_verdict_has_a_shape_beside_its_colour() -> None:
    first = ISOLATION.following[0]
    rows = _rows(
        [
            msgspec.structs.replace(first, change=msgspec.structs.replace(first.change, verdict=verdict))
            for verdict in ("same", "differs", "undecided")
        ]
    )
    assert len({one.marker for one in rows}) == 3
    assert len({*_SHAPES.values(), row_of(clean()).marker}) == 4  # severities, and what is clean


def test_who_has_no_stix_gets_a_font_that_is_as_wide(summaries: list[Summary], tmp_path: Path) -> None:
    codes_figure(runs_named(summaries, 1), [tmp_path / "codes.svg"])
    fonts = set(re.findall(r"font-family: ([^;\"]+)", (tmp_path / "codes.svg").read_text("utf-8")))
    assert len(fonts) == 1
    assert fonts.pop().split(", ")[:3] == ["'STIXGeneral'", "'Times New Roman'", "'Liberation Serif'"]
