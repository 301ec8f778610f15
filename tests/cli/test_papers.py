"""``speech-ifeval reproduce`` and ``speech-ifeval cite``, as they are called."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from speech_ifeval.cli import app
from speech_ifeval.results import Citation, Reproduction
from tests.analysis.runs_of_example import TUNED, make_run
from tests.command_line import invoke


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "tuned", TUNED)


@pytest.mark.parametrize("table", ["leaderboard", "task-level", "lora"])
def test_a_published_table_is_printed_in_every_form(table: str, run: Path) -> None:
    shown = invoke("reproduce", table, run)
    assert shown.code == 0
    assert "for what is missing" in shown.out
    assert "Tuned is none of the published systems by its name" in shown.out
    found = msgspec.json.decode(invoke("reproduce", table, run, "--json").out, type=Reproduction, strict=True)
    assert found.table == table
    markdown = invoke("reproduce", table, "--markdown").out
    for one in found.missing:
        assert one.system in markdown
        assert f"{one.judge_calls:,}" in markdown


def test_commands_that_are_printed_exist() -> None:
    shown = invoke("reproduce", "leaderboard").out
    commands = re.findall(r"^speech-ifeval run (.+?)  # ", shown, re.M)
    assert len(commands) == 11
    known = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    for option in {word for command in commands for word in command.split() if word.startswith("--")}:
        assert option in known


def test_a_citation_is_printed_in_every_form(run: Path) -> None:
    shown = invoke("cite", run)
    assert shown.code == 0
    assert shown.out.startswith("We measured instruction following with speech-ifeval")
    bib = invoke("cite", run, "--bibtex").out
    assert shown.out.endswith(bib)
    assert bib.count("\n@") == len(re.findall(r"^@", bib, re.M))
    found = msgspec.json.decode(invoke("cite", run, "--json").out, type=Citation, strict=True)
    assert [one.key for one in found.entries] == re.findall(r"^@\w+\{(\w+),", bib, re.M)
    latex = invoke("cite", run, "--latex").out
    cited = {key for group in re.findall(r"\\cite\{([^}]+)\}", latex) for key in group.split(",")}
    assert cited == {one.key for one in found.entries}


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["reproduce", "leaderboard", "--json", "--markdown"], 2, "--json and --markdown exclude each other"),
        (["reproduce", "leaderboard", "DiVA=nowhere"], 2, "no scored run at"),
        (["cite", "nowhere"], 2, "no scored run at"),
        (["cite", "nowhere", "--json", "--latex"], 2, "--bibtex, --latex and --json exclude each other"),
    ],
)
def test_wrong_calls_end_in_one_message(args: list[str], code: int, message: str) -> None:
    done = invoke(*args)
    assert (done.code, message in done.err, done.err.count("error: ")) == (code, True, 1)
