"""The task level as people read it: what is missing shows as such, and names cannot break a table."""

from __future__ import annotations

from typing import Any

import msgspec

from speech_ifeval.metrics.answers import NOT_A_SUBSTRING, UNANSWERABLE, Answer
from speech_ifeval.metrics.task_level import task_level
from speech_ifeval.report.markdown import summary_markdown
from speech_ifeval.report.task_tables import task_parts_table, task_row, task_sentences, task_table
from speech_ifeval.results import Estimate, Reference, Summary, TaskLevel
from tests.metrics.test_task_level import right, spoken
from tests.report.test_figures import summary


def mixed(**changes: Any) -> list[Answer]:
    return [msgspec.structs.replace(one, **changes) for one in right((True, False), (True, None), (False, False))]


def sentences(task: TaskLevel | None, **changes: Any) -> str:
    return "\n".join(task_sentences(summary(task=task, **changes)))


def test_a_row_holds_both_sides_and_the_change_on_twins_scored_on_both() -> None:
    header, rows = task_table(task_level(mixed()))
    assert len(header) == len(rows[0])
    assert rows[0][:3] == ["data, accuracy", "2", "66.67"]
    assert rows[0][4] == "0.00"
    assert rows[0][6] == "−50.00"
    assert rows[0][8:] == ["1", "0", "1.000"]


def test_what_there_is_not_is_a_dash() -> None:
    _, rows = task_table(task_level([one for one in mixed() if one.constrained and one.correct is None]))
    assert rows == [["data, accuracy", "0", *["–"] * 9]]


def test_unscored_answers_are_told_with_their_bounds() -> None:
    told = sentences(task_level(mixed()))
    assert "data: 0 answers without and 1 with the constraint are unscored" in told
    assert "whatever they are, the change lies between −66.67 and −33.33 points" in told
    assert "unscored" not in sentences(task_level(right((True, False))))


def test_edits_and_flagged_transcripts_are_told() -> None:
    answers = [
        msgspec.structs.replace(one, flags=(NOT_A_SUBSTRING,) if one.item == "closed-ended/0001" else ())
        for one in spoken((10, 1, 2), (10, 0, 12))
    ]
    told = sentences(task_level(answers))
    assert "without constraints 1, 0 and 0 in 20; with constraints 12, 0 and 2 in 20 words" in told
    assert "1 transcript is no part of the reply with the constraint; WER without it 20.00 %" in told
    assert "resample clips (seed 0)" in told


def test_unanswerable_items_have_their_row_and_sentence() -> None:
    answers = mixed()
    answers[4:] = [msgspec.structs.replace(one, flags=(UNANSWERABLE,)) for one in answers[4:]]
    task = task_level(answers)
    assert [row[0] for row in task_table(task)[1]] == ["data, accuracy", "data, accuracy, answerable items"]
    assert "the label of 1 question is not among its options" in sentences(task)


def test_speakers_are_named_where_they_are_resampled() -> None:
    answers = [
        msgspec.structs.replace(one, speaker=one.pair) for one in spoken(*((9, 0, n % 3) for n in range(12)))
    ]
    assert "resample speakers in data, otherwise clips" in sentences(task_level(answers))


def test_one_code_alone_has_no_table_of_codes() -> None:
    assert task_parts_table(task_level(mixed()))[1] == []


def test_the_reference_system_is_told_beside() -> None:
    theirs = task_level(right((True, True), (True, False)))
    reference = Reference("llm", "s", Estimate(1.0, 0.0, 2.0, 1, 0), {}, {}, False, theirs)
    told = sentences(task_level(mixed()), reference=reference)
    assert "data, accuracy of llm: 100.00 % without, 50.00 % with the constraint, −50.00 points" in told


def test_names_break_no_table() -> None:
    shown = summary_markdown(summary(task=task_level(mixed(dataset="a|b\n<c>"))))
    assert "| a\\|b\\\\n&lt;c&gt;, accuracy | 2 |" in shown


def test_nothing_is_shown_without_a_task_level() -> None:
    plain: Summary = summary()
    assert "answers themselves" not in summary_markdown(plain)
    assert sentences(None) == ""
    assert task_row(None, ["data"]) == ["–"]
