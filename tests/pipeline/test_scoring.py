from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.errors import DataError, MismatchError, OutputError, SpeechIFEvalError, UsageError
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.records import Verdict
from speech_ifeval.results import Summary
from tests.pipeline.conftest import ANSWERS, judge_rows, released, write_rows

Answers = Callable[..., Path]
FIRST, SECOND = "chain-of-thought/0000", "chain-of-thought/0001"


def verdicts(run: Path, scoring: str = "official.none") -> dict[str, Verdict]:
    lines = (run / f"verdicts.{scoring}.jsonl").read_bytes().splitlines()
    decoded = [msgspec.json.decode(line, type=Verdict) for line in lines]
    assert [verdict.index for verdict in decoded] == [0] * len(decoded)
    return {verdict.item: verdict for verdict in decoded}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_verdicts_and_summary_are_written_into_the_run_directory(
    small: Benchmark, answers: Answers, tmp_path: Path
) -> None:
    summary, run = score([answers()], small, output_dir=tmp_path / "run")
    assert run == tmp_path / "run"
    assert sorted(contents(run)) == [
        "responses.jsonl",
        "responses.manifest.json",
        "summary.json",
        "summary.official.none.json",
        "verdicts.official.none.jsonl",
        "verdicts.official.none.manifest.json",
    ]
    assert {id: verdict.followed for id, verdict in verdicts(run).items()} == {
        "closed-ended/0000": True,
        "closed-ended/0001": False,
        "closed-ended/0002": False,
        "closed-ended/0003": True,
        "creative-writing/0004": True,
        "creative-writing/0005": False,
        FIRST: None,
        SECOND: None,
    }
    assert verdicts(run)["closed-ended/0002"].near_miss == "unclosed-json"
    assert msgspec.json.decode((run / "summary.json").read_bytes(), type=Summary) == summary


def test_the_default_folder_is_named_after_the_responses(
    small: Benchmark, answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert score([answers(name="qwen.jsonl")], small)[1] == Path("runs/qwen")
    assert (tmp_path / "work" / "runs" / "qwen" / "summary.json").is_file()


def test_without_a_judge_chain_of_thought_is_unscored_and_said(
    small: Benchmark, answers: Answers, tmp_path: Path
) -> None:
    summary, run = score([answers()], small, output_dir=tmp_path / "run")
    assert summary.categories["chain-of-thought"].n == 0
    assert summary.categories["chain-of-thought"].unscored == 2
    assert summary.ifrate.value is None
    assert summary.ifrate.why == "no scored item in chain-of-thought"
    assert summary.unscored == {"not judged: no judge, and no recorded reply of one": 2}
    assert any(note.startswith("chain of thought is unscored: it takes a judge") for note in summary.notes)
    assert "|judge:none|" in summary.signature
    assert summary.signature.split("|unscored:")[1].startswith("2|")
    assert verdicts(run)[FIRST].rules == "judge"


def test_recorded_judge_replies_are_replayed_and_named(small: Benchmark, tmp_path: Path) -> None:
    folder = released(tmp_path / "model", small)
    write_rows(folder / "reports" / "x.jsonl", judge_rows({FIRST: "Result: YES", SECOND: "Result: NO"}))
    before = contents(folder)
    summary, run = score([folder], small, output_dir=tmp_path / "run")
    judge = summary.settings["judge"]
    assert judge.startswith("replay-")
    assert f"|judge:{judge}|" in summary.signature
    assert (summary.categories["chain-of-thought"].followed, summary.categories["chain-of-thought"].n) == (1, 2)
    assert summary.ifrate.value == pytest.approx(50)
    assert verdicts(run, f"official.{judge}")[SECOND].reason == "the judge says no"
    assert contents(folder) == before  # the input is never written to
    # The run directory alone is enough from here on.
    again, same = score([run], small)
    assert (again, same) == (summary, run)


def test_stale_and_unreadable_judge_replies_are_unscored(
    small: Benchmark, answers: Answers, tmp_path: Path
) -> None:
    replies = write_rows(
        tmp_path / "r.jsonl",
        judge_rows({FIRST: "Result: YES", SECOND: "Perhaps."}, {FIRST: "What another model said."}),
    )
    scoring = Scoring(judge=f"replay:{replies}")
    summary, _ = score([answers()], small, output_dir=tmp_path / "run", scoring=scoring)
    assert summary.unscored == {
        "the recorded judge reply is about another response": 1,
        "the judge's reply does not end with Result: YES or NO": 1,
    }
    assert summary.categories["chain-of-thought"].n == 0


def test_missing_and_failed_responses_are_unscored_or_fail(
    small: Benchmark, answers: Answers, tmp_path: Path
) -> None:
    path = answers({"closed-ended/0000": ..., "creative-writing/0004": None})
    summary, run = score([path], small, output_dir=tmp_path / "run")
    assert {id: v.reason for id, v in verdicts(run).items() if v.followed is None and v.code != "CoT"} == {
        "closed-ended/0000": "no response",
        "creative-writing/0004": "no response: the response is null",
    }
    assert (summary.codes["CC"].n, summary.codes["CC"].unscored) == (1, 1)
    assert (summary.replies["missing"], summary.replies["failed"]) == (1, 1)
    failing, _ = score([path], small, output_dir=run, scoring=Scoring(missing="fail"))
    assert (failing.codes["CC"].followed, failing.codes["CC"].n, failing.codes["CC"].unscored) == (0, 2, 0)
    assert "|missing:fail|" in failing.signature
    assert verdicts(run, "official.none.missing-fail")["closed-ended/0000"].reason == "no response"


@pytest.mark.parametrize(
    ("reply", "followed"),
    [
        ("<think>Capitals, they say.</think>\n\nYES", True),
        ("They say capitals.</think>YES", True),
        ("<think>NEVER ENDS", False),
        ("YES <think>no</think>", False),
        ("<think></think>", False),
    ],
)
def test_thoughts_are_split_off_and_the_raw_reply_kept(
    small: Benchmark, answers: Answers, tmp_path: Path, reply: str, followed: bool
) -> None:
    summary, run = score([answers({"closed-ended/0000": reply})], small, output_dir=tmp_path / "run")
    assert verdicts(run)["closed-ended/0000"].followed is followed
    kept = [json.loads(line) for line in (run / "responses.jsonl").read_text("utf-8").splitlines()]
    assert {"id": "closed-ended/0000", "text": reply} in kept
    assert summary.replies["unclosed_thoughts"] == (reply == "<think>NEVER ENDS")
    assert summary.replies["with_thoughts"] == (not reply.startswith("YES"))


SCORINGS = {
    "official.none": Scoring(),
    "careful.none": Scoring(rules="careful"),
    "ifeval.none": Scoring(rules="ifeval"),
    "official.none.loose": Scoring(loose=True),
    "official.none.missing-fail": Scoring(missing="fail"),
    "official.none.limit-1": Scoring(limit=1),
    "careful.none.loose.missing-fail.limit-2": Scoring(rules="careful", loose=True, missing="fail", limit=2),
}


def test_scoring_otherwise_stands_beside(small: Benchmark, answers: Answers, tmp_path: Path) -> None:
    path, run = answers(), tmp_path / "run"
    made: dict[str, bytes] = {}
    signatures = set()
    for label, scoring in SCORINGS.items():
        summary, _ = score([path], small, output_dir=run, scoring=scoring)
        signatures.add(summary.signature)
        files = contents(run)
        assert {f"verdicts.{label}.jsonl", f"summary.{label}.json"} <= set(files)
        assert files["summary.json"] == files[f"summary.{label}.json"]
        assert all(files[name] == content for name, content in made.items())
        made = {name: content for name, content in files.items() if name != "summary.json"}
    assert len(signatures) == len(SCORINGS)


@pytest.mark.parametrize(
    ("scoring", "shown"),
    [
        (Scoring(loose=True), "loose:yes"),
        (Scoring(limit=1), "subset:limit-1"),
        (Scoring(missing="fail"), "missing:fail"),
        (Scoring(rules="careful"), "rules:careful"),
        (Scoring(judge="none"), "judge:none"),
    ],
)
def test_what_was_asked_for_is_in_the_signature(
    small: Benchmark, answers: Answers, tmp_path: Path, scoring: Scoring, shown: str
) -> None:
    summary, _ = score([answers()], small, output_dir=tmp_path / "run", scoring=scoring)
    assert f"|{shown}|" in summary.signature
    assert summary.signature.startswith("benchmark:speech-ifeval-")


def test_the_loose_pass_forgives_a_frame(small: Benchmark, answers: Answers, tmp_path: Path) -> None:
    path = answers({"closed-ended/0003": 'Sure:\n"yes"'})
    strict, _ = score([path], small, output_dir=tmp_path / "run")
    loose, _ = score([path], small, output_dir=tmp_path / "run", scoring=Scoring(loose=True))
    assert (strict.codes["WR"].followed, loose.codes["WR"].followed) == (0, 1)


def test_other_responses_under_the_same_name_are_refused(
    small: Benchmark, answers: Answers, tmp_path: Path
) -> None:
    score([answers()], small, output_dir=tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(MismatchError, match=r"was made with other settings \(responses: .* there, .* now\)"):
        score([answers({"closed-ended/0000": "No"})], small, output_dir=tmp_path / "run")
    assert contents(tmp_path / "run") == before


@pytest.mark.parametrize("where", ["", "sub", "sub/deeper", "reports"])
@pytest.mark.parametrize("side", ["responses", "reference", "benchmark"])
def test_nothing_is_written_into_an_input_folder(
    small: Benchmark, answers: Answers, tmp_path: Path, where: str, side: str
) -> None:
    folder = small.root if side == "benchmark" else released(tmp_path / "model", small)
    before = contents(folder)
    other = answers(name="elsewhere/other.jsonl")
    paths, reference = ([folder], []) if side == "responses" else ([other], [folder])
    if side == "benchmark":
        reference = []
    with pytest.raises(OutputError, match="results never go into the input: give another --output-dir"):
        score(paths, small, output_dir=folder / where, reference=reference)
    assert contents(folder) == before


def test_a_file_of_responses_is_not_written_beside(small: Benchmark, answers: Answers, tmp_path: Path) -> None:
    path = answers(name="in/model.jsonl")
    with pytest.raises(OutputError, match="results never go into the input"):
        score([path], small, output_dir=path.parent)
    assert [one.name for one in path.parent.iterdir()] == ["model.jsonl"]
    assert score([path], small, output_dir=path.parent / "runs")[0]


def test_a_reference_gives_what_was_lost(small: Benchmark, answers: Answers, tmp_path: Path) -> None:
    judged = write_rows(tmp_path / "r.jsonl", judge_rows({FIRST: "Result: YES", SECOND: "Result: YES"}))
    better = answers({"closed-ended/0001": "YES", "creative-writing/0005": "* a\n* b"}, name="better.jsonl")
    scoring = Scoring(judge=f"replay:{judged}")
    summary, run = score([answers()], small, output_dir=tmp_path / "run", reference=[better], scoring=scoring)
    assert summary.reference is not None
    assert summary.forgetting is not None
    assert summary.points is not None
    assert (summary.reference.name, summary.ifrate.value) == ("better", pytest.approx(200 / 3))
    assert summary.points.value == pytest.approx(200 / 3 - 275 / 3)
    assert summary.forgetting.value == pytest.approx(100 * (200 - 275) / 275)
    assert (run / "reference" / "responses.jsonl").is_file()
    # A reference that is a run directory already stays where it is.
    _, own = score([better], small, output_dir=tmp_path / "own", scoring=scoring)
    again, _ = score([answers()], small, output_dir=tmp_path / "second", reference=[own], scoring=scoring)
    assert again.points == summary.points
    assert not (tmp_path / "second" / "reference").exists()


def test_two_judges_in_a_run_directory_are_chosen_between(
    small: Benchmark, answers: Answers, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for number, reply in enumerate(("YES", "NO")):
        path = write_rows(tmp_path / f"r{number}.jsonl", judge_rows({FIRST: f"Result: {reply}"}))
        score([answers()], small, output_dir=run, scoring=Scoring(judge=f"replay:{path}"))
    with pytest.raises(UsageError, match=r"replies of several judges .*; name one of these files"):
        score([run], small)
    labels = set()
    for kept in sorted(run.glob("judgements.*.jsonl")):  # the files that the message names
        summary, _ = score([run], small, scoring=Scoring(judge=f"replay:{kept}"))
        assert summary.codes["CoT"].n == 1
        labels.add(summary.settings["judge"])
    assert len(labels) == 2
    assert len(list(run.glob("judgements.*.jsonl"))) == 2


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"rules": "strict"}, UsageError, "unknown rule set 'strict'"),
        ({"missing": "zero"}, UsageError, "--missing takes unscored or fail, found 'zero'"),
        ({"limit": 0}, UsageError, "--limit takes a whole number from 1, found 0"),
        (
            {"judge": "gpt-4o"},
            UsageError,
            r"takes none, heuristic, openai\[:MODEL\] or replay:PATH, found 'gpt-4o'; openai:gpt-4o names a model",
        ),
        ({"judge": "heuristc"}, UsageError, r"found 'heuristc'; did you mean heuristic\?"),
        ({"judge": "heuristic:x"}, UsageError, "--judge takes heuristic, found 'heuristic:x'"),
        ({"judge": "openai:"}, UsageError, r"--judge takes openai\[:MODEL\], found 'openai:'"),
        ({"judge": "heuristic", "judge_args": {"x": "1"}}, UsageError, "heuristic takes no argument 'x'"),
        (
            {"judge": "heuristic", "judge_repeats": 3},
            UsageError,
            "--judge-repeats goes with a judge that is asked",
        ),
        ({"judge_repeats": 0}, UsageError, "--judge-repeats takes a whole number from 1, found 0"),
        (
            {"judge_repeats": 2},
            UsageError,
            "--judge-repeats goes with a judge that is asked, such as --judge openai",
        ),
        ({"judge": "none", "rubrics": (Path("r.md"),)}, UsageError, "--rubric goes with a judge that is asked"),
        ({"judge": "openai", "judge_args": {"seeed": "1"}}, UsageError, r"takes no argument 'seeed'.*mean seed\?"),
        (
            {"judge": "openai", "judge_args": {"seed": "x"}},
            UsageError,
            "the argument seed of openai: Expected `int`",
        ),
        ({"judge": "openai", "judge_args": {"max_tokens": "0"}}, UsageError, "max_tokens is too small"),
        ({"judge": "replay:"}, UsageError, "--judge takes none or replay:PATH"),
        ({"judge": "replay:/nowhere"}, UsageError, "no judgements at '/nowhere'"),
        ({"judge": "replay:EMPTY"}, DataError, "found no line"),
        ({"judge": "replay:OTHER"}, UsageError, "holds no judge's replies about an item of"),
    ],
)
def test_wrong_options_are_said(
    small: Benchmark,
    answers: Answers,
    tmp_path: Path,
    options: dict[str, Any],
    kind: type[SpeechIFEvalError],
    message: str,
) -> None:
    files = {"EMPTY": write_rows(tmp_path / "e.jsonl", []), "OTHER": answers(name="o.jsonl")}
    given = dict(options)
    for name, path in files.items():
        if options.get("judge") == f"replay:{name}":
            given["judge"] = f"replay:{path}"
    with pytest.raises(kind, match=message):
        score([answers()], small, output_dir=tmp_path / "run", scoring=Scoring(**given))


def test_a_torn_or_broken_verdict_file(small: Benchmark, answers: Answers, tmp_path: Path) -> None:
    summary, run = score([answers()], small, output_dir=tmp_path / "run")
    path = run / "verdicts.official.none.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert score([answers()], small, output_dir=run)[0] == summary
    assert path.read_bytes() == whole
    lines = whole.splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"item": broken\n' + lines[2])
    with pytest.raises(DataError, match=r"verdicts.official.none.jsonl:2: expected a JSON object"):
        score([answers()], small, output_dir=run)


def test_progress_is_told_item_by_item(small: Benchmark, answers: Answers, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    score([answers()], small, output_dir=tmp_path / "run", progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 8) for n in range(1, len(ANSWERS) + 1)]
