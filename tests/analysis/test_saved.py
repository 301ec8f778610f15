from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from speech_ifeval.analysis.saved import NAMES, SavedAnalysis, read_analysis
from speech_ifeval.errors import DataError, UsageError
from tests.report.test_figures import summary
from tests.report.test_plots import ISOLATION, LADDER, SWEEP, WORDING


@pytest.mark.parametrize("found", [SWEEP, LADDER, ISOLATION, WORDING], ids=lambda one: NAMES[type(one)])
def test_an_analysis_is_told_by_its_fields(found: SavedAnalysis, tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_bytes(msgspec.json.encode(found))
    assert read_analysis(path) == found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no JSON object"),
        ("[1]", "no JSON object"),
        ("{}", "an object with nothing"),
        ('{"a": 1}', "an object with a"),
        ('{"model": "m", "points": 3}', "sweep of this version"),
    ],
)
def test_what_is_none_is_said_to_be_none(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(DataError, match=said):
        read_analysis(tmp_path / "other.json")


def test_a_summary_is_no_analysis(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_bytes(msgspec.json.encode(summary()))
    with pytest.raises(DataError, match="an object with"):
        read_analysis(tmp_path / "summary.json")
    with pytest.raises(UsageError, match="check the path"):
        read_analysis(tmp_path / "none.json")
