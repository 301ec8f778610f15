"""What the commands print, and what they leave behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.constraints import definitions
from speech_ifeval.results import Comparison, Summary
from tests.cli.conftest import SHIPPED, TUNED, Write, contents
from tests.command_line import command, invoke, run
from tests.spoken import write_spoken

# A name that would clear a screen, colour a table, end a cell, a code span or a heading, or turn the text round.
EVIL = "\x1b[2J[red]x[/] |<b>`*_a_*`\x07\u202e\x9b31m"
RAW = ("\x1b", "\x07", "\u202e", "\x9b")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scored") / "tuned"
    done = run("score", "example:tuned", "--reference", "example:reference", "--output-dir", folder)
    assert (done.code, done.err) == (0, "")
    return folder


def test_score_prints_tables_and_where_they_are_from(scored: Path) -> None:
    done = invoke("score", scored, "--reference", scored / "reference")
    lines = done.out.splitlines()
    assert [line for line in lines if line.startswith("IFrate, %")]
    assert [line for line in lines if line.startswith("JS  JSON")]
    assert [line for line in lines if line.startswith("Forgetting rate Δ")]
    assert json.loads((scored / "summary.json").read_text())["signature"] in lines
    assert lines[-1] == f"Written: {scored}"


def test_json_is_the_summary_and_decodes_strictly(scored: Path) -> None:
    done = invoke("score", scored, "--reference", scored / "reference", "--json")
    assert json.loads(done.out) == json.loads((scored / "summary.json").read_text("utf-8"))
    summary = msgspec.json.decode(done.out, type=Summary)
    assert msgspec.json.decode(msgspec.json.encode(summary), type=Summary) == summary
    assert summary.schema_version == 1
    assert list(summary.categories) == ["closed-ended", "creative-writing", "chain-of-thought"]
    assert list(summary.codes) == ["CC", "SE", "WR", "JS", "BP", "KW", "LN", "CoT"]


def test_comparisons_decode_strictly_and_carry_their_signatures(scored: Path) -> None:
    runs = (scored, scored / "reference")
    comparison = msgspec.json.decode(invoke("compare", *runs, "--json").out, type=Comparison)
    signatures = [run.signature for run in comparison.runs]
    for options in ([], ["--markdown"], ["--json"]):
        out = invoke("compare", *runs, *options).out
        assert all(signature in out for signature in signatures)


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"]])
def test_every_output_of_score_carries_the_signature(scored: Path, options: list[str]) -> None:
    summary = json.loads((scored / "summary.json").read_text())
    out = invoke("score", scored, "--reference", scored / "reference", *options).out
    assert summary["signature"] in out
    assert summary["reference"]["signature"] in out


@pytest.mark.parametrize("args", [["score", "SCORED"], ["compare", "SCORED", "SCORED/reference"], ["constraints"]])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_terminal_can_show_it(scored: Path, args: list[str], encoding: str) -> None:
    given = [arg.replace("SCORED", str(scored)) for arg in args]
    for options in ([], ["--markdown"]) if args != ["constraints"] else ([],):
        done = subprocess.run(
            command(*given, *options), capture_output=True, env={"PYTHONIOENCODING": encoding, "PATH": "/usr/bin"}
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode(encoding)


def test_a_closed_pipe_is_no_traceback(scored: Path) -> None:
    shell = subprocess.run(
        ["sh", "-c", '"$@" | head -c 10', "sh", *command("score", scored, "--json")],
        capture_output=True,
        text=True,
    )
    assert shell.stdout == '{\n  "schem'
    assert shell.stderr == ""


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"]])
def test_names_and_replies_reach_the_terminal_as_text(tmp_path: Path, write: Write, options: list[str]) -> None:
    evil = EVIL.replace("/", "")  # a folder's name
    replies = [{**row, "response": EVIL + row["response"]} for row in TUNED]
    replies[5] = {"id": TUNED[5]["id"], "error": EVIL}
    path = write(f"{evil}.jsonl", replies)
    about = {"name": "b [red]x[/red]", "schema_version": 1, "description": EVIL}
    write("benchmark/benchmark.json", [about])
    (tmp_path / "benchmark" / "items.jsonl").write_bytes((SHIPPED / "items.jsonl").read_bytes())
    args = ["--benchmark", tmp_path / "benchmark", "--output-dir", tmp_path / evil]
    outs = [invoke("score", path, "--reference", path, *args, *options).out]
    assert "IFrate" in outs[0] or options == ["--json"]
    runs = (tmp_path / evil, tmp_path / evil / "reference")
    outs.append(invoke("compare", *runs, *options).out)
    if not options:
        outs.append(invoke("check-benchmark", tmp_path / "benchmark").out)
    outs.append(invoke("score", tmp_path / f"{evil}x").err)
    outs.append(invoke("score", write(f"b{evil}.jsonl", [{"id": EVIL, "response": "a"}])).err)
    for out in outs:
        assert out
        assert [raw for raw in RAW if raw in out] == []
    if not options:
        assert "[red]x[" in outs[0]  # names are no markup


def test_a_name_cannot_become_markdown(tmp_path: Path, write: Write) -> None:
    path = write("a|b_*c*_[d](e)`f`.jsonl", TUNED)
    out = invoke("score", path, "--markdown", "--output-dir", tmp_path / "run").out
    assert out.splitlines()[0] == "### a\\|b\\_\\*c\\*\\_\\[d\\](e)\\`f\\`"


def test_markdown_tables_have_as_many_cells_in_every_row(scored: Path) -> None:
    for args in (
        ["score", scored, "--reference", scored / "reference"],
        ["compare", scored, scored / "reference"],
    ):
        out = invoke(*args, "--markdown").out
        tables = [block.splitlines() for block in out.split("\n\n") if block.startswith("|")]
        assert len(tables) >= 2
        for table in tables:
            assert len({line.replace("\\|", "").count("|") for line in table}) == 1


@pytest.mark.parametrize("place", ["audio", "audios", ".", "../audio"])
def test_check_benchmark_finds_the_clips_where_run_does(tmp_path: Path, place: str) -> None:
    benchmark = write_spoken(tmp_path / "spoken")
    assert "audio-missing" not in invoke("check-benchmark", benchmark.root).out
    (benchmark.root / place).mkdir(exist_ok=True)
    if place != "audio":
        (benchmark.root / "audio" / "clips").rename(benchmark.root / place / "clips")
    assert "audio-missing" not in invoke("check-benchmark", benchmark.root).out
    next((benchmark.root / place / "clips").iterdir()).unlink()
    assert "audio-missing" in invoke("check-benchmark", benchmark.root).out


def test_constraints_lists_every_id_in_every_rule_set() -> None:
    listed = json.loads(invoke("constraints", "--json").out)
    assert {row["id"] for row in listed} >= {definition.id for definition in definitions() if definition.code}
    bullets = [row for row in listed if row["id"] == "detectable_format:number_bullet_lists"]
    assert [rules for row in bullets for rules in row["rules"]] == ["official", "careful", "ifeval"]
    assert all(set(row["kwargs"]) == {"num_bullets"} and row["checks"] for row in bullets)
    table = invoke("constraints").out
    assert all(row["id"] in table for row in listed)


def test_check_benchmark_says_by_its_exit_code_whether_it_found_something() -> None:
    done = invoke("check-benchmark", "example")
    found = json.loads(invoke("check-benchmark", "example", "--json").out)
    serious = [defect for defect in found["defects"] if defect["severity"] != "note"]
    assert done.code == (1 if serious else 0)
    assert found["fingerprint"]


def test_scoring_again_writes_the_same_bytes(tmp_path: Path) -> None:
    args = ("score", "example:tuned", "--reference", "example:reference", "--output-dir", tmp_path)
    assert invoke(*args).code == 0
    before = contents(tmp_path)
    assert invoke(*args).code == 0
    assert contents(tmp_path) == before
    assert invoke("score", tmp_path, "--reference", tmp_path / "reference").code == 0  # in place
    assert contents(tmp_path) == before


def test_help_names_the_commands_and_the_exit_codes_at_once() -> None:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        done = run("--help")
        took.append(time.perf_counter() - started)
    assert done.code == 0
    assert all(name in done.out for name in ("score", "compare", "check-benchmark", "constraints", "130"))
    assert min(took) < 2  # the aim is 0.3 s on a machine that does nothing else


def test_the_version_is_printed() -> None:
    from importlib.metadata import version

    assert run("--version").out == f"speech-ifeval {version('speech-ifeval')}\n"


def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "speech_ifeval", "--version"], capture_output=True, check=True)
    assert done.stdout.decode() == run("--version").out


def test_the_default_output_folder_is_under_runs(tmp_path: Path) -> None:
    assert run("score", "example:tuned", cwd=tmp_path).out.splitlines()[-1] == "Written: runs/tuned"
    assert (tmp_path / "runs" / "tuned" / "summary.json").is_file()
