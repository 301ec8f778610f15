"""Lessons: a reply follows what its prompt demands, by the rules that score it, and nothing held out is taught."""

from __future__ import annotations

import tomllib
from collections import Counter
from importlib.resources import files
from random import Random

import pytest

import speech_ifeval as sif
from speech_ifeval.judges.kinds.heuristic import agrees, reasons
from speech_ifeval.lab.lessons import (
    CREATIVE,
    OPTIONS,
    PITCH,
    TASKS,
    closed_lesson,
    closed_question,
    creative_lesson,
    draw_manner,
    draw_text,
    tasks_of,
)
from speech_ifeval.lab.phrases import draw_keyword, draw_phrase
from speech_ifeval.lab.wordings import HELD_OUT, Demand, english
from speech_ifeval.lab.world import training_scene

POOL = tomllib.loads((files("speech_ifeval.benchmarks.build") / "pools" / "en.toml").read_text(encoding="utf-8"))
DEMANDS = [Demand(entry["id"], entry.get("kwargs", {})) for entry in POOL["constraint"]]


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda one: f"{one.id}{'-'.join(map(str, one.kwargs.values()))}")
def test_every_reply_follows_its_demand(demand: Demand) -> None:
    rng = Random(demand.id)
    wordings = english()
    for _ in range(300):
        scene, manner = training_scene(rng), draw_manner(rng)
        if demand.id in CREATIVE:
            lesson = creative_lesson(demand, scene, manner, wordings, rng)
        else:
            question = closed_question(rng.choice(tasks_of(manner)), scene, manner, wordings, rng)
            lesson = closed_lesson(demand, question, scene, wordings, rng)
        if demand.id == "reasoning:chain_of_thought":
            assert reasons(lesson.reply), lesson.reply
        else:
            assert sif.compile(demand.id, **lesson.kwargs).check(lesson.reply), (lesson.kwargs, lesson.reply)
            assert sif.compile(demand.id, rules="careful", **lesson.kwargs).check(lesson.reply), lesson.reply


@pytest.mark.parametrize("task", TASKS)
def test_the_judge_agrees_that_replies_are_right(task: str) -> None:
    rng = Random(task)
    for _ in range(200):
        scene, manner = training_scene(rng), draw_manner(rng)
        if task not in tasks_of(manner):
            assert task == PITCH
            continue
        question = closed_question(task, scene, manner, english(), rng)
        if task == "transcription":
            assert question.own == scene.text
            continue
        options = question.text.split('"')[1::2]
        assert question.core in options
        assert agrees(question.own, question.core, options)
        assert agrees(question.corpus, question.core, options)
        wrong = next(one for one in options if one != question.core)
        assert not agrees(question.own, wrong, options)


def test_no_held_out_wording_and_no_value_of_the_pool_is_taught() -> None:
    rng = Random(5)
    wordings = english()
    taught = [draw_text(wordings, rng).instruction for _ in range(20_000)]
    demands = Counter(text.rpartition("\n")[2] for text in taught)
    for entry in POOL["constraint"]:
        kept = [text.partition("{")[0] for text in entry["wordings"][-HELD_OUT:]]
        ends = [text.rpartition("}")[2] for text in entry["wordings"][-HELD_OUT:]]
        for start, end in zip(kept, ends, strict=True):
            whole = start if "{" not in entry["wordings"][0] else None
            if whole is not None:
                assert whole not in demands
            else:
                assert not [text for text in demands if text.startswith(start) and text.endswith(end) and start]
    phrases = {
        text for entry in POOL["constraint"] for text in entry.get("values", {}).get("prompt_to_repeat", ())
    }
    phrases |= {text for entry in POOL["constraint"] for text in entry.get("values", {}).get("end_phrase", ())}
    keywords = next(
        entry["values"]["keywords"] for entry in POOL["constraint"] if entry["id"] == "keywords:existence"
    )
    assert len(phrases) == 24
    assert not [text for text in demands for phrase in phrases if f'"{phrase}"' in text]
    assert not [text for text in demands for word in keywords if f'"{word}"' in text]
    assert not {draw_phrase(rng) for _ in range(20_000)} & phrases
    assert not {draw_keyword(rng) for _ in range(20_000)} & set(keywords)


def test_lessons_are_the_same_for_the_same_seed() -> None:
    def drawn(seed: int) -> list[object]:
        rng = Random(seed)
        return [draw_text(english(), rng) for _ in range(200)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_every_task_offers_the_options_it_has() -> None:
    assert OPTIONS == {"voice": ("woman", "man"), "speed": ("fast", "slow"), "pitch": ("high", "low")}
