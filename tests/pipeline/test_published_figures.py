"""The published responses of DeSTA2, scored through the real command line: every recorded verdict and figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.constraints import compile_from
from speech_ifeval.results import Summary
from tests.command_line import Done, invoke, run
from tests.shared_data import DESTA2, RELEASE, needs_release, rows

pytestmark = needs_release

RULE_REPORTS = ("rule_eval@closed_ended_questions.jsonl.jsonl", "rule_eval@creative_writing.jsonl.jsonl")
CAREFUL_FLIPS = {
    "detectable_format:title": {726, 729, 731, 736, 744},
    "startend:end_checker": {197},
    "length_constraints:number_sentences": {1208},
    "length_constraints:number_paragraphs": {1325},
}


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    folder = tmp_path_factory.mktemp("desta2") / "run"
    before = stamps()
    done = run("score", DESTA2, "--benchmark", RELEASE, "--json", "--output-dir", folder)
    assert stamps() == before  # the inputs are as they were
    return done, folder


def stamps() -> dict[str, tuple[int, int]]:
    paths = [path for root in (DESTA2, RELEASE) for path in root.rglob("*")]
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}


def test_the_published_figures(official: tuple[Done, Path]) -> None:
    done, folder = official
    assert (done.code, done.err) == (0, "")
    summary = json.loads(done.out)
    counts = {name: (rate["followed"], rate["n"]) for name, rate in summary["categories"].items()}
    assert counts == {"closed-ended": (781, 933), "creative-writing": (367, 400), "chain-of-thought": (183, 200)}
    assert round(summary["ifrate"]["value"], 2) == 88.99
    assert (summary["ifrate"]["n"], summary["ifrate"]["unscored"]) == (1533, 0)
    assert summary["ifrate"]["low"] < summary["ifrate"]["value"] < summary["ifrate"]["high"]
    assert summary == json.loads((folder / "summary.json").read_bytes())
    assert msgspec.json.decode(done.out, type=Summary).forgetting is None


def test_79_replies_lack_only_closing_brackets(official: tuple[Done, Path]) -> None:
    summary = json.loads(official[0].out)
    assert summary["near_misses"]["unclosed-json"] == 79
    assert summary["codes"]["JS"]["n"] - summary["codes"]["JS"]["followed"] == 89


def test_the_careful_reading_flips_what_it_should_and_nothing_else(
    official: tuple[Done, Path], tmp_path: Path
) -> None:
    def flipped(rows: list[dict[str, Any]]) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for row in rows:
            found.setdefault(row["constraint"], set()).add(int(row["item"].rpartition("/")[2]))
        return found

    other = json.loads(official[0].out)["other_rules"]
    assert (other["rules"], other["flips"]) == ("careful", 8)
    assert flipped(other["items"]) == CAREFUL_FLIPS
    done = run("score", official[1], "--benchmark", RELEASE, "--rules", "careful", "--json")
    careful = {
        (row["item"], row["constraint"]): row["followed"]
        for row in rows(next(official[1].glob("verdicts.careful.*l")))
    }
    changed = [
        row
        for row in rows(next(official[1].glob("verdicts.official.*l")))
        if careful[row["item"], row["constraint"]] != row["followed"]
    ]
    assert flipped(changed) == CAREFUL_FLIPS
    # Five of them passed and no longer do; the others are the other way round.
    assert [row["followed"] for row in changed].count(True) == 5
    assert "|rules:careful|" in json.loads(done.out)["signature"]


def recorded() -> list[dict[str, Any]]:
    return [row for name in RULE_REPORTS for row in rows(DESTA2 / "reports" / name)]


def test_every_recorded_rule_verdict_is_reproduced() -> None:
    differing = []
    for row in recorded():
        (id,), (kwargs,) = row["instruction_id_list"], row["kwargs"]
        followed = compile_from(id, kwargs, "official").check(row["response"])
        if [followed] != row["follow_instruction_list"]:
            differing.append((row.get("id"), id, followed))
    assert len(recorded()) == 1333
    assert differing == []


def test_two_runs_of_the_release_are_compared(official: tuple[Done, Path], tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in DESTA2.glob("*.jsonl"):
        kept = rows(path)
        if path.name == "closed_ended_questions.jsonl":
            kept[0]["response"] = kept[0]["response"].lower()
        (changed / path.name).write_text("".join(json.dumps(row) + "\n" for row in kept))
    invoke("score", changed, "--benchmark", RELEASE, "--judge", f"replay:{DESTA2 / 'reports'}", "--output-dir",
           tmp_path / "run", "--json")  # fmt: skip
    comparison = json.loads(
        invoke("compare", official[1], tmp_path / "run", "--scoring", "official", "--json").out
    )
    assert [flip["item"] for flip in comparison["flips"]] == ["closed-ended/0000"]
    assert (comparison["pairs"][0]["lost"], comparison["pairs"][0]["gained"]) == (1, 0)
    assert comparison["pairs"][0]["ifrate"]["value"] == pytest.approx(-100 / 933 / 3)
