"""Manifests: the same corpus in every form is the same rows; what is wrong is said with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from speech_ifeval.benchmarks.build import Corpus, Row, read_manifest
from speech_ifeval.benchmarks.build.manifests import COLUMNS
from speech_ifeval.errors import DataError, UsageError
from tests.benchmarks.build.corpora import FIELDS, as_csv, as_jsonl


def without_places(corpus: Corpus) -> list[Row]:
    return [replace(row, place="") for row in corpus.rows]


def read(folder: Path, name: str, text: str, **options: Any) -> Corpus:
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(text, "utf-8")
    return read_manifest(path, **options)


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    return without_places(read(tmp_path, "corpus.jsonl", as_jsonl()))


def test_json_lines_give_rows_with_their_lines(tmp_path: Path) -> None:
    corpus = read(tmp_path, "corpus.jsonl", as_jsonl())
    assert [row.audio for row in corpus.rows] == [fields["audio"] for fields in FIELDS]
    assert corpus.rows[0].metadata == {"Mood": "calm"}
    assert corpus.rows[1].options == ("five", "six", "seven")
    assert corpus.rows[3].place == f"{tmp_path / 'corpus.jsonl'}:4"
    assert corpus.sounds["a.wav"] == tmp_path / "a.wav"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("corpus.csv", as_csv()),
        ("corpus.tsv", as_csv(delimiter="\t")),
        ("corpus.csv", "\ufeff" + as_csv()),
        ("corpus.csv", as_csv().replace("\r\n", "\n") + "\n\n"),
        ("corpus.ndjson", as_jsonl() + "\n"),
    ],
)
def test_another_form_of_the_same_manifest_gives_the_same_rows(
    name: str, text: str, rows: list[Row], tmp_path: Path
) -> None:
    assert without_places(read(tmp_path, name, text)) == rows


def test_a_table_may_hold_metadata_as_an_object_and_cells_of_several_lines(tmp_path: Path) -> None:
    text = 'audio,transcript,metadata\na.wav,"Hello,\nthere.",'
    text += '"{""Mood"": ""calm"", ""Age"": 7, ""x"": null}"\nb.wav,Bye.,\n'
    corpus = read(tmp_path, "corpus.csv", text)
    assert [(row.transcript, row.metadata) for row in corpus.rows] == [
        ("Hello, there.", {"Mood": "calm", "Age": "7"}),
        ("Bye.", {}),
    ]
    assert [row.place.rpartition(":")[2] for row in corpus.rows] == ["2", "4"]


def test_columns_by_other_names_are_named(rows: list[Row], tmp_path: Path) -> None:
    table = as_csv().replace("audio,transcript", "path,sentence", 1).replace("meta.Mood", "mood", 1)
    columns = {"audio": "path", "transcript": "sentence", "meta.Mood": "mood"}
    assert without_places(read(tmp_path, "other.csv", table, columns=columns)) == rows
    lines = as_jsonl(
        [{("text" if key == "transcript" else key): value for key, value in row.items()} for row in FIELDS]
    )
    assert without_places(read(tmp_path, "other.jsonl", lines, columns={"transcript": "text"})) == rows


def test_columns_that_are_not_known_are_left_out_when_asked(tmp_path: Path) -> None:
    table = "audio,transcript,up_votes\na.wav,Hello.,3\n"
    assert read(tmp_path, "a.csv", table, ignore_others=True).rows[0].metadata == {}
    line = '{"audio": "a.wav", "transcript": "Hello.", "up_votes": 3}\n'
    assert len(read(tmp_path, "a.jsonl", line, ignore_others=True).rows) == 1


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_folder_of_audio_names_its_files(name: str, rows: list[Row], tmp_path: Path) -> None:
    fields = [{("file_name" if key == "audio" else key): value for key, value in row.items()} for row in FIELDS]
    text = as_csv(fields) if name.endswith("csv") else as_jsonl(fields)
    read(tmp_path, f"corpus/{name}", text, columns={"audio": "file_name"})
    corpus = read_manifest(tmp_path / "corpus")
    assert without_places(corpus) == rows
    assert corpus.sounds["a.wav"] == tmp_path / "corpus" / "a.wav"


def test_rows_without_a_task_get_the_one_that_is_named(tmp_path: Path) -> None:
    corpus = read(tmp_path, "a.jsonl", as_jsonl(), task="transcription")
    assert [row.task for row in corpus.rows][-2:] == ["transcription", "transcription"]
    assert corpus.rows[1].task == "counting"


def test_two_spellings_of_a_path_are_one_clip_and_the_audio_folder_is_the_one_that_is_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "clips").mkdir()
    text = as_jsonl([{"audio": name, "transcript": "Hi."} for name in ("./x/a.wav", "x//a.wav")])
    corpus = read(tmp_path, "a.jsonl", text, audio_dir=tmp_path / "clips")
    assert corpus.sounds == {"x/a.wav": tmp_path / "clips" / "x/a.wav"}


GOOD = '{"audio": "a.wav", "transcript": "Hi."}\n'
BAD: list[tuple[str, str, str]] = [
    ("a.jsonl", "", ":1: expected one JSON object per line, found no line"),
    ("a.jsonl", GOOD + "{", ":2: expected a JSON object, found text that is not JSON"),
    ("a.jsonl", GOOD + "[]", ":2: expected a JSON object, found a list"),
    ("a.jsonl", GOOD + '{"audio": "a.wav"}', ':2: the field "transcript" is missing; add it'),
    ("a.jsonl", '{"audio": "a.wav", "transcript": ""}', ':1: the field "transcript" must be a text that'),
    ("a.jsonl", '{"audio": "a.wav", "transcript": 3}', '"transcript" must be a text, found a whole number'),
    ("a.jsonl", GOOD[:-2] + ', "spekaer": "x"}', ':1: the field "spekaer" is not known; correct or remove it'),
    ("a.jsonl", GOOD[:-2] + ', "options": "x"}', 'the field "options" must be a list or null, found a text'),
    ("a.jsonl", GOOD[:-2] + ', "metadata": ["x"]}', '"metadata" must be an object or null, found a list'),
    ("a.csv", "", ":1: expected the columns audio and transcript, found none; add 'audio'"),
    ("a.csv", "audio,transcript\n", ": expected a row for every clip, found none"),
    ("a.csv", "audio,task\na.wav,x\n",
     ":1: expected the columns audio and transcript, found audio, task; add 'transcript'"),
    ("a.csv", "path,transcript\na.wav,x\n", ":1: the column 'path' is not known: expected audio, transcript, "),
    ("a.csv", "audio;transcript\na.wav;x\n",
     ":1: expected columns separated by commas, found ';': save it with commas as .csv"),
    ("a.csv", "audio\ttranscript\na.wav\tx\n", ":1: expected columns separated by commas, found a tab: "),
    ("a.csv", "audio,transcript,audio\na,b,c\n", ":1: the column 'audio' stands there twice; rename one"),
    ("a.csv", "audio,transcript\na.wav,b,c\n", ":2: expected 2 cells, as the first line has columns, found 3"),
    ("a.csv", "audio,transcript\na.wav\n", ":2: expected 2 cells, as the first line has columns, found 1"),
    ("a.csv", "audio,transcript\n,Hello.\n", ':2: the field "audio" must be a text that is not empty'),
    ("a.csv", 'audio,transcript\na.wav,"Hello\n', ":2: expected a table, found unexpected end of data"),
    ("a.csv", "audio,transcript,metadata\na.wav,b,x\n",
     ":2: the column metadata must hold a JSON object, found 'x'"),

        ("a.csv", "audio,transcript,metadata\na.wav,b,3\n", '"metadata" must be an object or null, found a '),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_a_broken_manifest_is_refused_with_its_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, name, text)
    assert str(caught.value).startswith(
        f"{tmp_path / name}{message}" if message.startswith(":") else str(tmp_path)
    )
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_manifest_that_is_not_utf8_or_cannot_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"audio,transcript\na.wav,caf\xe9\n")
    with pytest.raises(DataError, match="expected UTF-8"):
        read_manifest(tmp_path / name)


CALLS: list[tuple[Callable[[Path], dict[str, Any]], str]] = [
    (lambda folder: {"path": folder / "nowhere.csv"}, "no manifest at "),
    (lambda folder: {"path": folder}, "holds no corpus: expected a manifest (.jsonl, .csv, .tsv), a folder with"),
    (lambda folder: {"path": folder / "a.txt"}, "is no manifest: expected a manifest (.jsonl"),
    (lambda folder: {"path": folder / "a.csv", "audio_dir": folder / "x"}, "no audio folder at "),
    (lambda folder: {"path": folder / "a.csv", "columns": {"sound": "x"}},
     "unknown column 'sound': expected one of audio"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_a_wrong_call_is_refused(call: Callable[[Path], dict[str, Any]], message: str, tmp_path: Path) -> None:
    for name in ("a.txt", "a.csv"):
        (tmp_path / name).write_text("audio,transcript\na.wav,Hi.\n")
    with pytest.raises(UsageError) as caught:
        read_manifest(**call(tmp_path))
    assert message in str(caught.value)


def test_a_column_that_is_named_and_absent(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r':1: the field "sentence" is missing, which --column names'):
        read(tmp_path, "a.jsonl", GOOD, columns={"transcript": "sentence"})
    with pytest.raises(
        DataError, match=r":1: .*found audio, transcript; add 'sentence'|'transcript' is not known"
    ):
        read(tmp_path, "a.csv", "audio,transcript\na,b\n", columns={"transcript": "sentence"})


def test_metadata_may_nest_nothing(tmp_path: Path) -> None:
    line = json.dumps({"audio": "a.wav", "transcript": "Hi.", "metadata": {"Mood": ["calm"]}})
    with pytest.raises(DataError, match=r'the field "metadata\[\.\.\.\]" must be '):
        read(tmp_path, "a.jsonl", line)


def test_the_page_names_every_column_and_no_other() -> None:
    page = (Path(__file__).parents[3] / "docs" / "building.md").read_text()
    table = page.partition("| column | what it holds |")[2].partition("\n\n")[0]
    named = [
        name
        for line in table.splitlines()
        for name in re.findall(r"`(\w+)`", line.split("|")[1] if "|" in line else "")
    ]
    assert tuple(named) == COLUMNS
