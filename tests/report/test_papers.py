"""What goes into a paper: figures in three formats, tables in two, of real runs and of printed results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from speech_ifeval.analysis.scored_runs import read_summaries
from speech_ifeval.errors import OutputError, UsageError
from speech_ifeval.report.latex import escape_latex
from speech_ifeval.report.paper_tables import codes_table, paper_latex, paper_markdown, rates_table
from speech_ifeval.report.papers import check_folder, write_figures
from speech_ifeval.report.plots.against_reference import reference_figure
from speech_ifeval.report.plots.codes import codes_figure, columns_of
from speech_ifeval.report.plots.ranking import ranking_figure
from speech_ifeval.report.plots.tiles import tenths
from speech_ifeval.results import Summary
from tests.analysis.runs_of_example import TUNED, make_run, mixed
from tests.report.test_isolation_tables import isolation
from tests.report.test_plots import LADDER, MAGIC, SWEEP, WORDING

NAME = "$x_1$ & 50% <script>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Summary]]:
    folder = tmp_path_factory.mktemp("runs")
    names = [NAME, *(f"model-{k}" for k in range(7))]
    return read_summaries([make_run(folder / name, mixed(k / 8, k)) for k, name in enumerate(names)])


def test_every_figure_is_there_in_every_format_and_the_same_again(
    runs: list[tuple[str, Summary]], tmp_path: Path
) -> None:
    analyses = [SWEEP, WORDING, SWEEP]
    written = [write_figures(tmp_path / folder, runs[:1], analyses) for folder in ("a", "b")]
    names = {"codes", "reference", "sweep-1", "sweep-2", "wording"}
    assert {path.stem for path in written[0] if path.suffix in MAGIC} == names
    tables = {"rates", "codes", "sweep-1", "sweep-2", "wording-run1", "wording-run2"}
    assert {path.stem for path in written[0] if path.suffix == ".tex"} == tables
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
        if one.suffix in MAGIC:
            assert one.read_bytes().startswith(MAGIC[one.suffix])


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_runs_is_drawn_and_named(
    runs: list[tuple[str, Summary]], tmp_path: Path, count: int
) -> None:
    for draw in (codes_figure, reference_figure, *([ranking_figure] if count > 1 else [])):
        path = tmp_path / "figure.svg"
        draw(runs[:count], [path])
        drawn = path.read_text("utf-8")
        assert "<script" not in drawn
        for name, _ in runs[:count]:
            assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in drawn
        assert "STIXGeneral" in drawn
        width = re.search(r'width="([\d.]+)pt"', drawn)
        assert width is not None
        assert round(float(width[1]) / 72, 3) in (3.3, 6.9)


def test_the_figures_drawn_are_the_figures_of_the_runs(runs: list[tuple[str, Summary]], tmp_path: Path) -> None:
    codes_figure(runs, [tmp_path / "codes.svg"])  # eight: the rates are written into the figure
    reference_figure(runs, [tmp_path / "reference.svg"])
    columns = columns_of([one for _, one in runs])
    assert columns == [
        "closed-ended",
        "creative-writing",
        "chain-of-thought",
        "CC",
        "SE",
        "WR",
        "JS",
        "BP",
        "KW",
        "LN",
    ]
    for name in ("codes", "reference"):
        texts = re.findall(r"<text [^>]*>([^<]*)</text>", (tmp_path / f"{name}.svg").read_text("utf-8"))
        for _, one in runs:
            assert one.reference is not None
            for category, rate in one.categories.items():
                apart = (rate.rate or 0) - (one.reference.categories[category].rate or 0)
                assert (tenths(rate.rate) if name == "codes" else tenths(apart, signed=True)) in texts


def test_tables_hold_each_rate_with_its_interval_and_signature(runs: list[tuple[str, Summary]]) -> None:
    latex, markdown = paper_latex(rates_table(runs)), paper_markdown(rates_table(runs))
    for name, one in runs:
        assert f"{one.ifrate.value:.2f}" in latex
        assert f"[{one.ifrate.low:.1f}, {one.ifrate.high:.1f}]" in latex
        assert f"{one.ifrate.value:.2f} \\[{one.ifrate.low:.1f}, {one.ifrate.high:.1f}\\]" in markdown
        assert one.signature in latex
        assert one.signature in markdown
        assert escape_latex(name) in latex
    assert latex.count("reference reference") == 1  # one reference for all is one row
    codes = codes_table(runs)
    assert [len(row) for row in codes.rows] == [len(codes.header)] * 8
    body = latex.partition("\\midrule")[2].partition("\\bottomrule")[0]
    for line in body.splitlines():
        if line.endswith("\\\\"):
            assert len(re.findall(r"(?<!\\)&", line)) == len(rates_table(runs).header) - 1


def test_a_run_of_one_without_reference_has_codes_and_ladders_and_isolation_their_own(tmp_path: Path) -> None:
    alone = read_summaries([make_run(tmp_path / "alone", TUNED, reference=None)])
    written = write_figures(tmp_path / "figures", alone, [LADDER, isolation()])
    assert {path.stem for path in written if path.suffix == ".svg"} == {"codes", "ladder", "isolation"}
    assert "Δ" not in (tmp_path / "figures/rates.md").read_text()


def test_what_cannot_be_written_is_said(runs: list[tuple[str, Summary]], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--figures takes a folder, found a file"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="nothing to draw"):
        write_figures(tmp_path / "figures")
    with pytest.raises(OutputError, match="file"):
        write_figures(tmp_path / "file" / "below", runs[:1])
