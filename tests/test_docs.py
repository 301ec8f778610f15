"""The documentation is true: its commands run, its output is the output, its tables name what there is."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from speech_ifeval import errors
from speech_ifeval.cli import app
from speech_ifeval.records import Item, Verdict
from speech_ifeval.results import (
    Behaviour,
    Carried,
    ChangedAnswers,
    Claim,
    CleanCheck,
    Contradiction,
    Contrast,
    Deviation,
    Diagnosis,
    Disagreement,
    Estimate,
    Finding,
    FindingExample,
    FindingPart,
    FlipExcess,
    Isolation,
    IsolationFinding,
    JudgeAgreement,
    JudgedChange,
    KindDifference,
    PairedChange,
    Rate,
    Sensitivity,
    SharedEffects,
    Submitted,
    Summary,
    TrainingCurve,
    TrainingPoint,
    UnmadeCheck,
    UseAgreement,
    Verification,
    WordedConstraint,
    WordedRun,
    WordErrorChange,
    WordErrorContrast,
    WordingEffects,
    WordingLuck,
    WordingRate,
    WordingTest,
)
from tests.spoken import spoken_rows, write_spoken

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FORMATS = (ROOT / "docs/formats.md").read_text()


def run(arguments: list[str], folder: Path) -> str:
    command = [sys.executable, "-c", "from speech_ifeval.cli import main; main()", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, encoding="utf-8")
    return "\n".join(line.rstrip() for line in done.stdout.splitlines())


def test_the_readme_shows_what_its_command_prints(tmp_path: Path) -> None:
    shown = re.search(
        r"<!-- output of: speech-ifeval (.+?) -->\n```text\n(.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    assert shown is not None
    assert run(shlex.split(shown[1]), tmp_path).strip() == shown[2].strip(), (
        "paste the command's output into README.md"
    )


def test_the_table_of_models_is_what_the_command_prints(tmp_path: Path) -> None:
    page = (ROOT / "docs/models.md").read_text()
    table = page.partition("<!-- output of: speech-ifeval models --markdown -->\n")[2].partition("\n\n")[0]
    assert table.strip() == run(["models", "--markdown"], tmp_path).strip()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("flite") is None, reason="flite, which speaks the clips, is not installed")
def test_the_readmes_model_of_ones_own_hears_and_is_scored(tmp_path: Path) -> None:
    shown = re.search(r"<!-- my_model.py -->\n```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert shown is not None
    assert len(shown[1].strip().splitlines()) <= 20
    (tmp_path / "my_model.py").write_text(shown[1])
    benchmark = write_spoken(tmp_path / "spoken", spoken_rows(closed=3, creative=2, thinking=1, clips=3))
    said = ["the quick brown fox jumps over the lazy dog", "seven boats sailed to the north", "open the window"]
    for number, text in enumerate(said):
        clip = benchmark.root / f"audio/clips/{number}.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(clip)], check=True, capture_output=True)
    call = ["run", "--model", "py:my_model.py:answer", "--benchmark", "spoken", "--output-dir", "run"]
    assert "IFrate" in run(call, tmp_path)
    lines = (tmp_path / "run/responses.jsonl").read_text().splitlines()
    texts = {row["id"]: row["text"] for row in map(json.loads, lines)}
    assert texts["closed-ended/0000"] == said[0]
    manifest = json.loads((tmp_path / "run/responses.manifest.json").read_text())
    assert manifest["audio_check"] == "the answers about two clips differ"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_option_named_exists(page: Path) -> None:
    for line in re.findall(r"^\$ speech-ifeval (.+)$", page.read_text(), re.M):
        words = shlex.split(line)
        called = words[:2] if words[0] == "lab" else words[:1]
        shown = CliRunner().invoke(app, [*called, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert shown.exit_code == 0, line
        for option in (word.partition("=")[0] for word in words if word.startswith("--")):
            assert option in shown.output, f"{page.name}: {line}"


def test_the_exit_codes_in_the_docs_are_those_of_the_exceptions() -> None:
    codes = {
        value.exit_code
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.SpeechIFEvalError)
    }
    documented = set(map(int, re.findall(r"^\| (\d+) \|", FORMATS.partition("## Exit codes")[2], re.M)))
    assert documented == codes | {0, 130}
    epilog = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}).output
    listed = " ".join(epilog.split()).partition("Exit codes:")[2]
    assert set(map(int, re.findall(r"(\d+) [a-z]", listed))) == documented


@pytest.mark.parametrize(
    "record",
    [
        Summary,
        Item,
        Verdict,
        Estimate,
        Rate,
        JudgeAgreement,
        JudgedChange,
        UseAgreement,
        Disagreement,
        Sensitivity,
        Behaviour,
        ChangedAnswers,
        WordErrorChange,
        Diagnosis,
        Finding,
        FindingPart,
        FindingExample,
        CleanCheck,
        UnmadeCheck,
        WordingEffects,
        WordedRun,
        WordedConstraint,
        WordingTest,
        WordingRate,
        WordingLuck,
        Deviation,
        SharedEffects,
        Isolation,
        IsolationFinding,
        Contrast,
        PairedChange,
        FlipExcess,
        Carried,
        KindDifference,
        WordErrorContrast,
        Submitted,
        Verification,
        Claim,
        Contradiction,
        TrainingCurve,
        TrainingPoint,
    ],
)
def test_every_field_of_a_record_is_documented(record: type[msgspec.Struct]) -> None:
    for field in record.__struct_fields__:
        assert re.search(rf"[`{{ ]{field}[`,}}]", FORMATS), field


def test_the_summary_files_content_decodes_as_documented(tmp_path: Path) -> None:
    printed = run(["score", "example:tuned", "--json"], tmp_path)
    summary = msgspec.json.decode(printed, type=Summary, strict=True)
    assert summary == msgspec.json.decode((tmp_path / "runs/tuned/summary.json").read_bytes(), type=Summary)
