"""``speech-ifeval leaderboard``, ``compare --figures`` and ``figures``, as they are called."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.results import Leaderboard
from tests.analysis.runs_of_example import TUNED, make_run, mixed
from tests.command_line import invoke
from tests.report.test_plots import SWEEP, WORDING


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    return [make_run(folder / "tuned", TUNED), make_run(folder / "better", mixed(0.7))]


def test_a_leaderboard_is_printed_in_every_form(runs: list[Path], tmp_path: Path) -> None:
    shown = invoke("leaderboard", *runs, "--html", tmp_path / "board.html", "--figures", tmp_path / "figures")
    assert (shown.code, "Published results" in shown.out) == (0, True)
    assert re.search(r"^better +1 ", shown.out, re.M)
    assert shown.err == f"Written: 13 files in {tmp_path / 'figures'}\n"
    assert (tmp_path / "board.html").read_text().startswith("<!doctype html>")
    board = msgspec.json.decode(invoke("leaderboard", *runs, "--json").out, type=Leaderboard, strict=True)
    assert board.groups[0].comparison is not None
    assert [board.groups[0].comparison.runs[one.run].name for one in board.groups[0].ranked] == ["better", "tuned"]
    markdown = invoke("leaderboard", *runs, "--markdown", "--no-published").out
    assert "| better | 1 |" in markdown
    assert "Published" not in markdown


def test_figures_of_runs_and_of_printed_results(runs: list[Path], tmp_path: Path) -> None:
    for name, result in (("sweep", SWEEP), ("wording", WORDING)):
        (tmp_path / f"{name}.json").write_bytes(msgspec.json.encode(result))
    done = invoke(
        "figures", runs[0], tmp_path / "sweep.json", tmp_path / "wording.json", "--figures", tmp_path / "out"
    )
    assert done.code == 0
    drawn = {path.stem for path in (tmp_path / "out").glob("*.pdf")}
    assert drawn == {"codes", "reference", "sweep", "wording"}


def test_compare_draws_the_same_figures(runs: list[Path], tmp_path: Path) -> None:
    assert invoke("compare", *runs, "--figures", tmp_path / "compared").code == 0
    assert len(list((tmp_path / "compared").iterdir())) == 13


def test_runs_that_are_not_comparable_are_drawn_and_it_is_said(runs: list[Path], tmp_path: Path) -> None:
    other = make_run(tmp_path / "careful", TUNED, scoring=Scoring(rules="careful"), reference=None)
    done = invoke("figures", runs[0], other, "--figures", tmp_path / "out")
    assert (done.code, "cannot be compared: they differ in rules" in done.err) == (0, True)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["leaderboard", "--no-published"], 2, "expected runs, or the published rows, found neither"),
        (["leaderboard", "--json", "--markdown"], 2, "--json and --markdown exclude each other"),
        (["leaderboard", "--figures", "x"], 2, "--figures draws runs, found none; name them"),
        (["leaderboard", "nowhere"], 2, "no scored run at 'nowhere'"),
        (["figures", "nowhere.json"], 2, "found no file to read"),
        (["figures", __file__], 3, "expected what sweep, ladder, isolation or wording prints with --json"),
    ],
)
def test_wrong_calls_end_in_one_message(args: list[str], code: int, message: str) -> None:
    done = invoke(*args)
    assert (done.code, message in done.err, done.err.count("error: ")) == (code, True, 1)
