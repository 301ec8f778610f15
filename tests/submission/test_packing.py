"""What is in the file, and what is not: places, keys, and texts that may not be passed on."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.errors import MismatchError, OutputError, UsageError
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.runs import write_document
from speech_ifeval.submission.contents import text_hash
from speech_ifeval.submission.packing import submit
from speech_ifeval.submission.verifying import verify
from tests.command_line import invoke
from tests.shared_data import DESTA2, RELEASE, needs_release
from tests.submission.conftest import MARKER
from tests.submission.forging import members_of, rows_of, with_rows, write


def test_the_same_run_gives_the_same_bytes(run: Path, packed: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "elsewhere")
    again = submit(tmp_path / "elsewhere", tmp_path / "again.zip")
    assert Path(again.file).read_bytes() == packed.read_bytes()


def test_the_members_stand_in_one_order(packed: Path) -> None:
    parts = ("responses.jsonl", "responses.manifest.json", "verdicts.jsonl", "verdicts.manifest.json")
    sides = [f"{side}/{name}" for side in ("run", "reference") for name in (*parts, "judgements.jsonl")]
    assert list(members_of(packed)) == ["submission.json", "items.jsonl", "summary.json", *sides]


def test_no_place_on_the_machine_is_told(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever names the folder, the host or a key in a run is not in the file."""
    monkeypatch.setattr(socket, "gethostname", lambda: "gpu-node-7")
    folder = tmp_path / MARKER / "run"
    shutil.copytree(run, folder)
    named = json.dumps(f"hf:{folder}/model")
    for path in folder.glob("*.json"):
        path.write_text(path.read_text().replace('"name": "tuned"', f'"name": {named}'))
    manifest = folder / "responses.manifest.json"
    said = json.loads(manifest.read_bytes())
    said |= {
        "model": {"path": str(folder / "model"), "base_url": f"http://{MARKER}:8000/v1", "api_key": MARKER},
        "recorded": {"note": f"loaded from '{folder}/a b/c.bin' on {socket.gethostname()}", "user": MARKER},
    }
    write_document(manifest, said)
    content = b"\n".join(members_of(Path(submit(folder).file)).values()).decode()
    for secret in (MARKER, str(tmp_path), str(Path.home()), "gpu-node-7"):
        assert secret not in content
    assert json.loads(members_of(folder.with_name("run.submission.zip"))["run/responses.manifest.json"])[
        "name"
    ] == ("hf:model")


def test_an_error_that_names_a_place_is_cleaned_everywhere_and_still_verified(tmp_path: Path) -> None:
    files = sorted(locate("example:tuned").glob("*.jsonl"))
    said = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    broken = f"no file '/data/{MARKER}/x y.wav' at http://{MARKER}.local:1/v1"
    said[0] = {"id": said[0]["id"], "response": None, "error": broken}
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, said)))
    scoring = Scoring(judge="none")
    score([tmp_path / "mine.jsonl"], load_benchmark("example"), output_dir=tmp_path / "run", scoring=scoring)
    done = submit(tmp_path / "run", benchmark="example")
    members = members_of(Path(done.file))
    assert done.changed > 0
    assert MARKER.encode() not in b"".join(members.values())
    reasons = {row.get("reason") for row in rows_of(members["run/verdicts.jsonl"])}
    assert "no response: no file 'x y.wav' at http://…" in reasons
    assert verify(done.file).holds


@pytest.mark.parametrize(
    "scoring",
    [
        Scoring(rules="careful"),
        Scoring(rules="ifeval", loose=True),
        Scoring(missing="fail", judge="none"),
        Scoring(limit=3, judge="heuristic", task_level=False),
        Scoring(judge="heuristic", seed=7),
    ],
    ids=["careful", "loose", "no judge", "limit", "heuristic"],
)
def test_every_way_of_scoring_is_packed_and_holds(tmp_path: Path, scoring: Scoring) -> None:
    score([locate("example:tuned")], load_benchmark("example"), output_dir=tmp_path / "run", scoring=scoring)
    found = verify(submit(tmp_path / "run").file)
    assert [claim.name for claim in found.claims if claim.holds is not True] == []


def test_each_of_several_scorings_is_packed_by_its_name(tmp_path: Path) -> None:
    """One run directory, scored three ways: the one that is named is packed, and no other verdict passes."""
    run = tmp_path / "run"
    ways = [Scoring(), Scoring(rules="careful"), Scoring(rules="careful", judge="heuristic")]
    for scoring in ways:
        score([locate("example:tuned")], load_benchmark("example"), output_dir=run, scoring=scoring)
    asked = invoke("submit", run, "--scoring", "careful")
    assert asked.code == 2  # two are of this rule set: both are named
    assert all(f"careful.{judge}" in asked.err for judge in ("replay-", "heuristic-"))
    signatures = set()
    for name, rules in (
        ("official", "official"),
        ("careful.heuristic*", "careful"),
        ("careful.replay*", "careful"),
    ):
        done = invoke("submit", run, "--scoring", name, "-o", tmp_path / "one.zip", "--json")
        assert done.code == 0, done.err
        assert f"|rules:{rules}|" in json.loads(done.out)["signature"]
        signatures.add(json.loads(done.out)["signature"])
        assert invoke("verify", tmp_path / "one.zip").code == 0
        members = members_of(tmp_path / "one.zip")
        for member in ("run/verdicts.jsonl", "run/judgements.jsonl"):
            forged = write(tmp_path / "forged.zip", with_rows(members, member, turn_one), mended=True)
            assert invoke("verify", forged).code == 8, (name, member)
    assert len(signatures) == 3


def turn_one(found: list[dict[str, Any]]) -> None:
    """Turn one verdict round, of rules or of a judge."""
    row = next(
        one
        for row in found
        for one in (row, row.get("judgement", {}))
        if one.get("followed", one.get("verdict")) is False
    )
    field = "followed" if "followed" in row else "verdict"
    row[field] = True
    row.pop("near_miss", None)
    if field == "followed":
        row.pop("reason", None)


def test_texts_without_a_known_licence_are_hashes(run: Path, tmp_path: Path) -> None:
    """The same benchmark, whose licence nobody states: what was said and asked is not in the file."""
    folder = tmp_path / "unlicensed"
    shutil.copytree(load_benchmark("example").root, folder, ignore=shutil.ignore_patterns("responses"))
    header = json.loads((folder / "benchmark.json").read_bytes())
    del header["licence"]
    (folder / "benchmark.json").write_text(json.dumps({**header, "name": "unlicensed"}))
    benchmark = load_benchmark(folder)
    score([locate("example:tuned")], benchmark, output_dir=tmp_path / "run", scoring=Scoring(judge="heuristic"))
    packed = submit(tmp_path / "run", benchmark=benchmark)
    members = members_of(Path(packed.file))
    items = {row["id"]: row for row in rows_of(members["items.jsonl"])}
    first = benchmark.items[0]
    assert packed.withheld == sum(3 - (item.label is None) for item in benchmark)
    assert items[first.id]["withheld"]["instruction"] == text_hash(first.instruction)
    everything = b"".join(content for name, content in members.items() if "responses" not in name).decode()
    for item in benchmark:
        assert item.instruction not in everything
        assert item.transcript is not None
        assert item.transcript not in everything
    alone = {claim.name: claim.holds for claim in verify(packed.file).claims}
    assert [name for name, holds in alone.items() if holds is None] == ["benchmark", "judgements", "task level"]
    assert {True, None} == set(alone.values())
    beside = verify(packed.file, benchmark=benchmark)
    assert {claim.holds for claim in beside.claims} == {True}


def test_what_cannot_be_packed_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a run directory"):
        submit(tmp_path)
    with pytest.raises(MismatchError, match="was scored on 'example-"):
        submit(run, benchmark="bundled")
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"mine\.txt is there and no submission"):
        submit(run, tmp_path / "mine.txt")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    with pytest.raises(OutputError, match="is a folder"):
        submit(run, tmp_path)


def test_a_reference_that_lies_elsewhere_is_named(tmp_path: Path) -> None:
    example = load_benchmark("example")
    score([locate("example:reference")], example, output_dir=tmp_path / "theirs")
    score([locate("example:tuned")], example, output_dir=tmp_path / "mine", reference=[tmp_path / "theirs"])
    with pytest.raises(UsageError, match="name its run directory with --reference"):
        submit(tmp_path / "mine")
    packed = submit(tmp_path / "mine", reference=tmp_path / "theirs")
    assert packed.with_reference
    assert verify(packed.file).holds


def test_a_run_that_was_changed_since_it_was_scored_is_not_packed(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    path = folder / "verdicts.official.replay-0ae5014d.jsonl"
    content = path.read_text()
    path.write_text(content.replace('"followed":false', '"followed":true', 1))
    with pytest.raises(MismatchError, match=r"would not be verified \(verdicts: .*score it again"):
        submit(folder)
    path.write_text(content)
    path = folder / "responses.jsonl"
    path.write_text(path.read_text().replace('"text":"', '"text":"And ', 1))
    with pytest.raises(MismatchError, match="responses have changed"):
        submit(folder)
    assert not folder.with_name("run.submission.zip").exists()


def test_the_commands_say_what_they_did(run: Path, tmp_path: Path) -> None:
    done = invoke("submit", run, "-o", tmp_path / "a.zip")
    assert (done.code, done.err) == (0, "")
    assert "Packed tuned and its reference into" in done.out
    found = invoke("verify", tmp_path / "a.zip")
    assert found.code == 0
    assert "It holds: 14 of 14 claims." in found.out
    assert "Not shown: that a model wrote the responses" in found.out
    shown = json.loads(invoke("verify", tmp_path / "a.zip", "--json").out)
    assert (shown["holds"], shown["file"]) == (True, "a.zip")


@needs_release
@pytest.mark.slow
def test_the_recorded_responses_are_packed_without_the_releases_texts(tmp_path: Path) -> None:
    benchmark = load_benchmark(RELEASE)
    score([DESTA2], benchmark, output_dir=tmp_path / "desta2")
    packed = submit(tmp_path / "desta2", benchmark=benchmark)
    members = members_of(Path(packed.file))
    everything = members["items.jsonl"].decode() + members["run/judgements.jsonl"].decode()
    assert not [item.id for item in benchmark if json.dumps(item.instruction)[1:-1] in everything]
    alone = {claim.name: claim for claim in verify(packed.file).claims}
    assert alone["benchmark"].detail.endswith("are those of the published release official")
    assert [name for name, claim in alone.items() if claim.holds is not True] == ["task level"]
    whole = verify(packed.file, benchmark=benchmark)
    assert {claim.holds for claim in whole.claims} == {True}
    assert whole.signature == packed.signature
