"""Every way in which a row of the release can be bad, and the message it gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.forms.published import source_of, speaker_of
from speech_ifeval.errors import DataError

CLOSED = "closed_ended_questions.jsonl"
TWINS = "closed_ended_questions-woprompt.jsonl"
CREATIVE = "creative_writing.jsonl"
THOUGHT = "chain-of-thought.jsonl"


def closed_row(**changes: Any) -> dict[str, Any]:
    row = {
        "id": 0,
        "audio_filepath": "a/1.wav",
        "textual_audio": "Hello.",
        "instruction": "Write it down.\nUse capitals only.",
        "dataset": "asr",
        "metric": "wer",
        "instruction_id_list": ["change_case:english_capital"],
        "kwargs": [{}],
        "label": "HELLO",
    }
    return row | changes


def twin_row(**changes: Any) -> dict[str, Any]:
    row = closed_row(instruction="Write it down.")
    del row["instruction_id_list"], row["kwargs"]
    return row | changes


def creative_row(**changes: Any) -> dict[str, Any]:
    row = closed_row(
        instruction="Give 3 bullet points.",
        metric="open",
        instruction_id_list=["detectable_format:number_bullet_lists"],
        kwargs=[{"num_bullets": 3}],
    )
    del row["label"]
    return row | changes


def thought_row(**changes: Any) -> dict[str, Any]:
    row = twin_row(instruction="Why?\nOne step at a time.", metric="cot")
    del row["label"], row["id"]
    return row | changes


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


GOOD = {CLOSED: [closed_row()], TWINS: [twin_row()], CREATIVE: [creative_row()], THOUGHT: [thought_row()]}

BAD_ROWS = [
    (CLOSED, "{", "expected a JSON object, found text that is not JSON"),
    (CLOSED, "NaN", "expected a JSON object, found text that is not JSON"),
    (CLOSED, "[]", "expected a JSON object, found a list; mend it"),
    (CLOSED, "3", "expected a JSON object, found a whole number; mend it"),
    (CLOSED, '{"more":' + "[" * 5000, "expected a JSON object, found one nested too deeply"),
    (CLOSED, without(closed_row(), "label"), 'the field "label" is missing; add it'),
    (CLOSED, without(closed_row(), "kwargs"), 'the field "kwargs" is missing; add it'),
    (CREATIVE, without(creative_row(), "id"), 'the field "id" is missing; add it'),
    (THOUGHT, without(thought_row(), "instruction"), 'the field "instruction" is missing; add it'),
    (CLOSED, closed_row(id="0"), 'the field "id" must be a whole number, found a text; correct it'),
    (CLOSED, closed_row(id=-1), 'the field "id" must be a whole number >= 0; correct it'),
    (CLOSED, closed_row(id=True), 'the field "id" must be a whole number, found true or false; correct it'),
    (CLOSED, closed_row(label=None), 'the field "label" must be a text, found null; correct it'),
    (
        CLOSED,
        closed_row(textual_audio=["x"]),
        'the field "textual_audio" must be a text or null, found a list; correct it',
    ),
    (CLOSED, closed_row(kwargs={}), 'the field "kwargs" must be a list, found an object; correct it'),
    (
        CLOSED,
        closed_row(instruction_id_list=[1]),
        'the field "instruction_id_list[0]" must be a text, found a whole number; correct it',
    ),
    (
        CLOSED,
        closed_row(kwargs=[[]]),
        '"kwargs" of change_case:english_capital: expected a JSON object, found a list; mend it',
    ),
    (
        CLOSED,
        closed_row(kwargs=[{}, {}]),
        '"instruction_id_list" and "kwargs" must be equally long, found 1 and 2; give every id its kwargs',
    ),
    (
        CLOSED,
        closed_row(instruction_id_list=[], kwargs=[]),
        'the field "instruction_id_list" must name a constraint',
    ),
    (
        CLOSED,
        closed_row(instruction_id_list=["change_case:english_capitals"]),
        "unknown constraint id 'change_case:english_capitals'; did you mean change_case:english_capital",
    ),
    (
        CREATIVE,
        creative_row(kwargs=[{}]),
        "detectable_format:number_bullet_lists: the kwarg 'num_bullets' is missing",
    ),
    (
        CREATIVE,
        creative_row(kwargs=[{"num_bullets": -1}]),
        "detectable_format:number_bullet_lists: num_bullets must be a whole number",
    ),
    (
        CREATIVE,
        creative_row(kwargs=[{"num_bullets": 3, "rules": "careful"}]),
        "detectable_format:number_bullet_lists: unknown kwarg 'rules'; remove it",
    ),
    (
        CREATIVE,
        creative_row(kwargs=[{"num_bullets": 3, "loose": True}]),
        "detectable_format:number_bullet_lists: unknown kwarg 'loose'; remove it",
    ),
    (
        CREATIVE,
        creative_row(instruction_id_list=["keywords:existence"], kwargs=[{"keywords": ["a("]}]),
        "keywords:existence: ",
    ),
    (CLOSED, closed_row(instruction=" "), 'the field "instruction" must be a text that is not empty'),
    (CLOSED, closed_row(audio_filepath=""), "the clip must be a path inside the audio folder, found ''"),
    (CLOSED, closed_row(audio_filepath="/etc/passwd"), "the clip must be a path inside the audio folder"),
    (CLOSED, closed_row(audio_filepath=" "), "the clip must be a path inside the audio folder, found ' '"),
    (CREATIVE, creative_row(audio_filepath="a/../../b"), "the clip must be a path inside the audio folder"),
    (THOUGHT, thought_row(audio_filepath="C:\\x.wav"), "the clip must be a path inside the audio folder"),
    (THOUGHT, thought_row(audio_filepath="..\\x.wav"), "the clip must be a path inside the audio folder"),
    (THOUGHT, thought_row(audio_filepath="\\\\host\\x"), "the clip must be a path inside the audio folder"),
    (THOUGHT, thought_row(audio_filepath="a\0b"), "the clip must be a path inside the audio folder"),
]


@pytest.mark.parametrize(("name", "row", "message"), BAD_ROWS)
def test_bad_row(name: str, row: Any, message: str, write: Callable[..., Path]) -> None:
    good = [] if name == THOUGHT else [GOOD[name][0] | {"id": 7}]
    folder = write({name: [*good, row]})
    with pytest.raises(DataError) as caught:
        load_benchmark(folder)
    assert str(caught.value).startswith(f"{folder / name}:{len(good) + 1}: {message}")


def test_bad_kwargs_are_told_from_other_rows(write: Callable[..., Path]) -> None:
    folder = write({CREATIVE: [creative_row(id=1), creative_row(id=2, kwargs=[{"num_bullet": 3}])]})
    with pytest.raises(DataError) as caught:
        load_benchmark(folder)
    assert str(caught.value).startswith(
        f"{folder / CREATIVE}:2: detectable_format:number_bullet_lists: unknown kwarg"
    )


BAD_FILES = [
    ({CLOSED: b""}, f"{CLOSED}:1: expected one JSON object per line, found no line"),
    ({CLOSED: b"\n \n"}, f"{CLOSED}:1: expected one JSON object per line, found no line"),
    ({THOUGHT: b"{}\n\xff{}"}, f"{THOUGHT}:2: expected UTF-8, found the byte 0xff (invalid start byte); save the"),
    ({THOUGHT: b'{"a": "\\ud800"}'}, f"{THOUGHT}:1: expected a JSON object, found text that is not JSON"),
    ({CLOSED: [closed_row(), closed_row()]}, f"{CLOSED}:2: the id 0 is already taken at "),
    ({CREATIVE: [creative_row(), creative_row()]}, f"{CREATIVE}:2: the id 0 is already taken at "),
    ({CLOSED: [closed_row()], TWINS: [twin_row(), twin_row()]}, f"{TWINS}:2: the id 0 is already taken at "),
    ({CLOSED: [closed_row()], TWINS: [twin_row(id=1)]}, f"{TWINS}:1: the id 1 is in no row of "),
    (
        {CLOSED: [closed_row(), closed_row(id=1)], TWINS: [twin_row()]},
        f"{TWINS}:1: expected 2 rows, one for every row of ",
    ),
    (
        {CLOSED: [closed_row()], TWINS: [twin_row(label="HALLO")]},
        f"{TWINS}:1: twins have the same label, found 'HALLO' and, at ",
    ),
    (
        {CLOSED: [closed_row()], TWINS: [twin_row(audio_filepath="b.wav")]},
        f"{TWINS}:1: twins have the same audio_filepath, found 'b.wav' and, at ",
    ),
    ({TWINS: [twin_row()], THOUGHT: [thought_row()]}, f"{TWINS}:1: twins of {CLOSED}, which is not there"),
]


@pytest.mark.parametrize(("files", "message"), BAD_FILES)
def test_bad_file(files: dict[str, Any], message: str, write: Callable[..., Path]) -> None:
    folder = write(files)
    with pytest.raises(DataError) as caught:
        load_benchmark(folder)
    assert str(caught.value).startswith(str(folder / message))


@pytest.mark.parametrize("below", ["", "eval_data/", "data/eval_data/"])
def test_found_where_the_release_puts_it(below: str, write: Callable[..., Path]) -> None:
    folder = write({f"{below}{name}": rows for name, rows in GOOD.items()})
    benchmark = load_benchmark(str(folder))
    assert [item.id for item in benchmark] == [
        "closed-ended/0000",
        "closed-ended-plain/0000",
        "creative-writing/0000",
        "chain-of-thought/0000",
    ]
    assert benchmark.places["creative-writing/0000"] == f"{CREATIVE}:1"


def test_a_part_of_the_release_says_what_is_missing(write: Callable[..., Path]) -> None:
    benchmark = load_benchmark(write({CLOSED: [closed_row()]}))
    assert benchmark.missing_categories == ("creative-writing", "chain-of-thought")
    assert benchmark.items[0].twin is None


def test_published_outputs_name_the_transcript_otherwise(write: Callable[..., Path]) -> None:
    row = without(thought_row(seed_transcript="Read."), "textual_audio")
    assert load_benchmark(write({THOUGHT: [row]})).items[0].transcript == "Read."


def test_byte_order_mark_line_ends_and_blank_lines_are_no_content(write: Callable[..., Path]) -> None:
    line = json.dumps(thought_row()).encode()
    plain = load_benchmark(write({"a/" + THOUGHT: line}).joinpath("a"))
    other = load_benchmark(write({"b/" + THOUGHT: b"\xef\xbb\xbf\r\n" + line + b"\r\n\r\n"}).joinpath("b"))
    assert plain.fingerprint == other.fingerprint


def test_a_stated_licence_is_kept(write: Callable[..., Path]) -> None:
    rows = [thought_row(licence="CC0"), thought_row(license="MIT"), thought_row()]
    assert [item.licence for item in load_benchmark(write({THOUGHT: rows}))] == ["CC0", "MIT", None]


@pytest.mark.parametrize(
    ("clip", "source"),
    [
        ("Automatic_speech_recognition/1089-134686-0000.flac", "LibriSpeech"),
        ("Speech_emotion_recognition/Ses05F_impro01_F003.wav", "IEMOCAP"),
        ("Speech_emotion_recognition/Ses05M_script01_1b_M003.wav", "IEMOCAP"),
        ("Gender_recognition/dia1_utt2.wav", "MELD"),
        ("Gender_recognition/common_voice_en_1.mp3", "Common Voice"),
        ("MMAU/0.wav", "MMAU"),
        ("notMMAU/0.wav", None),
        ("a/1-2.flac", None),
        ("Session1.wav", None),
    ],
)
def test_source_is_said_only_where_it_is_certain(clip: str, source: str | None) -> None:
    assert source_of(clip) == source


@pytest.mark.parametrize(
    ("clip", "speaker"),
    [
        ("Automatic_speech_recognition/1995-1837-0019.flac", "LibriSpeech/1995"),
        ("Speech_emotion_recognition/Ses05F_impro02_M041.wav", "IEMOCAP/Ses05M"),
        ("Speech_emotion_recognition/Ses05M_script01_1b_F003.wav", "IEMOCAP/Ses05F"),
        ("Gender_recognition/dia3_utt7.wav", None),  # a dialogue is no speaker
        ("Gender_recognition/common_voice_en_31703154.mp3", None),
        ("1995-1837.flac", None),
    ],
)
def test_a_speaker_is_known_where_the_corpus_writes_it_into_the_name(clip: str, speaker: str | None) -> None:
    assert speaker_of(clip) == speaker
