"""The same items under other conditions: what changes of them, and what stays."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile

from speech_ifeval.benchmarks import Benchmark, load_benchmark
from speech_ifeval.benchmarks.answers import options_of
from speech_ifeval.clips import read_clip
from speech_ifeval.errors import OutputError
from speech_ifeval.experiments.conditions import (
    in_other_words,
    with_neutral_sentences,
    with_silence,
    with_swapped_clips,
)
from speech_ifeval.experiments.sentences import Placebos, find_placebos, load_placebos
from speech_ifeval.records import TWIN_CATEGORY, Item
from tests.experiments.tones import write_tones
from tests.shared_data import RELEASE, needs_release


@pytest.fixture(scope="module")
def bundled() -> Benchmark:
    return load_benchmark("bundled")


@pytest.fixture(scope="module")
def english() -> Placebos:
    path = find_placebos("en")
    assert path is not None
    return load_placebos(path)


def test_a_swap_moves_the_clip_and_what_is_read_and_nothing_else(bundled: Benchmark) -> None:
    other = with_swapped_clips(bundled, bundled.items, seed=0)
    assert (len(other), other.name, other.fingerprint == bundled.fingerprint) == (430, "bundled+swapped", False)
    read = {item.clip: item.transcript for item in bundled}
    for item in other:
        before = bundled.item(item.id)
        assert item.clip != before.clip
        assert item.transcript == read[item.clip] != before.transcript
        assert (item.instruction, item.label, item.constraints) == (
            before.instruction,
            before.label,
            before.constraints,
        )
        if item.twin is not None:
            assert other.item(item.twin).clip == item.clip


@pytest.mark.parametrize("name", ["bundled", pytest.param(str(RELEASE), marks=needs_release)])
def test_a_neutral_sentence_is_about_as_long_as_the_constraint(name: str, english: Placebos) -> None:
    benchmark = load_benchmark(name)
    placebo = with_neutral_sentences(benchmark, benchmark.items, english, seed=0)
    closed = benchmark.in_category("closed-ended")
    more = [len(placebo.item(item.id).instruction) - len(item.instruction) for item in closed]
    assert abs(float(np.mean(more))) < 1
    assert float(np.mean(np.abs(more))) < 3
    assert len({placebo.item(item.id).instruction.rpartition("\n")[2] for item in closed}) > 15
    for item in closed:
        question = benchmark.item(str(item.twin)).instruction
        assert placebo.item(item.id).instruction.startswith(f"{question}\n")
    assert len(placebo) == 2 * len(closed)


@pytest.mark.parametrize("name", ["bundled", pytest.param(str(RELEASE), marks=needs_release)])
def test_other_words_leave_the_constraint_and_the_options(name: str, english: Placebos) -> None:
    benchmark = load_benchmark(name)
    other = in_other_words(benchmark, benchmark.items, english, seed=0)
    for item in other:
        before = benchmark.item(item.id)
        assert item.instruction != before.instruction
        assert options_of(item.instruction) == options_of(before.instruction)
        if before.category == "closed-ended":
            question, reworded = (one.item(str(item.twin)).instruction for one in (benchmark, other))
            assert item.instruction[len(reworded) :] == before.instruction[len(question) :]
        elif before.category != TWIN_CATEGORY:
            assert item.instruction.endswith(before.instruction.rpartition("\n")[2])


def test_a_question_of_the_pool_becomes_another_of_its_task(english: Placebos) -> None:
    asked = 'Who is speaking? Choose the answer from "woman" or "man".'
    drawn = {english.reworded(asked, Random(seed)) for seed in range(30)}
    assert {text.partition(" Choose ")[0] for text in drawn} == set(english.questions["voice"]) - {
        "Who is speaking?"
    }
    assert english.reworded("Count the words.", Random(0)).endswith(": Count the words.")


def test_neutral_sentences_say_nothing_of_form_or_speech(english: Placebos) -> None:
    told = (
        "answer",
        "reply",
        "response",
        "write",
        "letter",
        "word",
        "quot",
        "json",
        "bullet",
        "speak",
        "voice",
        "said",
    )
    assert len(set(english.neutral)) == len(english.neutral) > 40
    for sentence in english.neutral:
        assert not any(word in sentence.lower() for word in told), sentence


def test_silence_is_as_long_as_the_clip_and_a_broken_clip_is_left_out(tmp_path: Path) -> None:
    tones = write_tones(tmp_path / "tones", clips=4, names=0, thinking=0)
    audio = tones.root / "audio"
    (audio / "002.wav").write_bytes(b"no audio")
    silent = with_silence(tones, tones.items, audio, tmp_path / "silence")
    assert {item.clip for item in silent} == {"000.wav.wav", "001.wav.wav", "003.wav.wav"}
    for name in ("000.wav", "001.wav", "003.wav"):
        before, after = read_clip(audio / name), read_clip(silent.root / f"{name}.wav")
        assert (after.seconds, after.rate) == (before.seconds, before.rate)
        assert not soundfile.read(after.path)[0].any()
    assert sorted(path.name for path in silent.root.iterdir()) == sorted({item.clip for item in silent})


def test_a_file_where_the_folder_of_silence_should_be_is_said(tmp_path: Path) -> None:
    tones = write_tones(tmp_path / "tones", clips=2, names=0, thinking=0)
    (tmp_path / "silence").write_text("")
    with pytest.raises(OutputError, match="silence cannot be written"):
        with_silence(tones, tones.items, tones.root / "audio", tmp_path / "silence")


def test_silence_of_another_clip_of_the_name_is_written_again(tmp_path: Path) -> None:
    for seconds in (2.0, 1.0):
        soundfile.write(tmp_path / "a.wav", np.zeros(int(16_000 * seconds)), 16_000)
        item = Item("closed-ended/0000", "closed-ended", "Who?", "a.wav", "voice")
        silent = with_silence(load_benchmark("example"), [item], tmp_path, tmp_path / "silent")
        assert read_clip(tmp_path / "silent" / silent.items[0].clip).seconds == pytest.approx(seconds)


def test_what_is_read_of_a_swapped_clip_is_its_own_data_sets() -> None:
    items = [
        Item(f"closed-ended/{name}{clip}", "closed-ended", "Who?", clip, name, transcript=f"{name} of {clip}")
        for name in ("tones", "words")
        for clip in ("a.wav", "b.wav")
    ]
    for item in with_swapped_clips(load_benchmark("example"), items, seed=0):
        assert item.transcript == f"{item.dataset} of {item.clip}"
