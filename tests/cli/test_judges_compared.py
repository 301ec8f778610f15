"""The commands judge-agreement, sensitivity and annotate, as people call them."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.judges import reply_hash, use_of
from speech_ifeval.records import Judgement
from speech_ifeval.results import JudgeAgreement, Sensitivity
from tests.annotation.conftest import HOSTILE, write_run
from tests.annotation.test_session import labels
from tests.cli.conftest import TUNED
from tests.command_line import command, invoke, run

EXAMPLE = load_benchmark("example")
RAW = ("\x1b", "\u202e")


def write_judge(path: Path, replies: dict[str, str], *, every: int) -> Path:
    """A judge who says no to every so-manyth item, and takes the whole reply as the transcript."""
    lines = []
    for index, item in enumerate(EXAMPLE):
        use, reply = use_of(item), replies.get(item.id)
        if use is None or reply is None:
            continue
        hashed, right = reply_hash(reply), bool(index % every)
        if use == "transcript":
            lines.append(
                Judgement(item.id, use, None, hashed, reply, extracted=reply if right else "something else")
            )
        else:
            lines.append(Judgement(item.id, use, right, hashed, f"Result: {right} {HOSTILE}"))
    path.write_bytes(msgspec.json.Encoder().encode_lines(lines))
    return path


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    plain = {
        item.twin: row["response"] for row in TUNED for item in [EXAMPLE.item(row["id"])] if item.twin is not None
    }
    folder = write_run(tmp_path / "run", replies=plain)
    replies = {row["id"]: row["response"] for row in TUNED} | plain
    write_judge(folder / "judgements.one.jsonl", replies, every=4)
    write_judge(tmp_path / "judgements.two.jsonl", replies, every=6)
    return folder


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"], ["--items"]])
def test_agreement_is_printed_in_every_form(judged: Path, options: list[str]) -> None:
    other = judged.parent / "judgements.two.jsonl"
    done = invoke("judge-agreement", judged, other, "--benchmark", "example", *options)
    assert done.code == 0
    assert not [raw for raw in RAW if raw in done.out]
    assert "<img" not in done.out or "--markdown" not in options
    if options == ["--json"]:
        found = msgspec.json.decode(done.out, type=JudgeAgreement)
        assert [use.use for use in found.uses] == ["reasoning", "accuracy", "transcript"]
        assert all(row.item in done.out for row in found.disagreements)
    else:
        shown = done.out.count("closed-ended") + done.out.count("chain-of-thought")
        everything = len(
            msgspec.json.decode(invoke("judge-agreement", judged, other, "--json").out)["disagreements"]
        )
        assert everything > 20
        assert shown == (everything if options == ["--items"] else 20)
        assert ("more than shown are in" in done.out) == (options != ["--items"])


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"], ["--items"]])
def test_sensitivity_is_printed_in_every_form(judged: Path, options: list[str]) -> None:
    done = invoke("sensitivity", "--benchmark", "example", judged, *options)
    assert done.code == 0
    assert "made-up:0.5" in done.out
    if options == ["--json"]:
        found = msgspec.json.decode(done.out, type=Sensitivity)
        assert found.twins == 40
        flips = next(row for row in found.behaviours if (row.name, row.by) == ("wrong", "all"))
        assert flips.n == len([item for item in EXAMPLE.in_category("closed-ended") if item.metric == "accuracy"])
        assert {row.by for row in found.behaviours if row.name == "wrong"} == {
            "all",
            "dataset",
            "code",
            "constraint",
        }
        for row in found.behaviours:
            assert row.constrained - row.plain == len(row.appeared) - len(row.disappeared)
    else:
        assert ("closed-ended/" in done.out) == (options == ["--items"])


def test_sensitivity_against_a_reference_that_is_the_same(judged: Path) -> None:
    found = msgspec.json.decode(
        invoke("sensitivity", "--benchmark", "example", judged, "--reference", judged, "--json").out,
        type=Sensitivity,
    )
    assert found.reference == "secret-model-7b"
    for row in (*found.behaviours, *found.word_errors):
        assert row.against_reference is not None
        assert row.against_reference.value == 0
        assert row.reference_n == row.n
    shown = invoke("sensitivity", "--benchmark", "example", judged, "--reference", judged).out
    assert "less reference" in shown
    assert "|reference-judge:one|" in shown


def test_sensitivity_states_what_is_unscored(judged: Path) -> None:
    done = invoke("sensitivity", "--benchmark", "example", judged, "--judge", "none")
    assert "80 answers are unscored: not judged." in done.out.replace("Of twins", "")
    assert "|judge:none|" in done.out


@pytest.mark.parametrize("judge", ["one", "heuristic"])
def test_a_degenerate_reply_stops_no_measurement(tmp_path: Path, judge: str) -> None:
    endless = "The answer is " + "1" * 5000
    plain = [item.twin for item in EXAMPLE if item.twin is not None]
    folder = write_run(tmp_path / "run", replies=dict.fromkeys(plain, endless))
    if judge == "heuristic":
        assert invoke("score", folder, "--judge", judge, "--output-dir", folder).code == 0
    else:
        write_judge(folder / "judgements.one.jsonl", dict.fromkeys([*plain], endless), every=4)
    done = invoke("sensitivity", "--benchmark", "example", folder)
    assert (done.code, done.err) == (0, "")


def test_labels_of_people_are_never_taken_for_a_judge_unasked(judged: Path) -> None:
    (judged / "judgements.annotator-mia.jsonl").write_text("")
    assert "|judge:one|" in invoke("sensitivity", "--benchmark", "example", judged).out
    assert invoke("score", judged).code == 0


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (["judge-agreement", "nowhere", "elsewhere"], 2, "no judgements at 'nowhere'"),
        (["judge-agreement", "a", "a"], 2, "named twice"),
        (["judge-agreement", "a", "b", "--json", "--markdown"], 2, "exclude each other"),
        (["sensitivity", "nowhere"], 2, "no responses at 'nowhere'"),
        (["sensitivity", "example:tuned", "--made-up", "-1"], 2, "--made-up takes a number from 0"),
        (["sensitivity", "example:tuned", "--made-up", "nan"], 2, "--made-up takes a number from 0"),
        (["sensitivity", "example:tuned", "--json", "--markdown"], 2, "exclude each other"),
        (["annotate", "nowhere"], 2, "is no run directory"),
        (["annotate", "nowhere", "--use", "taste"], 2, "--use takes"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(call: list[str], code: int, said: str) -> None:
    done = invoke(*call)
    assert done.code == code
    assert said in done.err.replace("\n", " ")


def test_a_judge_who_denies_what_the_reply_says_is_told(tmp_path: Path) -> None:
    asked = [item for item in EXAMPLE if item.metric == "accuracy" and item.category == "closed-ended"][:3]
    said = {item.id: f"The answer is: {item.label}" for item in asked}
    said |= {item.twin: "Nothing" for item in asked if item.twin is not None}
    folder = write_run(tmp_path / "run", replies=said)
    lines = [Judgement(id, "accuracy", False, reply_hash(reply), "Result: NO") for id, reply in said.items()]
    (folder / "judgements.one.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(lines))
    found = msgspec.json.decode(
        invoke("sensitivity", "--benchmark", "example", folder, "--json").out, type=Sensitivity
    )
    assert found.contradicted == [item.id for item in asked]
    row = next(row for row in found.behaviours if (row.name, row.by) == ("contradicted", "all"))
    assert (row.n, row.plain, row.constrained) == (3, 0, 3)
    shown = invoke("sensitivity", "--benchmark", "example", folder, "--items").out
    assert "3 answers are counted wrong, as judged, though the reply says that it is the label" in shown
    assert all(shown.count(item.id) > 1 for item in asked)


def test_the_heuristics_change_is_told_to_be_its_own(judged: Path) -> None:
    said = "that the rules of heuristic-1 see"
    assert said not in invoke("sensitivity", "--benchmark", "example", judged).out
    (judged / "judgements.one.jsonl").rename(judged / "judgements.heuristic-1.jsonl")
    assert said in invoke("sensitivity", "--benchmark", "example", judged).out


def test_a_run_without_twins_has_no_sensitivity(tmp_path: Path) -> None:
    path = tmp_path / "responses.jsonl"
    rows = [row for row in TUNED if EXAMPLE.item(row["id"]).category == "closed-ended"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = invoke("sensitivity", path, "--benchmark", "example")
    assert done.code == 4
    assert "answers no twins of example" in done.err


def test_the_page_is_served_until_it_is_stopped(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    process = subprocess.Popen(
        command("annotate", folder, "--sample", "3", "--annotator", "mia", "--no-browser"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        url = line.rpartition(" ")[2].strip()
        assert line.startswith("3 replies to label at http://127.0.0.1:")
        port, token = int(url.split(":")[2].partition("/")[0]), url.split("/")[3]

        def post(path: str, body: dict[str, Any]) -> int:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                kind = {"Content-Type": "application/json"}
                connection.request("POST", f"/{token}/{path}", json.dumps(body), kind)
                answer = connection.getresponse()
                answer.read()
            return answer.status

        assert post("label", {"number": 0, "answer": "yes"}) == 200
        assert post("stop", {}) == 200
        rest, error = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, error) == (0, "")
    assert "1 of 3 labelled" in rest
    assert token not in rest
    assert len(labels(folder)) == 1


def test_ctrl_c_ends_the_page_and_keeps_the_labels(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    process = subprocess.Popen(
        command("annotate", folder, "--sample", "3", "--no-browser"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert error == b"interrupted: what was written is kept; the same command goes on from there\n"


def test_all_labelled_is_said_without_a_page(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    call = ("annotate", folder, "--sample", "1", "--use", "accuracy", "--terminal")
    subprocess.run(command(*call), input=b"y\n", capture_output=True, check=True)
    done = run(*call)
    assert (done.code, done.out.splitlines()[0]) == (0, "all 1 of the sample are labelled")


def test_a_table_of_figures_is_never_cut_by_a_narrow_terminal(judged: Path) -> None:
    narrow = 'import sys, io; sys.stdout.isatty = lambda: True; import os; os.environ["COLUMNS"] = "60"'
    done = run(
        "sensitivity", "--benchmark", "example", judged, "--reference", judged, before=narrow, env={"TERM": "dumb"}
    )
    assert done.code == 0
    assert "less reference" in done.out
    assert "…" not in done.out
