"""A true file holds; one thing changed in it does not, whether or not the hashes were mended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.errors import DataError, RefutedError, UsageError
from speech_ifeval.results import Claim, Verification
from speech_ifeval.submission import checking
from speech_ifeval.submission.verifying import verify
from tests.submission.forging import Members, members_of, with_document, with_rows, write

Change = Callable[[Members], Members]


def claims(found: Verification) -> dict[str, Claim]:
    return {claim.name: claim for claim in found.claims}


def refuted(found: Verification) -> set[str]:
    return {claim.name for claim in found.claims if claim.holds is False}


def rows(name: str, change: Callable[[list[dict[str, Any]]], Any]) -> Change:
    return lambda members: with_rows(members, name, change)


def document(name: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    return lambda members: with_document(members, name, change)


def turned(found: list[dict[str, Any]]) -> None:
    row = next(row for row in found if row["followed"] is False)
    row["followed"] = True
    row.pop("reason")
    row.pop("near_miss", None)


def judge_of(found: list[dict[str, Any]]) -> None:
    row = next(row for row in found if row["judgement"]["use"] == "reasoning")
    row["judgement"]["verdict"] = not row["judgement"]["verdict"]


def other_item(found: list[dict[str, Any]]) -> None:
    found[0]["id"] = "closed-ended/9999"


def doubled(found: list[dict[str, Any]]) -> None:
    found.append(found[-1])


def renamed(found: list[dict[str, Any]]) -> None:
    """Turn an item and its twin into others that this benchmark does not have."""
    names = {"closed-ended/0000": "foreign/0000", "closed-ended-plain/0000": "foreign-plain/0000"}
    for row in found:
        for field in ("id", "twin"):
            row[field] = names.get(row[field], row[field]) if field in row else None
            if row[field] is None:
                del row[field]


def fewer_bullets(found: list[dict[str, Any]]) -> None:
    row = next(row for row in found if "num_bullets" in str(row))
    row["constraints"][0]["kwargs"]["num_bullets"] += 1


# what is changed, the claims that this refutes though all hashes were mended, and what a contradiction says
CHANGES: dict[str, tuple[Change, set[str], str]] = {
    "a verdict": (rows("run/verdicts.jsonl", turned), {"verdicts"}, "false"),
    "a reason": (
        rows("run/verdicts.jsonl", lambda found: next(r for r in found if "reason" in r).update(reason="a whim")),
        {"verdicts"},
        "a whim",
    ),
    "a verdict of the reference": (
        rows("reference/verdicts.jsonl", turned),
        {"verdicts of the reference"},
        "false",
    ),
    "a verdict that is missing": (rows("run/verdicts.jsonl", lambda found: found.pop(3)), {"verdicts"}, "none"),
    "a verdict that is doubled": (rows("run/verdicts.jsonl", doubled), {"verdicts"}, "another"),
    "a response": (
        rows("run/responses.jsonl", lambda found: found[0].update(text="OTHER WORDS")),
        {"responses", "verdicts"},
        "",
    ),
    "a response that is missing": (
        rows("run/responses.jsonl", lambda found: found.pop(0)),
        {"responses"},
        "",
    ),
    "a response that is doubled": (rows("run/responses.jsonl", doubled), {"responses"}, "another"),
    "a response to another benchmark's item": (
        rows("run/responses.jsonl", other_item),
        {"responses"},
        "an item of example",
    ),
    "a judge's verdict": (rows("run/judgements.jsonl", judge_of), {"judgements"}, ""),
    "an item that is missing": (
        rows("items.jsonl", lambda found: found.pop(40)),
        {"items", "benchmark"},
        "",
    ),
    "an item that is doubled": (rows("items.jsonl", doubled), {"items"}, "another"),
    "items of another benchmark": (rows("items.jsonl", renamed), {"benchmark"}, "foreign/0000"),
    "a kwarg": (rows("items.jsonl", fewer_bullets), {"benchmark"}, ""),
    "an instruction": (
        rows("items.jsonl", lambda found: found[0].update(instruction="Say nothing.")),
        {"benchmark"},
        "",
    ),
    "IFrate": (
        document("summary.json", lambda found: found["ifrate"].update(value=found["ifrate"]["value"] + 0.01)),
        {"figures"},
        "ifrate.value",
    ),
    "an interval": (
        document("summary.json", lambda found: found["ifrate"].update(low=found["ifrate"]["low"] + 0.01)),
        {"figures"},
        "ifrate.low",
    ),
    "Δ": (
        document("summary.json", lambda found: found["forgetting"].update(value=-1.0)),
        {"figures"},
        "forgetting.value",
    ),
    "points": (
        document("summary.json", lambda found: found["points"].update(value=-1.0)),
        {"figures"},
        "points.value",
    ),
    "a count": (
        document("summary.json", lambda found: found["codes"]["JS"].update(followed=6)),
        {"figures"},
        "codes.JS.followed",
    ),
    "the signature": (
        document(
            "summary.json", lambda found: found.update(signature=found["signature"].replace("official", "careful"))
        ),
        {"signature"},
        "rules:official",
    ),
    "the reference's signature": (
        document("summary.json", lambda found: found["reference"].update(signature="none")),
        {"signature"},
        "reference",
    ),
    "the judge's name": (
        document("run/verdicts.manifest.json", lambda found: found.update(judge="replay-00000000")),
        {"judgements", "figures", "signature"},
        "replay-00000000",
    ),
    "the number of items": (
        document("run/verdicts.manifest.json", lambda found: found.update(items=9)),
        {"settings"},
        "66",
    ),
    "a verifier's version": (
        document("submission.json", lambda found: found["verifiers"].update({"startend:quotation": 7})),
        {"verifiers"},
        "version 7",
    ),
    "the rule set": (
        document("submission.json", lambda found: found["scoring"].update(rules="careful")),
        {"settings", "signature"},
        "careful",
    ),
    "the benchmark's fingerprint": (
        document("submission.json", lambda found: found["benchmark"].update(fingerprint="0" * 64)),
        {"benchmark", "settings"},
        "0" * 64,
    ),
}


def test_a_true_file_holds(packed: Path) -> None:
    found = verify(packed)
    assert found.holds
    assert {claim.holds for claim in found.claims} == {True}
    found.require()


@pytest.mark.parametrize("what", CHANGES)
def test_one_thing_changed_and_all_hashes_mended_is_refused(packed: Path, tmp_path: Path, what: str) -> None:
    change, expected, said = CHANGES[what]
    found = verify(write(tmp_path / "forged.zip", change(members_of(packed)), mended=True))
    assert expected <= refuted(found), found.claims
    assert "files" not in refuted(found)
    shown = [
        part
        for claim in found.claims
        for one in claim.contradictions
        for part in (one.item, one.expected, one.found)
    ]
    assert any(said in part for part in shown), shown
    with pytest.raises(RefutedError, match=r"forged\.zip does not hold: "):
        found.require()


@pytest.mark.parametrize(
    "what", [what for what in CHANGES if "summary" not in what and "submission" not in what][:6]
)
def test_without_mended_hashes_the_member_is_named_too(packed: Path, tmp_path: Path, what: str) -> None:
    change, expected, _ = CHANGES[what]
    found = verify(write(tmp_path / "changed.zip", change(members_of(packed)), mended=False))
    assert refuted(found) >= expected | {"files"}
    assert claims(found)["files"].contradictions[0].item.endswith((".jsonl", ".json"))


def test_what_was_written_back_unchanged_holds(packed: Path, tmp_path: Path) -> None:
    """The changes above are refused for what they change, not for how they are written."""
    members = members_of(packed)
    for name in members:
        members = (with_rows if name.endswith(".jsonl") else with_document)(members, name, lambda found: None)
    path = write(tmp_path / "same.zip", members, mended=True)
    assert path.read_bytes() == packed.read_bytes()


def test_of_many_contradictions_twenty_are_kept_and_all_are_counted(packed: Path, tmp_path: Path) -> None:
    def all_of_them(found: list[dict[str, Any]]) -> None:
        for row in found:
            row["dataset"] = "other"

    members = with_rows(members_of(packed), "run/verdicts.jsonl", all_of_them)
    claim = claims(verify(write(tmp_path / "forged.zip", members, mended=True)))["verdicts"]
    assert (claim.count, len(claim.contradictions)) == (66, 20)


def test_an_unlisted_and_a_missing_member_are_named(packed: Path, tmp_path: Path) -> None:
    members = with_document(
        members_of(packed), "submission.json", lambda found: found["members"].pop("run/judgements.jsonl")
    )
    del members["reference/judgements.jsonl"]
    claim = claims(verify(write(tmp_path / "forged.zip", members, mended=False)))["files"]
    assert {one.item: one.found for one in claim.contradictions} == {
        "run/judgements.jsonl": "there",
        "reference/judgements.jsonl": "missing",
    }


def test_without_its_judgements_a_run_is_refused(packed: Path, tmp_path: Path) -> None:
    members = members_of(packed)
    del members["run/judgements.jsonl"]
    assert "verdicts" in refuted(verify(write(tmp_path / "forged.zip", members, mended=True)))


def test_a_verdict_of_a_judge_without_its_words_is_not_taken_on_trust(packed: Path, tmp_path: Path) -> None:
    def silenced(found: list[dict[str, Any]]) -> None:
        found[0]["judgement"]["judge_reply"] = None

    members = with_rows(members_of(packed), "run/judgements.jsonl", silenced)
    claim = claims(verify(write(tmp_path / "forged.zip", members, mended=True)))["judgements"]
    assert "1 not checked: nothing tells how they came about" in claim.detail
    assert claim.holds is False  # it is named by its words, too


def test_another_version_of_a_verifier_is_named(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = checking.verifier_versions
    monkeypatch.setattr(
        checking,
        "verifier_versions",
        lambda items, rules: {**asked(items, rules), "detectable_format:json_format": 2},
    )
    claim = claims(verify(packed))["verifiers"]
    assert claim.holds is False
    assert [(one.item, one.expected, one.found) for one in claim.contradictions] == [
        ("detectable_format:json_format", "version 1", "version 2")
    ]


def test_a_benchmark_that_it_does_not_answer_is_said(packed: Path) -> None:
    found = verify(packed, benchmark="bundled")
    assert "benchmark" in refuted(found)
    assert claims(found)["benchmark"].contradictions[0].item == "fingerprint"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            document("submission.json", lambda found: found.update(submission_version=2)),
            "submission_version 1, found 2",
        ),
        (document("submission.json", lambda found: found["scoring"].update(rules="mine")), "nobody can make"),
        (document("submission.json", lambda found: found.update(surprise=1)), '"surprise" is not known'),
        (document("summary.json", lambda found: found.pop("ifrate")), '"ifrate" is missing'),
        (rows("items.jsonl", lambda found: found[0]["constraints"][0].update(id="no:such")), "no:such"),
        (rows("items.jsonl", lambda found: found[0].update(clip="../../etc/passwd")), "inside the audio folder"),
        (rows("items.jsonl", lambda found: found[0].update(category="other")), "is none"),
        (rows("items.jsonl", lambda found: found[0].update(withheld={"label": "0" * 64})), "cannot be withheld"),
        (rows("run/verdicts.jsonl", lambda found: found[0].update(followed="yes")), '"followed" must be'),
    ],
)
def test_what_is_no_submission_is_said_with_its_place(
    packed: Path, tmp_path: Path, change: Change, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        verify(write(tmp_path / "other.zip", change(members_of(packed)), mended=True))


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no submission at"):
        verify(tmp_path / "nothing.zip")
