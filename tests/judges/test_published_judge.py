"""The published judge's recorded replies, replayed in all three uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.judges import Judgements, Setup, open_judge
from speech_ifeval.judges.extraction import is_substring
from speech_ifeval.models.recorded import read_responses
from speech_ifeval.pipeline.judging import choose_judge, questions_about
from tests.shared_data import DESTA2, RELEASE, needs_release, rows

pytestmark = needs_release

REPORTS = {
    "chain-of-thought": "chain-of-thought",
    "closed-ended": "closed_ended_questions",
    "closed-ended-plain": "closed_ended_questions-woprompt",
}


@pytest.fixture(scope="module")
def release() -> Benchmark:
    return load_benchmark(RELEASE)


@pytest.fixture(scope="module")
def recorded(release: Benchmark) -> Judgements:
    return choose_judge(f"replay:{DESTA2 / 'reports'}", read_responses([DESTA2], release), release).judgements


def test_every_recorded_verdict_and_extraction_is_reproduced(release: Benchmark, recorded: Judgements) -> None:
    differing = []
    for category, name in REPORTS.items():
        items = release.in_category(category)
        for item, row in zip(items, rows(DESTA2 / f"reports/llm_eval@{name}.jsonl"), strict=True):
            if item.metric == "wer":
                same = recorded[item.id, "transcript"].extracted == row["eval_response"]
            else:
                use = "reasoning" if category == "chain-of-thought" else "accuracy"
                same = recorded[item.id, use].verdict is row["correct"]
            differing += [item.id] * (not same)
    assert len(recorded) == 200 + 2 * 933
    assert differing == []


def test_one_recorded_extraction_is_no_substring(recorded: Judgements) -> None:
    assert [one.item for one in recorded.values() if one.flags] == ["closed-ended/0056"]


def test_file_names_decide_nothing(tmp_path: Path, release: Benchmark, recorded: Judgements) -> None:
    for number, name in enumerate(REPORTS.values()):
        other = tmp_path / f"{'ba'[number % 2]}{number}.jsonl"
        other.write_bytes((DESTA2 / f"reports/llm_eval@{name}.jsonl").read_bytes())
    intake = read_responses([DESTA2], release)
    assert choose_judge(f"replay:{tmp_path}", intake, release).judgements == recorded


def test_the_heuristic_makes_no_transcript_up(release: Benchmark) -> None:
    responses = read_responses([DESTA2], release).responses
    questions, known = questions_about(Selection().choose(release), release, responses, task_level=True)
    assert (len(questions), known) == (200 + 2 * 933, {})
    said = list(open_judge("heuristic", Setup(release)).judge(questions))
    assert [one.item for one in said if one.flags] == ["closed-ended/0056"]
    for one in said:
        assert one.extracted is None or is_substring(one.extracted, responses[one.item].text or "")
