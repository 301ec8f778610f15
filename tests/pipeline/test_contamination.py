"""A run of a model that was trained on what it is asked is marked: in its signature, wherever that is shown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.analysis.citation.citing import cite
from speech_ifeval.analysis.ranking import leaderboard
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.training_record import (
    TrainedConstraint,
    TrainedIds,
    TrainingRecord,
    write_training_record,
)
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.integrations.reward_data import prompts_of, split_prompts
from speech_ifeval.job import evaluate
from speech_ifeval.merged_runs import merge
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.comparing import compare, load_scored
from speech_ifeval.pipeline.contamination import TRAINING_FILE
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.report.leaderboard_html import leaderboard_html
from speech_ifeval.report.leaderboard_tables import leaderboard_markdown
from speech_ifeval.report.markdown import summary_markdown
from speech_ifeval.results import Contamination, Summary
from speech_ifeval.submission.packing import submit
from speech_ifeval.submission.reading import read_submission
from speech_ifeval.submission.verifying import verify
from tests.command_line import invoke
from tests.submission.forging import members_of, with_document, write

EXAMPLE = load_benchmark("example")
SPLIT = split_prompts(prompts_of(EXAMPLE), ids=0.5, wordings=0.5, seed=1)
RECORD = SPLIT.record
OTHER = split_prompts(prompts_of(EXAMPLE), ids=0.5, wordings=0.5, seed=2).record
DIGEST = RECORD.digest
CONTAMINATED = [item for item in EXAMPLE.items if any(one.id in RECORD.ids for one in item.constraints)]
MARK = f"|contaminated:{len(CONTAMINATED)}/66-{RECORD.digest}|"


def make(folder: Path, record: TrainingRecord | None = None, side: str = "tuned", **options: Any) -> Summary:
    scoring = Scoring(trained_on=record)
    return score([locate(f"example:{side}")], EXAMPLE, output_dir=folder, scoring=scoring, **options)[0]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    reference = [locate("example:reference")]
    make(folder / "marked", RECORD, reference=reference)
    make(folder / "plain", reference=reference)
    make(folder / "better", side="reference")
    return folder


def summary_of(run: Path) -> Summary:
    return msgspec.json.decode((run / "summary.json").read_bytes(), type=Summary)


def test_the_signature_says_how_much_was_trained_on(runs: Path) -> None:
    marked, plain = summary_of(runs / "marked"), summary_of(runs / "plain")
    assert MARK in marked.signature
    assert marked.signature.replace(MARK, "|") == plain.signature
    assert "contaminated" not in plain.signature
    assert plain.contamination is None
    assert marked.reference is not None
    assert "contaminated" not in marked.reference.signature  # the reference was not trained
    assert load_scored(runs / "marked").signature() == marked.signature


def test_figures_with_and_without(runs: Path) -> None:
    """What is counted by part, counted here item by item."""
    found = summary_of(runs / "marked").contamination
    assert found is not None
    verdicts = {one.item: one.followed for one in load_scored(runs / "marked").verdicts}
    trained_items = {prompt.item for prompt in SPLIT.train}
    parts: dict[str, list[bool]] = {"wording": [], "id": [], "none": []}
    for item in EXAMPLE.items:
        if item.constraints:
            same_id = any(one.id in RECORD.ids for one in item.constraints)
            part = "wording" if item.id in trained_items else "id" if same_id else "none"
            followed = verdicts[item.id]
            assert followed is not None
            parts[part].append(followed)
    assert {part: (rate.followed, rate.n) for part, rate in found.rates.items()} == {
        part: (sum(rows), len(rows)) for part, rows in parts.items() if rows
    }
    assert len(found.rates) == 3  # or the test would not see the difference
    assert (found.items, found.contaminated, found.record) == (66, len(CONTAMINATED), RECORD.digest)


def test_it_is_seen_wherever_the_signature_is(runs: Path, tmp_path: Path) -> None:
    """Terminal, Markdown, citation, leaderboard as a table and as a page."""
    told = f"Contaminated: {len(CONTAMINATED)} of 66 items demand what the model was trained on (record {DIGEST}"
    summary = summary_of(runs / "marked")
    printed = invoke("score", runs / "marked", "--benchmark", "example")
    assert told in " ".join(printed.out.split())
    assert MARK in printed.out.replace("\n", "")
    assert told in summary_markdown(summary)
    assert MARK in summary_markdown(summary)
    assert any("The run is contaminated" in one.text for one in cite(runs / "marked").methods)
    board = leaderboard([runs / "marked", runs / "plain", runs / "better"], published=False)
    for shown in (leaderboard_markdown(board), leaderboard_html(board)):
        assert MARK in shown.replace("\\", "")
        assert "items trained on none known there" in shown


def test_a_whole_run_shows_it_on_its_page_too(tmp_path: Path) -> None:
    run = evaluate("replay:example:tuned", output_dir=tmp_path / "run", scoring=Scoring(trained_on=RECORD))
    assert run.report is not None
    assert run.report_html is not None
    told = f"Contaminated: {len(CONTAMINATED)} of 66 items demand what the model was trained on"
    assert told in run.report.read_text("utf-8")
    page = run.report_html.read_text("utf-8")
    assert page.count(told) == 2  # on the card, and among what stands in words
    assert MARK in page


def test_shards_bring_the_mark_to_the_run_that_they_become(tmp_path: Path) -> None:
    scoring = Scoring(trained_on=RECORD)
    for shard in ("1/2", "2/2"):
        evaluate("replay:example:tuned", output_dir=tmp_path / "run", shard=shard, scoring=scoring)
    assert MARK in merge(tmp_path / "run").summary.signature


def test_a_leaderboard_ranks_it_apart(runs: Path, tmp_path: Path) -> None:
    make(tmp_path / "otherwise", OTHER)
    make(tmp_path / "clean", TrainingRecord((TrainedConstraint("punctuation:no_comma"),)))
    paths = [runs / "marked", runs / "plain", runs / "better", tmp_path / "otherwise", tmp_path / "clean"]
    board = leaderboard(paths, published=False)
    assert [len(group.ranked) for group in board.groups] == [3, 1, 1]
    assert [[one.key for one in group.apart] for group in board.groups] == [[], ["contaminated"], ["contaminated"]]
    assert board.groups[0].settings["contaminated"] == "none known"
    (apart,) = (group for group in board.groups if RECORD.digest in group.settings["contaminated"])
    assert apart.comparison is not None
    assert apart.comparison.runs[0].forgetting is not None  # its reference is one all the same


def test_comparing_says_so(runs: Path) -> None:
    found = compare([runs / "marked", runs / "plain"])
    assert found.notes[0] == (
        f"marked is contaminated: {len(CONTAMINATED)} of 66 items demand what the model was trained on "
        f"(record {RECORD.digest})"
    )


def test_a_record_sticks_to_its_run(tmp_path: Path) -> None:
    """Scored again without it, with other rules, or into another folder, the run is still marked."""
    marked = make(tmp_path / "run", RECORD)
    assert make(tmp_path / "run").signature == marked.signature
    assert invoke("score", tmp_path / "run", "--benchmark", "example", "--rules", "careful").code == 0
    assert MARK in summary_of(tmp_path / "run").signature
    again, _ = score([tmp_path / "run"], EXAMPLE, output_dir=tmp_path / "elsewhere")
    assert MARK in again.signature
    assert (tmp_path / "elsewhere" / TRAINING_FILE).is_file()


def test_a_run_that_was_scored_before_is_marked_when_it_is_known(tmp_path: Path) -> None:
    plain = make(tmp_path / "run")
    marked = make(tmp_path / "run", RECORD)
    assert MARK in marked.signature
    assert marked.categories == plain.categories
    both = make(tmp_path / "run", OTHER)
    assert both.contamination is not None
    assert both.contamination.record not in (RECORD.digest, OTHER.digest)
    assert both.contamination.contaminated >= len(CONTAMINATED)
    sticking = json.loads((tmp_path / "run" / TRAINING_FILE).read_text())
    assert {one["id"] for one in sticking["constraints"]} == RECORD.ids | OTHER.ids


def test_a_record_of_other_constraints_says_that_nothing_was_trained_on(tmp_path: Path) -> None:
    record = TrainingRecord((TrainedConstraint("punctuation:no_comma"),))
    summary = make(tmp_path / "run", record)
    assert f"|contaminated:0/66-{record.digest}|" in summary.signature
    assert f"Not contaminated: none of 66 items demands what record {record.digest}" in summary_markdown(summary)


def test_the_command_line_takes_records(tmp_path: Path) -> None:
    write_training_record(tmp_path / "one.json", RECORD)
    write_training_record(tmp_path / "two.json", OTHER)
    run = tmp_path / "run"
    done = invoke("score", "example:tuned", "--trained-on", tmp_path / "one.json", "--output-dir", run)
    assert done.code == 0
    assert MARK in summary_of(run).signature
    done = invoke(
        *("run", "--model", "replay:example:tuned", "--output-dir", tmp_path / "whole", "--yes"),
        *("--trained-on", tmp_path / "one.json", "--trained-on", tmp_path / "two.json"),
    )
    assert done.code == 0
    assert re.search(r"\|contaminated:[1-9]\d*/66-", summary_of(tmp_path / "whole").signature)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [(None, 2, "no training record at"), ("{", 3, "record.json:1: expected a JSON"), ("{}", 3, "is missing")],
)
def test_what_is_no_record_is_refused(content: str | None, code: int, said: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "record.json").write_text(content)
    args = ("score", "example:tuned", "--trained-on", tmp_path / "record.json", "--output-dir", tmp_path / "run")
    done = invoke(*args)
    assert done.code == code
    assert said in " ".join(done.err.split())
    assert not (tmp_path / "run").exists()


def test_a_kept_record_that_was_broken_is_named(tmp_path: Path) -> None:
    make(tmp_path / "run", RECORD)
    (tmp_path / "run" / TRAINING_FILE).write_text("{")
    with pytest.raises(DataError, match=f"{TRAINING_FILE}:1"):
        make(tmp_path / "run")
    with pytest.raises(UsageError, match="the whole training record"):
        score([locate("example:tuned")], EXAMPLE, output_dir=tmp_path / "other",
              scoring=Scoring(trained_on=TrainedIds("0" * 8, ())))  # fmt: skip


def test_a_submission_keeps_the_mark_and_is_verified(runs: Path, tmp_path: Path) -> None:
    packed = Path(submit(runs / "marked", tmp_path / "marked.zip").file)
    found = verify(packed)
    assert found.holds
    assert MARK in found.signature
    (claim,) = (claim for claim in found.claims if claim.name == "contamination")
    assert claim.holds
    read = read_submission(packed)
    assert read.run.scored["trained_on"] == {"record": RECORD.digest, "ids": sorted(RECORD.ids)}
    assert TRAINING_FILE not in "".join(members_of(packed))  # whose training data it is, is nobody's business
    plain = verify(submit(runs / "plain", tmp_path / "plain.zip").file)
    assert "contamination" not in {claim.name for claim in plain.claims}


def _less(summary: dict[str, Any]) -> None:
    summary["contamination"]["contaminated"] = 1


def _forgotten(summary: dict[str, Any]) -> None:
    summary["contamination"] = None


def _washed(summary: dict[str, Any]) -> None:
    summary["signature"] = summary["signature"].replace(MARK, "|")


def _fewer_ids(scored: dict[str, Any]) -> None:
    scored["trained_on"]["ids"] = scored["trained_on"]["ids"][:1]


def _unmarked(scored: dict[str, Any]) -> None:
    del scored["trained_on"]


@pytest.mark.parametrize(
    ("member", "change", "claims"),
    [
        ("summary.json", _less, {"contamination"}),
        ("summary.json", _forgotten, {"contamination"}),
        ("summary.json", _washed, {"signature"}),
        ("run/verdicts.manifest.json", _fewer_ids, {"contamination", "settings", "figures", "signature"}),
        ("run/verdicts.manifest.json", _unmarked, {"contamination", "settings", "figures", "signature"}),
    ],
)
def test_a_submission_that_plays_it_down_is_refuted(
    member: str, change: Callable[[dict[str, Any]], None], claims: set[str], runs: Path, tmp_path: Path
) -> None:
    packed = Path(submit(runs / "marked", tmp_path / "marked.zip").file)
    forged = write(tmp_path / "forged.zip", with_document(members_of(packed), member, change), mended=True)
    found = verify(forged)
    assert not found.holds
    assert {claim.name for claim in found.claims if claim.holds is False} == claims


def test_a_claim_that_is_no_claim_is_an_error(runs: Path, tmp_path: Path) -> None:
    packed = Path(submit(runs / "marked", tmp_path / "marked.zip").file)

    def odd(scored: dict[str, Any]) -> None:
        scored["trained_on"] = {"record": 3}

    members = with_document(members_of(packed), "run/verdicts.manifest.json", odd)
    with pytest.raises(DataError, match="trained_on is not what a scoring writes"):
        verify(write(tmp_path / "forged.zip", members, mended=True))


def test_older_summaries_are_read(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "plain", tmp_path / "old")
    for path in (tmp_path / "old").glob("summary*.json"):
        content = json.loads(path.read_text())
        del content["contamination"]
        path.write_text(json.dumps(content))
    assert load_scored(tmp_path / "old").contamination is None
    assert Contamination("0", 1, 0, {}).rates == {}
