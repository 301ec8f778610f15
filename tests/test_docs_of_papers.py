"""The pages on leaderboards and papers are true: what they print is printed, every field is documented."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.report.plots.drawing import COLUMN, PAGE
from speech_ifeval.results import (
    Apart,
    BibEntry,
    Citation,
    Cited,
    Leaderboard,
    LeaderboardGroup,
    MissingSystem,
    PublishedBlock,
    PublishedRow,
    PublishedSource,
    Ranked,
    Recomputed,
    ReproducedCell,
    ReproducedSystem,
    Reproduction,
    ScaledModel,
    Unranked,
)
from tests.command_line import invoke
from tests.shared_data import DESTA2, RELEASE, needs_release

ROOT = Path(__file__).parents[1]
FORMATS = (ROOT / "docs/formats.md").read_text()


def test_the_published_block_is_what_the_command_prints() -> None:
    page = (ROOT / "docs/leaderboard.md").read_text()
    shown = page.partition("<!-- output of: speech-ifeval leaderboard --markdown -->\n")[2]
    assert shown.startswith(invoke("leaderboard", "--markdown").out)


@needs_release
def test_the_recomputed_figures_are_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs/papers.md").read_text()
    shown = re.search(r"```text\n(at hand.*?)```", page, re.S)
    assert shown is not None
    monkeypatch.chdir(tmp_path)
    assert invoke("score", DESTA2, "--benchmark", RELEASE, "--output-dir", "runs/desta2").code == 0
    printed = invoke("reproduce", "leaderboard", "runs/desta2").out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    for line in shown[1].strip().splitlines():
        assert " ".join(line.split()) in lines


@pytest.mark.parametrize(
    "record",
    [
        Leaderboard,
        LeaderboardGroup,
        Ranked,
        Unranked,
        Apart,
        PublishedBlock,
        PublishedRow,
        PublishedSource,
        Recomputed,
        Reproduction,
        ReproducedSystem,
        ReproducedCell,
        MissingSystem,
        ScaledModel,
        Citation,
        Cited,
        BibEntry,
    ],
)
def test_every_field_of_a_record_is_documented(record: type[msgspec.Struct]) -> None:
    for field in record.__struct_fields__:
        assert re.search(rf"[`{{ ]{field}[`,}}]", FORMATS), field


def test_the_widths_are_those_of_the_figures() -> None:
    page = (ROOT / "docs/papers.md").read_text()
    assert f"a column ({COLUMN:g} inches) or of both ({PAGE:g} inches)" in page
