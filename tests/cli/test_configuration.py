"""Options from a TOML file: every value TOML can hold is taken, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.cli.configuration import read_configuration
from speech_ifeval.errors import DataError
from tests.command_line import invoke

OPTIONS = {name: name == "rubric" for name in ("model", "limit", "categories", "model_args", "rubric", "config")}


def read(folder: Path, content: str) -> dict[str, Any]:
    (folder / "run.toml").write_text(content)
    return read_configuration(folder / "run.toml", OPTIONS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('rubric = ["r.md", "s,t.md"]', {"rubric": ["r.md", "s,t.md"]}),
        ('rubric = "r.md"', {"rubric": ["r.md"]}),
        ("rubric = []", {"rubric": []}),
        ('categories = ["a", "b"]', {"categories": "a,b"}),
        ("[model_args]\na = [1, 2]", {"model_args": '{"a": [1, 2]}'}),
    ],
)
def test_lists_stay_lists_where_an_option_is_repeatable(
    content: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    assert read(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[model_args]\na = 2020-01-01", "run.toml:1: 'model_args' holds .*date"),
        ("[model_args.b]\na = [07:32:00]", "'model_args' holds .*time"),
        ("limit = 2020-01-01", "'limit' holds .*date"),
        ("categories = [2020-01-01]", "'categories' holds .*date"),
        ("categories = [[1]]", "'categories' holds .*list"),
        ('rubric = [{path = "r.md"}]', "'rubric' holds .*table"),
        ("[rubric]\na = 1", "'rubric' holds .*table"),
        ('config = "other.toml"', "'config' cannot stand in the file itself"),
    ],
)
def test_what_no_option_takes_is_refused(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_rubrics_in_the_file_arrive_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text('model = "replay:x"\nrubric = ["r.md", "s,t.md"]')
    done = invoke("run", "--config", "run.toml")
    assert done.err.startswith("error: --rubric goes with a judge that is asked"), done.err


def test_a_date_in_the_file_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text('model = "m"\n[model_args]\na = 2020-01-01')
    done = invoke("run", "--config", "run.toml")
    assert (done.code, done.err.count("\n")) == (3, 1), done.err
