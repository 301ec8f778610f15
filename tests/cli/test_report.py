"""``speech-ifeval report``: what it writes and says, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.command_line import invoke, run
from tests.report.test_plots import SWEEP


def test_one_page_is_written_and_told(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_bytes(msgspec.json.encode(SWEEP))
    page = tmp_path / "report.html"
    more = ("--reference", "example:reference", "--with", tmp_path / "sweep.json")
    done = invoke("report", "example:tuned", *more, "-o", page)
    assert done.out == f"Written: {page}, {page.stat().st_size / 1e6:.1f} MB: 66 items\n"
    assert page.read_bytes().startswith(b"<!doctype html>")
    assert b'"kind":"sweep"' in page.read_bytes()


def test_figures_for_a_paper_are_drawn_of_the_same_runs(tmp_path: Path) -> None:
    scored = tmp_path / "run"
    invoke("score", "example:tuned", "--reference", "example:reference", "--output-dir", scored)
    done = invoke("report", scored, "-o", tmp_path / "report.html", "--figures", tmp_path / "paper")
    assert done.code == 0, done.err
    names = {path.name for path in (tmp_path / "paper").iterdir()}
    assert {"codes.svg", "codes.pdf", "codes.tex", "reference.png"} <= names


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("example:tuned", "--audio", "mp3"), 2, "--audio takes none, link, embed, found 'mp3'"),
        (("example:tuned", "--include-restricted", "IEMOCAP"), 2, "the benchmark restricts none"),
        (("example:tuned", "example:tuned"), 2, "the same run is named twice"),
        (("example:tuned", "--with", "none.json"), 2, "none.json"),
        (("example:tuned", "--audio", "embed"), 3, "--audio-dir"),
        (("example:tuned", "--audio", "link", "--audio-dir", "nowhere"), 2, "no audio folder"),
        (("nowhere", "--benchmark", "example"), 2, "no responses at"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = run("report", *arguments, "-o", "page.html", cwd=tmp_path)
    assert done.code == code, done.err
    assert said in done.err
    assert list(tmp_path.iterdir()) == []
