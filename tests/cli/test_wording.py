"""The command wording, as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.results import WordingEffects
from tests.command_line import invoke, run

RAW = ("\x1b", "\u202e")
HOSTILE = "Wrap it | in quotes, <img src=x> [bold red]\x1b[31m\u202e"


@pytest.fixture
def answered(tmp_path: Path) -> Path:
    """A benchmark of one's own with six wordings, one of them hostile, and a run of which that one fails."""
    wordings = [HOSTILE, *(f"Put it in quotes, way {way}." for way in range(5))]
    items, responses = [], []
    for category in ("closed-ended", "creative-writing", "chain-of-thought"):
        for question in range(48):
            id = f"{category}/{question:04d}"
            items.append(
                {
                    "id": id,
                    "category": category,
                    "instruction": f"Question {question}?\n{wordings[question % 6]}",
                    "clip": f"{category}-{question}.wav",
                    "dataset": "asr",
                    "constraints": [{"id": "startend:quotation", "kwargs": {}}],
                }
            )
            follows = question % 6 != 0 or question % 5 == 0
            responses.append({"id": id, "response": '"Yes."' if follows else "Yes."})
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "benchmark.json").write_text('{"name": "own", "schema_version": 1, "description": "One\'s own."}')
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in items))
    (tmp_path / "answers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in responses))
    done = invoke("score", tmp_path / "answers.jsonl", "--benchmark", folder, "--output-dir", tmp_path / "one")
    assert done.code == 0, done.err
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"], ["--wordings"]])
def test_wordings_are_printed_in_every_form(answered: Path, options: list[str]) -> None:
    done = invoke("wording", answered / "one", "--benchmark", answered / "own", *options)
    assert done.code == 0, done.err
    assert not [raw for raw in RAW if raw in done.out]
    assert "|wording-effect:1|wording-seed:0" in done.out
    if options == ["--json"]:
        (found,) = msgspec.json.decode(done.out, type=WordingEffects).runs
        assert [constraint.rate.n for constraint in found.constraints] == [48] * 3
        assert all(len(test.rates) == 6 for constraint in found.constraints for test in constraint.tests)
        below = {rate.text for one in found.constraints for rate in one.tests[0].rates if rate.apart == "below"}
        assert below == {HOSTILE}
        return
    assert "Found to matter: startend:quotation" in done.out.replace("\n", " ")
    assert "[bold red]" in done.out.replace("\\[", "[").replace("\\]", "]")
    assert ("<img" in done.out) == (options != ["--markdown"])
    assert ("way 3" in done.out) == (options == ["--wordings"])


def test_runs_stand_side_by_side_and_are_compared(answered: Path) -> None:
    invoke("score", answered / "answers.jsonl", "--benchmark", answered / "own", "--output-dir", answered / "two")
    call = ("wording", answered / "one", answered / "two", "--benchmark", answered / "own")
    found = msgspec.json.decode(invoke(*call, "--json").out, type=WordingEffects)
    assert [one.name for one in found.runs] == ["one", "two"]
    assert (found.pairs[0].first, found.pairs[0].second) == (0, 1)
    assert found.pairs[0].correlation == pytest.approx(1)
    shown = invoke(*call).out
    assert "one and two" in shown
    assert "+1.00" in shown


def test_effect_and_seed_change_what_they_should(answered: Path) -> None:
    def found(*options: str) -> WordingEffects:
        call = ("wording", answered / "one", "--benchmark", answered / "own", "--json", *options)
        return msgspec.json.decode(invoke(*call).out, type=WordingEffects)

    usual, small, other = found(), found("--effect", "0.5"), found("--seed", "1")
    powers = [[one.tests[0].power for one in each.runs[0].constraints] for each in (usual, small)]
    assert all((less or 0) < (more or 0) for more, less in zip(*powers, strict=True))
    assert usual.runs[0].constraints[0].tests[0].p == small.runs[0].constraints[0].tests[0].p
    assert other.runs[0].constraints[0].tests[0].sd == usual.runs[0].constraints[0].tests[0].sd
    assert "|wording-effect:0.5|wording-seed:0" in small.runs[0].signature


def test_the_runs_own_benchmark_is_the_default(tmp_path: Path) -> None:
    scored = invoke("score", "example:tuned", "--output-dir", tmp_path / "run")
    assert scored.code == 0
    done = invoke("wording", tmp_path / "run")
    assert done.code == 0, done.err
    assert "For no constraint is wording found to matter" in done.out
    assert "66 items say nothing of their wordings" in done.out.replace("\n", " ")


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (["nowhere"], 2, "no scored run at 'nowhere'"),
        (["one", "one"], 2, "named twice"),
        (["one", "--json", "--markdown"], 2, "exclude each other"),
        (["one", "--effect", "0"], 2, "--effect takes a number above 0, at most 10, found 0"),
        (["one", "--effect", "nan"], 2, "--effect takes a number above 0"),
        (["one", "--scoring", "careful"], 2, "holds no scoring 'careful'"),
        (["one", "--benchmark", "example"], 4, "was scored on own-"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    answered: Path, monkeypatch: pytest.MonkeyPatch, call: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(answered)
    own = [] if "--benchmark" in call else ["--benchmark", "own"]
    done = invoke("wording", *call, *own)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_it_runs_in_a_process_of_its_own(answered: Path) -> None:
    done = run("wording", "one", "--benchmark", "own", "--markdown", cwd=answered)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("### one\n")
