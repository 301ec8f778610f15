"""Whatever a model or a judge says: every check measures it, and every view shows it."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from speech_ifeval.analysis.diagnosis.diagnosing import diagnosis_of
from speech_ifeval.analysis.diagnosis.evidence import Evidence, SystemRun
from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.judges import Judged, reply_hash, use_of
from speech_ifeval.metrics.summaries import ScoredRun
from speech_ifeval.pipeline.verdicts import Rules
from speech_ifeval.records import Judgement, Response
from speech_ifeval.report.diagnosis_tables import diagnosis_markdown, diagnosis_view
from speech_ifeval.results import Diagnosis

ATTACK = "\x1b[2J[bold]x[/]|<img src=x onerror=alert(1)>`*\u202e</think>{{\x07"
RAW = ("\x1b", "\x07", "\u202e", "<img")
texts = st.text(st.characters() | st.sampled_from(ATTACK), max_size=60) | st.sampled_from(
    [
        "",
        " ",
        "<think>",
        "</think>",
        ATTACK,
        f"\ud800{ATTACK}",
        "no " * 40,
        "I can't hear the audio",
        '{"a": 1',
        "<<a>> b",
        "1" * 5000,
    ]
)
SETTINGS = {"rules": "official", "benchmark": "example", "judge": "attacker"}


@cache
def example() -> Benchmark:
    return load_benchmark("example")


def evidence_of(replies: list[str | None], judged: list[str]) -> Evidence:
    """A system that says these texts in turn, and a judge who does."""
    benchmark = example()
    responses, judgements = {}, {}
    for index, item in enumerate(benchmark):
        text = replies[index % len(replies)]
        finish = (None, "stop", "length")[index % 3]
        responses[item.id] = Response(item.id, text, finish, None if text is not None else ATTACK, audio_cut=None)  # type: ignore[arg-type]
        use = use_of(item)
        if use is not None and text is not None:
            said = judged[index % len(judged)]
            verdict = (True, False, None)[len(said) % 3] if use != "transcript" else None
            extracted = said if use == "transcript" and len(said) % 5 else None
            judgement = Judgement(item.id, use, verdict, reply_hash(text), said, extracted, reason=said or None)
            judgements[item.id, use] = judgement
    judge = Judged("attacker", judgements)
    rules = Rules("official", False, judge, False)
    verdicts = [
        verdict
        for item in benchmark
        if item.constraints
        for verdict in rules.verdicts(item, responses.get(item.id))
    ]
    run = SystemRun(ATTACK, benchmark, responses, ScoredRun(ATTACK, verdicts, SETTINGS), judge)
    return Evidence(run, run)


def shown(found: Diagnosis) -> tuple[str, str]:
    printed = io.StringIO()
    console = Console(file=printed, width=200, force_terminal=False)
    for part in diagnosis_view(found):
        console.print(part)
    return printed.getvalue(), diagnosis_markdown(found)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(texts | st.none(), min_size=1, max_size=7), st.lists(texts, min_size=1, max_size=5))
def test_no_text_makes_a_check_raise_or_steers_what_shows_it(replies: list[str | None], judged: list[str]) -> None:
    found = diagnosis_of(evidence_of(replies, judged))
    for view in shown(found):
        assert all(raw not in view for raw in RAW[:3])
        assert view.isprintable() or view.replace("\n", "").isprintable()
    assert "<img" not in shown(found)[1]


@pytest.mark.parametrize("text", [None, "", " ", "<think>", "1" * 100_000, "( " * 50_000, "no " * 30_000])
def test_a_run_of_one_and_the_same_text_is_diagnosed(text: str | None) -> None:
    found = diagnosis_of(evidence_of([text], ["yes"]))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Diagnosis) == found
    assert found.findings


def test_nothing_of_what_was_said_is_shown_raw(tmp_path: Path) -> None:
    view, markdown = shown(diagnosis_of(evidence_of([ATTACK, f"x{ATTACK}"], [ATTACK])))
    assert all(raw not in view for raw in RAW[:3])
    assert all(raw not in markdown for raw in RAW)
