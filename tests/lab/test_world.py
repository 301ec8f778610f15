"""The world of the lab's sentences: what is held out stays out, and questions have one right answer."""

from __future__ import annotations

from random import Random

import pytest

from speech_ifeval.lab.bundled import bundled_utterances
from speech_ifeval.lab.speech import training_utterances
from speech_ifeval.lab.world import draw_question, draw_scene, held_out_scene, is_held_out, training_scene


def test_training_scenes_and_held_out_scenes_share_no_sentence() -> None:
    rng = Random(1)
    trained = {training_scene(rng).text for _ in range(3000)}
    kept = {held_out_scene(rng).text for _ in range(1000)}
    assert len(trained) > 2900
    assert not trained & kept


@pytest.mark.parametrize("seed", [0, 1])
def test_no_sentence_of_the_bundled_clips_is_spoken_in_training(seed: int) -> None:
    bundled = [one.scene for one in bundled_utterances(0)]
    assert all(map(is_held_out, bundled))
    assert not {scene.text for scene in bundled} & {one.scene.text for one in training_utterances(seed, 6000)}


def test_a_question_offers_its_answer_once_and_nothing_else_that_is_said() -> None:
    rng = Random(2)
    for _ in range(3000):
        scene = draw_scene(rng)
        ask = draw_question(scene, rng)
        assert len(set(ask.options)) == 4
        assert ask.options.count(ask.answer) == 1
        words = f" {scene.text.lower().rstrip('.')} "
        others = [one for one in ask.options if one != ask.answer]
        assert not [one for one in others if f" {one.lower().removesuffix(' it')} " in words]


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    assert training_utterances(3, 50) == training_utterances(3, 50)
    assert training_utterances(3, 50) != training_utterances(4, 50)


def test_every_voice_speed_and_pitch_is_bundled_equally_often() -> None:
    utterances = bundled_utterances(0)
    assert len(utterances) == len({one.scene.text for one in utterances}) == 40
    for voice in {one.voice.name for one in utterances}:
        mine = [one.manner for one in utterances if one.voice.name == voice]
        assert [one.speed for one in mine].count("fast") == 5
        assert [one.pitch for one in mine].count("high") in (4, 5, 6) or mine[0].pitch is None
