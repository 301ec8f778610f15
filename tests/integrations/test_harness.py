from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.selection import Selection
from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.integrations.harness.figures import NAMES, Outcome, figures
from speech_ifeval.integrations.harness.questions import Questions
from speech_ifeval.integrations.harness.rows import following_rate, ifrate, results_of, row_of, unscored
from speech_ifeval.integrations.harness.settings import (
    VARIABLE,
    TaskSettings,
    read_settings,
    settings_from_environment,
)
from speech_ifeval.integrations.lm_eval_harness.documents import documents
from speech_ifeval.models import Request
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.records import CATEGORIES
from tests.command_line import run
from tests.integrations.replaying import replies_in, ruled

EXAMPLE = TaskSettings(benchmark="example", judge="heuristic")


@pytest.fixture(scope="module")
def questions() -> Questions:
    return Questions(EXAMPLE)


@pytest.mark.parametrize("judge", ["none", "heuristic", "replay"])
def test_verdicts_and_figures_are_those_of_scoring(judge: str, tmp_path: Path) -> None:
    benchmark, tuned = load_benchmark("example"), locate("example:tuned")
    judge = f"replay:{tuned / 'reports'}" if judge == "replay" else judge
    summary, folder = score([tuned], benchmark, output_dir=tmp_path / "run", scoring=Scoring(judge=judge))
    asked = Questions(TaskSettings(benchmark="example", judge=judge))
    settings = asked.settings.encoded()
    replies = replies_in(tuned, benchmark)
    rows = [row_of(prompt, settings) for prompt in asked.read()]
    results = [results_of(row, [replies[row["id"]]])["ifrate"] for row in rows]
    found = {
        id: verdicts
        for row in rows
        for id, verdicts in ruled(asked.verdicts(row["id"], replies[row["id"]])).items()
    }
    assert found == ruled(list(load_scored(folder).verdicts))
    assert ifrate(results) == (None if summary.ifrate.value is None else pytest.approx(summary.ifrate.value))
    for category, rate in summary.categories.items():
        of_it = [result for result in results if result["category"] == category]
        assert following_rate(of_it) == (None if rate.rate is None else pytest.approx(rate.rate))
    assert unscored(results) == summary.items.unscored
    assert set(asked.signature.split("|")) <= set(summary.signature.split("|"))


@pytest.mark.parametrize("n", [1, 7, 30])
def test_the_first_items_are_our_sample(n: int, questions: Questions) -> None:
    sample = Selection(sample=n).choose(questions.benchmark)
    assert {item.id for item in questions.items[:n]} == {item.id for item in sample}


def test_prompts_are_those_of_a_run(questions: Questions) -> None:
    for prompt in questions.read():
        item = prompt.item
        assert prompt.text == Request(item.id, item.instruction, None, item.transcript).text
        assert prompt.audio is None
    heard = Questions(TaskSettings(benchmark="bundled")).heard()
    assert all(prompt.audio is not None and prompt.audio.is_file() for prompt in heard)
    assert all(prompt.text == prompt.item.instruction for prompt in heard)
    assert Questions(TaskSettings(benchmark="example", system="")).read()[0].system is None


def test_a_reply_without_text_is_unscored_and_never_zero(questions: Questions) -> None:
    item = next(item for item in questions.items if item.category == "closed-ended")
    (verdict, *_) = questions.verdicts(item.id, None, "server down")
    assert (verdict.followed, verdict.reason) == (None, "no response: server down")
    (verdict, *_) = questions.verdicts(item.id, "")
    assert verdict.followed is not None


def test_verdicts_are_the_same_from_several_threads(questions: Questions) -> None:
    replies = replies_in(locate("example:tuned"), questions.benchmark)
    ids = [item.id for item in questions.items] * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda id: questions.verdicts(id, replies[id]), ids))
    assert found == [questions.verdicts(id, replies[id]) for id in ids]


OUTCOMES = st.lists(
    st.builds(
        Outcome,
        st.uuids().map(str),
        st.sampled_from(CATEGORIES),
        st.sampled_from("abcdef"),
        st.sampled_from([True, False, None]),
    ),
    max_size=40,
)


@given(OUTCOMES)
def test_figures_are_there_where_something_is_scored_and_ignore_what_is_not(outcomes: list[Outcome]) -> None:
    scored = [outcome for outcome in outcomes if outcome.followed is not None]
    found = figures(outcomes)
    assert found == figures(scored)
    held = {outcome.category for outcome in scored}
    assert {name for name in NAMES.values() if name in found} == {NAMES[category] for category in held}
    assert ("ifrate" in found) == (len(held) == len(CATEGORIES))
    for category in held:
        mine = [outcome.followed for outcome in scored if outcome.category == category]
        assert found[NAMES[category]] == pytest.approx(100 * sum(map(bool, mine)) / len(mine))
        assert found[f"{NAMES[category]}_stderr"] > 0
    if "ifrate" in found:
        rates = [found[NAMES[category]] for category in CATEGORIES]
        assert found["ifrate"] == pytest.approx(sum(rates) / 3)
        assert found["ifrate_low"] <= found["ifrate"] <= found["ifrate_high"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"judg": "x"}, "no setting 'judg' of the task speech_ifeval; did you mean judge?"),
        ({"loose": "perhaps"}, "loose"),
        ({"judge_repeats": "two"}, "judge_repeats"),
        ("{", "expected JSON such as"),
        ("[1]", "expected JSON such as"),
    ],
)
def test_settings_that_do_not_fit_are_named(given: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        read_settings(given)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"benchmark": "nowhere"}, UsageError, "no benchmark at 'nowhere'"),
        ({"rules": "strict"}, UsageError, "strict"),
        ({"judge": "heuristik"}, UsageError, "did you mean heuristic"),
        ({"audio_dir": "nowhere"}, UsageError, "no audio folder at 'nowhere'"),
        ({"benchmark": "example"}, DataError, "expected the benchmark's audio"),
    ],
)
def test_what_cannot_be_asked_is_said(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Questions(read_settings(settings)).heard()


def test_settings_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '{"judge": "heuristic", "loose": true}')
    assert settings_from_environment() == TaskSettings(judge="heuristic", loose=True)
    monkeypatch.delenv(VARIABLE)
    assert settings_from_environment() == TaskSettings()


def test_lm_eval_hands_on_its_own_metadata_and_ours_is_told_apart() -> None:
    rows = documents({"benchmark": "example"}, version=1.0, pretrained="somewhere")["test"]
    assert len(rows) == 66
    with pytest.raises(UsageError, match="no setting 'bench'"):
        documents({"bench": "example"})


def test_the_paths_of_tasks_are_printed() -> None:
    for harness in ("lm-eval", "lmms-eval"):
        folder = Path(run("include-path", harness).out.strip())
        assert (folder / "speech_ifeval.yaml").is_file()
    refused = run("include-path", "inspect")
    assert refused.code == 2
    assert "include-path takes lm-eval or lmms-eval, found 'inspect'" in refused.err
