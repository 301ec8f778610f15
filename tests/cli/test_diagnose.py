"""``speech-ifeval diagnose`` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from speech_ifeval.results import Diagnosis
from tests.cli.conftest import TUNED, Write
from tests.command_line import invoke, run

CALL = ("diagnose", "example:tuned", "--reference", "example:reference")


def test_three_sentences_come_first_then_findings_then_what_was_not_found() -> None:
    lines = invoke(*CALL).out.splitlines()
    assert lines[0].startswith(
        "tuned: IFrate is 40.83 % (26.25 to 57.73) and Δ −57.02 % (−73.01 to −36.04) against"
    )
    assert lines[1].startswith("Gravest is high forgetting")
    starts = (
        "what was found",
        "Severe: high forgetting",
        "nothing found",
        "Could not be made",
        "benchmark:example-",
    )
    places = [next(number for number, line in enumerate(lines) if line.startswith(start)) for start in starts]
    assert places == sorted(places)


@pytest.mark.parametrize("options", [[], ["--markdown"], ["--json"]])
def test_every_form_carries_both_signatures_and_every_item_that_is_shown(options: list[str]) -> None:
    found = msgspec.json.decode(invoke(*CALL, "--json").out, type=Diagnosis)
    out = invoke(*CALL, *options).out
    assert found.signature in out
    assert found.reference_signature is not None
    assert found.reference_signature in out
    assert all(example.item in out for one in found.findings for example in one.examples)


def test_findings_are_no_failure_of_the_command() -> None:
    done = run(*CALL)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (["diagnose", "nowhere"], 2, "no responses at 'nowhere'"),
        (["diagnose", "example:tuned", "--json", "--markdown"], 2, "exclude each other"),
        (["diagnose", "example:tuned", "--scoring", "ifeval"], 2, "no scoring 'ifeval'"),
        (["diagnose", "example:tuned", "--examples", "-1"], 2, "--examples"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(call: list[str], code: int, said: str) -> None:
    done = invoke(*call)
    assert done.code == code
    assert said in done.err.replace("\n", " ")


def test_a_reply_cannot_steer_the_terminal_or_become_markup(write: Write) -> None:
    evil = "\x1b[2J[red]x[/]|<b>`*_\x07\u202e"
    path = write("evil.jsonl", [{**row, "response": evil + "no " * 30} for row in TUNED])
    for options in ([], ["--markdown"], ["--json"]):
        done = invoke("diagnose", path, "--benchmark", "example", *options)
        assert done.code == 0
        assert not [raw for raw in ("\x1b", "\x07", "\u202e") if raw in done.out]
    assert "<b>" not in invoke("diagnose", path, "--benchmark", "example", "--markdown").out
    assert "[red]" in invoke("diagnose", path, "--benchmark", "example").out


def test_the_document_names_all_items_of_a_finding(tmp_path: Path) -> None:
    document = json.loads(invoke(*CALL, "--json", "--examples", "0").out)
    assert document["schema_version"] == 1
    for finding in document["findings"]:
        assert finding["examples"] == []
        assert finding["items"]
