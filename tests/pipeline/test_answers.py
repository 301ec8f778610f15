"""From replies and judgements to answers: what is joined, what is unscored and why, and the published figures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark, unanswerable
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.judges.replay import reply_hash
from speech_ifeval.metrics.answers import Answer, WordEdits
from speech_ifeval.pipeline.answers import answers_of
from speech_ifeval.pipeline.scoring import Scoring
from speech_ifeval.records import Judgement, Response
from speech_ifeval.results import Summary
from tests.command_line import Done, invoke, run
from tests.pipeline.conftest import write_rows
from tests.shared_data import DESTA2, RELEASE, needs_release

SAID = "HE SAT DOWN"
CLIP = "Automatic_speech_recognition/1995-1837-0019.flac"
MOOD = 'Which mood? Choose the answer from "calm" or "cross".'


def asked(id: int, clip: str, metric: str, label: str, instruction: str, **more: Any) -> dict[str, Any]:
    about = {"id": id, "audio_filepath": clip, "dataset": metric, "metric": metric, "label": label}
    return {**about, "instruction": instruction, **more}


TWINS = [
    asked(0, CLIP, "wer", SAID, "Transcribe."),
    asked(1, "Speech_emotion_recognition/Ses05F_impro02_M041.wav", "accuracy", "calm", MOOD),
    asked(2, "MMAU/a.wav", "accuracy", "loud", MOOD),
]
CONSTRAINTS: list[dict[str, Any]] = [
    {"instruction_id_list": ["change_case:english_capital"], "kwargs": [{}]},
    {"instruction_id_list": ["startend:quotation", "change_case:english_capital"], "kwargs": [{}, {}]},
    {"instruction_id_list": ["startend:quotation"], "kwargs": [{}]},
]


@pytest.fixture
def spoken(tmp_path: Path) -> Benchmark:
    folder = tmp_path / "spoken"
    told = [
        {**row, **more, "instruction": f"{row['instruction']}\nAs told."}
        for row, more in zip(TWINS, CONSTRAINTS, strict=True)
    ]
    write_rows(folder / "closed_ended_questions.jsonl", told)
    write_rows(folder / "closed_ended_questions-woprompt.jsonl", TWINS)
    return load_benchmark(folder)


REPLIES = {
    "closed-ended/0000": "<think>Capitals.</think>HE SAT UP",
    "closed-ended-plain/0000": "You hear: he sat down.",
    "closed-ended/0001": '"CALM"',
    "closed-ended-plain/0001": "cross",
}


def judged(item: str, judge_reply: str | None = "words", **fields: Any) -> Judgement:
    use = "transcript" if item.endswith("0") else "accuracy"
    known = {"use": use, "verdict": None, "reply_hash": reply_hash(REPLIES[item]), "judge_reply": judge_reply}
    return msgspec.convert({"item": item, **known, **fields}, Judgement)


def found(
    benchmark: Benchmark, judgements: list[Judgement], responses: Mapping[str, Response] | None = None
) -> dict[str, Answer]:
    given = {id: Response(id, text) for id, text in REPLIES.items()} if responses is None else responses
    keyed = {(judgement.item, judgement.use): judgement for judgement in judgements}
    return {answer.item: answer for answer in answers_of(benchmark, given, keyed)}


def test_an_answer_carries_what_its_item_and_its_twin_say(spoken: Benchmark) -> None:
    answers = found(spoken, [])
    plain, constrained = answers["closed-ended-plain/0001"], answers["closed-ended/0001"]
    assert (plain.pair, constrained.pair) == ("closed-ended/0001", "closed-ended/0001")
    assert (plain.constrained, constrained.constrained) == (False, True)
    assert plain.code == constrained.code == "CC+WR"
    assert plain.constraint == "change_case:english_capital+startend:quotation"
    assert plain.speaker == "IEMOCAP/Ses05M"
    assert answers["closed-ended/0000"].speaker == "LibriSpeech/1995"
    assert answers["closed-ended/0002"].speaker is None
    assert len(answers) == 6


def test_transcripts_are_counted_and_verdicts_taken(spoken: Benchmark) -> None:
    answers = found(
        spoken,
        [
            judged("closed-ended/0000", extracted="HE SAT UP", flags=["not-a-substring"]),
            judged("closed-ended-plain/0000", extracted='"He sat down."'),
            judged("closed-ended/0001", verdict=True),
            judged("closed-ended-plain/0001", verdict=False),
        ],
    )
    transcript = answers["closed-ended/0000"]
    assert (transcript.edits, transcript.words) == (WordEdits(2, 1, 0, 0), 3)
    assert (transcript.text, transcript.flags) == ("HE SAT UP", ("not-a-substring",))
    assert answers["closed-ended-plain/0000"].edits == WordEdits(3, 0, 0, 0)
    assert (answers["closed-ended/0001"].correct, answers["closed-ended-plain/0001"].correct) == (True, False)
    assert [answer.unscored for answer in answers.values() if answer.scored] == [None] * 4


def test_an_empty_transcript_is_a_transcript(spoken: Benchmark) -> None:
    answer = found(spoken, [judged("closed-ended/0000", extracted="")])["closed-ended/0000"]
    assert (answer.edits, answer.unscored, answer.text) == (WordEdits(0, 0, 3, 0), None, "")


@pytest.mark.parametrize(
    ("response", "judgement", "why"),
    [
        (None, {}, "no response"),
        (Response("closed-ended/0000", None, error="timed out"), {}, "no response: timed out"),
        (Response("closed-ended/0000", "another text"), {}, "the recorded judge reply is about another response"),
        (..., None, "not judged"),
        (..., {"extracted": None, "reason": "no such words"}, "no such words"),
        (..., {"extracted": None}, "the judge gave no verdict"),
    ],
)
def test_what_cannot_be_told_is_unscored_and_says_why(
    spoken: Benchmark, response: Any, judgement: dict[str, Any] | None, why: str
) -> None:
    id = "closed-ended/0000"
    given = {id: Response(id, REPLIES[id]) if response is ... else response}
    answers = found(
        spoken,
        [] if judgement is None else [judged(id, **{"extracted": "HE", **judgement})],
        {key: value for key, value in given.items() if value is not None},
    )
    answer = answers[id]
    assert (answer.unscored, answer.edits, answer.words, answer.scored) == (why, None, 3, False)


def test_an_unscored_transcript_keeps_the_reply_without_its_thoughts(spoken: Benchmark) -> None:
    assert found(spoken, [])["closed-ended/0000"].text == "HE SAT UP"


def test_a_verdict_that_is_missing_is_unscored(spoken: Benchmark) -> None:
    answer = found(spoken, [judged("closed-ended/0001", reason="no Result line")])["closed-ended/0001"]
    assert (answer.correct, answer.unscored) == (None, "no Result line")


def test_questions_without_their_label_among_the_options_are_told(spoken: Benchmark) -> None:
    assert unanswerable(spoken) == {"closed-ended/0002", "closed-ended-plain/0002"}
    flags = {id: answer.flags for id, answer in found(spoken, []).items()}
    assert {id for id, flag in flags.items() if "unanswerable" in flag} == unanswerable(spoken)


IMPORTS = "import sys; from speech_ifeval.cli import main\ntry: main()\nexcept SystemExit: pass\n"
LOADED = "sys.stderr.write(str({'jiwer', 'whisper_normalizer', 'rapidfuzz'} & set(sys.modules)))"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["score", "example:tuned", "--judge", "none"]])
def test_what_counts_words_is_not_imported_where_no_transcript_is(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + LOADED, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.endswith("set()")


@pytest.fixture(scope="module")
def desta2(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    folder = tmp_path_factory.mktemp("answers") / "run"
    judge = f"replay:{DESTA2 / 'reports'}"
    return run("score", DESTA2, "--benchmark", RELEASE, "--judge", judge, "--json", "--output-dir", folder), folder


WER = "Automatic_speech_recognition"


@needs_release
def test_the_published_task_level_to_the_digit(desta2: tuple[Done, Path]) -> None:
    summary = msgspec.json.decode(desta2[0].out, type=Summary)
    assert summary.task is not None
    groups = summary.task.datasets
    rates = {name: (group.plain.rate, group.constrained.rate) for name, group in groups.items()}
    assert {
        name: tuple(f"{rate / 100:.4f}" for rate in both if rate is not None) for name, both in rates.items()
    } == {
        WER: ("0.0487", "0.0892"),
        "Gender_recognition": ("0.8550", "0.8500"),
        "Speech_emotion_recognition": ("0.6450", "0.5850"),
        "MMAU": ("0.4535", "0.4655"),
    }
    spoken = groups[WER]
    assert (spoken.constrained.flagged, spoken.plain.flagged) == (1, 0)
    assert round(spoken.constrained.rate_unflagged or 0, 2) == 9.01  # without item 56
    assert (spoken.plain.words, spoken.constrained.words, spoken.unit, spoken.clusters) == (
        4172,
        4172,
        "speaker",
        39,
    )
    assert summary.categories["chain-of-thought"].followed == 183
    assert all(group.change.least == pytest.approx(group.change.value) for group in groups.values())


@needs_release
def test_most_of_what_constraints_cost_sits_in_three_of_them(desta2: tuple[Done, Path]) -> None:
    parts = json.loads(desta2[0].out)["task"]["datasets"][WER]["constraints"]
    rates = {
        id: tuple(round(part[side]["rate"] / 100, 3) for side in ("plain", "constrained"))
        for id, part in parts.items()
    }
    assert rates["detectable_format:title"] == (0.053, 0.274)
    assert rates["startend:quotation"] == (0.039, 0.062)
    assert rates["startend:end_checker"] == (0.075, 0.155)
    assert parts["detectable_format:title"]["change"]["n"] == 25


@needs_release
def test_mmau_without_the_questions_that_nobody_can_answer(desta2: tuple[Done, Path]) -> None:
    group = json.loads(desta2[0].out)["task"]["datasets"]["MMAU"]
    assert (group["twins"], group["answerable"]["twins"]) == (333, 313)
    assert (group["answerable"]["plain"]["correct"], group["answerable"]["constrained"]["correct"]) == (151, 155)
    assert len(unanswerable(load_benchmark(RELEASE))) == 40  # twenty rows and their twins


@needs_release
def test_every_output_shows_the_task_level_and_signs_it(desta2: tuple[Done, Path], tmp_path: Path) -> None:
    done, folder = desta2
    signature = json.loads(done.out)["signature"]
    assert "|normaliser:whisper-basic|seed:0|" in signature
    table = invoke("score", folder, "--benchmark", RELEASE).out
    assert "WER without it 9.01 %" in table
    markdown = invoke("score", folder, "--benchmark", RELEASE, "--markdown", "--seed", "3").out
    assert "| Automatic\\_speech\\_recognition, WER | 200 | 4.87 |" in markdown
    assert "|seed:3|" in markdown
    other = tmp_path / "other"
    invoke("score", DESTA2, "--benchmark", RELEASE, "--judge", "none", "--output-dir", other)
    compared = invoke("compare", folder, other).out
    assert "4.87 → 8.92" in compared
    assert "Judge differs" in compared


@needs_release
def test_a_summary_that_cannot_be_read_is_named(desta2: tuple[Done, Path], tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(desta2[1], tmp_path / name)
    broken = next((tmp_path / "two").glob("summary.official.*"))
    broken.write_text('{"task": 3}')
    done = run("compare", tmp_path / "one", tmp_path / "two", "--scoring", "official")
    assert (done.code, f"{broken}:1: expected a summary" in done.err) == (DataError.exit_code, True)


@needs_release
def test_the_tables_in_the_docs_are_the_commands(desta2: tuple[Done, Path]) -> None:
    printed = set(invoke("score", desta2[1], "--benchmark", RELEASE, "--markdown").out.splitlines())
    page = (Path(__file__).parents[2] / "docs" / "task-level.md").read_text(encoding="utf-8")
    tables = page.partition("## DeSTA2")[2]
    rows = [line for line in tables.splitlines() if line.startswith("|")]
    assert len(rows) == 17
    assert [row for row in rows if row not in printed] == []


@needs_release
def test_part_of_the_items_is_measured_with_their_twins_alone(tmp_path: Path) -> None:
    done = run(
        "score", DESTA2, "--benchmark", RELEASE, "--limit", "30", "--json", "--output-dir", tmp_path / "run"
    )
    groups = json.loads(done.out)["task"]["datasets"]
    assert {name: (group["twins"], group["change"]["n"]) for name, group in groups.items()} == {WER: (30, 30)}


def test_without_a_judge_there_is_no_task_level(tmp_path: Path) -> None:
    done = run("score", "example:tuned", "--judge", "none", "--json", "--output-dir", tmp_path / "run")
    summary = json.loads(done.out)
    assert summary["task"] is None
    assert "normaliser" not in summary["signature"]


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="--seed takes a whole number from 0, found -1"):
        Scoring(seed=-1)
