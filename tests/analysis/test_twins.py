"""When the answer to a question is another one with the constraint, and when it is made up."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from speech_ifeval.analysis.twins import Side, Twin
from tests.analysis.making import closed, spoken


@pytest.mark.parametrize(
    ("plain", "constrained", "changed"),
    [
        (("calm", True), ("CALM", True), False),
        (("calm", True), ("It sounds calm to me", True), False),
        (("calm", True), ("cross", False), True),
        (("cross", False), ("calm", True), True),
        (("cross", False), ("CROSS", False), False),
        (("cross", False), ("glad", False), True),
        (("cross", False), ("furious", False), True),  # from an option to none of them
        (("furious", False), ("raging", False), None),  # two answers outside, the same or not
        (("cross or glad", False), ("cross", False), None),  # which of the two is not guessed
        (("cross or glad", False), ("calm", True), True),
        (("calm", None), ("calm", True), None),
        (("cross", False), ("", False), True),
        (("", False), ("", False), False),
        (("calm", False), ("calm", True), True),  # the judge heard something else in it
    ],
)
def test_an_answer_changes_where_the_judge_or_the_option_does(
    plain: tuple[str, bool | None], constrained: tuple[str, bool | None], changed: bool | None
) -> None:
    assert closed("a", plain, constrained).changed is changed


def test_questions_without_options_are_told_apart_by_the_judge_alone() -> None:
    assert closed("a", ("blue", False), ("red", True), options=()).changed is True
    assert closed("a", ("blue", False), ("red", False), options=()).changed is None


def with_texts(twin: Twin, *texts: str) -> Twin:
    sides = (twin.plain, twin.constrained)
    plain, constrained = (
        replace(side, answer=msgspec.structs.replace(side.answer, text=text))
        for side, text in zip(sides, texts, strict=True)
    )
    return Twin(twin.id, plain, constrained)


@pytest.mark.parametrize(
    ("texts", "changed"),
    [
        (("He sat.", "<<HE SAT>>"), False),
        (("He sat.", "He sat down."), True),
        (("", ""), False),
        (("", "so"), True),
    ],
)
def test_transcripts_change_where_their_words_do(texts: tuple[str, str], changed: bool) -> None:
    assert with_texts(spoken("a", (0, 0), (0, 0)), *texts).changed is changed


@pytest.mark.parametrize(
    ("reply", "right", "made_up"),
    [
        ("furious", False, True),
        ("cross", False, False),
        ("furious", True, False),  # the judge takes it for the label
        ("", False, False),  # empty is counted as empty
        ("furious", None, None),
    ],
)
def test_an_answer_outside_the_options_is_made_up(reply: str, right: bool | None, made_up: bool | None) -> None:
    assert closed("a", (reply, right), (reply, right)).plain.made_up(0.5) is made_up


@pytest.mark.parametrize(
    ("reply", "right", "label", "contradicted"),
    [
        ("The answer is calm.", False, "Calm.", True),
        ("The answer is calm.", True, "Calm.", False),
        ("The answer is calm.", None, "Calm.", None),
        ("The answer is cross.", False, "Calm.", False),
        ("It is calm.", False, "Calm.", False),
        ("The answer is bored.", False, "bored", True),  # a label that was not offered
        ("The answer is calm.", False, None, None),
    ],
)
def test_a_judge_is_contradicted_by_a_reply_that_announces_the_label(
    reply: str, right: bool | None, label: str | None, contradicted: bool | None
) -> None:
    side = replace(closed("a", (reply, right), (reply, right)).plain, label=label)
    assert side.contradicted is contradicted


def test_a_question_without_options_has_none_outside_of_them() -> None:
    assert closed("a", ("furious", False), ("x", False), options=()).plain.made_up(0.5) is None


def test_a_transcript_is_made_up_by_its_insertions() -> None:
    twin = spoken("a", (9, 5), (0, 6))
    assert (twin.plain.made_up(0.5), twin.constrained.made_up(0.5)) == (False, True)


def test_of_a_failed_reply_nothing_is_said() -> None:
    side = closed("a", ("calm", None), ("calm", None)).plain
    failed = Side(side.answer, None, None, side.options)
    assert [failed.empty, failed.echoes, failed.wrong, failed.made_up(0.5), failed.given] == [None] * 5
