"""A run that a language model judged: its replies are read again, also where what it was sent is withheld."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.judges.wording import token_in
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.submission.packing import submit
from speech_ifeval.submission.verifying import verify
from tests.models.serving import loopback
from tests.pipeline.scripted_judge import Case, scripted
from tests.submission.forging import members_of, rows_of, with_rows, write

pytestmark = pytest.mark.slow


def say(case: Case) -> str:
    if case.attempt == 1 and len(case.response) % 3 == 0:
        return "I cannot say."
    if case.about_transcript:
        return f"Result {case.token}: {json.dumps(' '.join(case.response.split()[:3]))}"
    return f"Hm.\nResult {case.token}: {'YES' if len(case.response) % 2 else 'NO'}"


@pytest.fixture(scope="module", params=["Apache-2.0", None], ids=["free", "withheld"])
def packed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    shutil.copytree(load_benchmark("example").root, folder / "mine", ignore=shutil.ignore_patterns("responses"))
    header = json.loads((folder / "mine/benchmark.json").read_bytes())
    (folder / "mine/benchmark.json").write_text(json.dumps({**header, "name": "mine", "licence": request.param}))
    with loopback(scripted(say)) as server:
        scoring = Scoring(
            judge="openai:scripted",
            judge_args={"base_url": server.url, "concurrency": 1},
            judge_cache=folder / "cache",
            judge_repeats=2,
        )
        score(
            [locate("example:tuned")], load_benchmark(folder / "mine"), output_dir=folder / "run", scoring=scoring
        )
    submit(folder / "run", benchmark=folder / "mine")
    return folder / "run.submission.zip"


def test_what_it_said_is_read_again(packed: Path) -> None:
    claims = {claim.name: claim for claim in verify(packed).claims}
    rows = rows_of(members_of(packed)["run/judgements.jsonl"])
    assert claims["judgements"].holds is True
    assert claims["judgements"].detail.startswith(f"{len(rows)} follow from what scripted.")
    assert claims["verdicts"].holds is True


def test_no_host_is_in_the_file(packed: Path) -> None:
    assert b"127.0.0.1" not in b"".join(members_of(packed).values())


def turned(found: list[dict[str, Any]]) -> None:
    row = next(row for row in found if row["judgement"].get("verdicts") == [True, True])
    row["judgement"]["verdict"] = False


def reworded(found: list[dict[str, Any]]) -> None:
    row = next(row for row in found if row["judgement"].get("verdicts") == [False, False])
    row["judgement"]["verdict"] = True
    row["judgement"]["verdicts"] = [True, True]


@pytest.mark.parametrize("change", [turned, reworded])
def test_a_verdict_that_it_did_not_give_is_refused(packed: Path, tmp_path: Path, change: Any) -> None:
    members = with_rows(members_of(packed), "run/judgements.jsonl", change)
    claims = {claim.name: claim for claim in verify(write(tmp_path / "forged.zip", members, mended=True)).claims}
    assert claims["judgements"].holds is False


def test_a_judge_that_was_sent_another_reply_is_refused(packed: Path, tmp_path: Path) -> None:
    rows = rows_of(members_of(packed)["run/judgements.jsonl"])
    if "messages" not in rows[0]["judgement"]:
        assert all(row["withheld"] and len(row["token"]) == 8 for row in rows)
        return

    def change(found: list[dict[str, Any]]) -> None:
        messages = found[0]["judgement"]["messages"]
        messages[1]["content"] = messages[1]["content"].replace("response", "respnse")

    members = with_rows(members_of(packed), "run/judgements.jsonl", change)
    claim = {claim.name: claim for claim in verify(write(tmp_path / "forged.zip", members, mended=True)).claims}
    assert claim["judgements"].contradictions[0].found == "another text"
    assert token_in([]) is None
