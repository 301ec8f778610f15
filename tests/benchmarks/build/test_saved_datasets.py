"""Folders that `datasets` has saved: the rows of a manifest, audio as the bytes it is, labels by their names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks.build import Plan, build_benchmark, read_manifest
from speech_ifeval.errors import DataError, MissingExtraError, UsageError
from tests.benchmarks.build.corpora import FIELDS, as_jsonl, write_clips

datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")


def columns_of(folder: Path, *, embedded: bool = True) -> dict[str, list[Any]]:
    names = ("transcript", "task", "label", "question", "options", "speaker", "source", "licence")
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in FIELDS] for name in names}
    columns["meta.Mood"] = [row.get("metadata", {}).get("Mood") for row in FIELDS]
    paths = [str(row["audio"]) for row in FIELDS]
    columns["audio"] = (
        [{"path": one, "bytes": (folder / one).read_bytes()} for one in paths] if embedded else paths
    )
    return columns


def save(folder: Path, columns: dict[str, list[Any]], **features: Any) -> Path:
    table = datasets.Dataset.from_dict(columns)
    for name, feature in features.items():
        table = table.cast_column(name, feature)
    table.save_to_disk(str(folder))
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_clips(tmp_path / "corpus")
    (tmp_path / "corpus" / "m.jsonl").write_text(as_jsonl())
    return tmp_path / "corpus"


@pytest.mark.parametrize("decoded", [True, False], ids=["an audio column", "bytes and path"])
def test_a_saved_dataset_makes_the_same_benchmark_as_the_manifest(
    decoded: bool, corpus: Path, tmp_path: Path
) -> None:
    features = {"audio": datasets.Audio(sampling_rate=16000)} if decoded else {}
    saved = save(tmp_path / "saved", columns_of(corpus), **features)
    plan = Plan("radio", "")
    from_lines = build_benchmark(corpus / "m.jsonl", tmp_path / "one", plan)
    from_table = build_benchmark(saved, tmp_path / "other", plan)
    assert from_table.items == from_lines.items
    for name in ("a.wav", "d.wav"):
        assert (tmp_path / "other" / "audio" / name).read_bytes() == (corpus / name).read_bytes()


def test_an_audio_column_of_paths_is_relative_to_the_audio_folder(corpus: Path, tmp_path: Path) -> None:
    saved = save(tmp_path / "saved", columns_of(corpus, embedded=False))
    assert read_manifest(saved, audio_dir=corpus).sounds["a.wav"] == corpus / "a.wav"


def test_labels_of_a_class_are_its_names_and_other_columns_are_said(corpus: Path, tmp_path: Path) -> None:
    columns = {
        "audio": [str(corpus / "a.wav")] * 2,
        "sentence": ["Seven boats.", "Seven boats."],
        "gender": [1, 0],
        "up_votes": [3, 4],
    }
    saved = save(tmp_path / "saved", columns, gender=datasets.ClassLabel(names=["male", "female"]))
    read = read_manifest(saved, columns={"transcript": "sentence", "label": "gender"}, task="gender")
    assert [row.label for row in read.rows] == ["female", "male"]
    assert read.notes == ("columns that were not read: up_votes",)


def test_clips_without_a_name_or_with_the_same_one_stay_apart(corpus: Path, tmp_path: Path) -> None:
    content = [(corpus / name).read_bytes() for name in ("a.wav", "b.wav", "a.wav", "c.wav")]
    paths = ["x/1.wav", "y/1.wav", "x/1.wav", None]
    columns = {
        "audio": [{"path": path, "bytes": one} for path, one in zip(paths, content, strict=True)],
        "transcript": ["One.", "Two.", "One.", "Three."],
    }
    read = read_manifest(save(tmp_path / "saved", columns, audio=datasets.Audio()))
    assert [row.audio for row in read.rows] == ["1.wav", "1-1.wav", "1.wav", "000003.wav"]
    sounds = [read.sounds[row.audio] for row in read.rows]
    assert [sound() for sound in sounds if not isinstance(sound, Path)] == content


def test_several_splits_are_refused_with_the_first_ones_name(corpus: Path, tmp_path: Path) -> None:
    table = datasets.Dataset.from_dict({"audio": ["a.wav"], "transcript": ["Hi."]})
    datasets.DatasetDict({"test": table, "train": table}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(
        UsageError, match=r"holds several splits \(test, train\): expected one; give .*saved/test'"
    ):
        read_manifest(tmp_path / "saved")
    assert len(read_manifest(tmp_path / "saved" / "test").rows) == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"path": ["a.wav"], "transcript": ["Hi."]},
            "expected the columns audio and transcript, found path, transcript",
        ),
        ({"audio": [3], "transcript": ["Hi."]}, "row 0: expected audio, found int; correct the audio column"),
        ({"audio": ["a.wav"], "transcript": [None]}, 'row 0: the field "transcript" must be a text, found null'),
        (
            {"audio": ["a.wav"], "transcript": [""]},
            'row 0: the field "transcript" must be a text that is not empty',
        ),
    ],
)
def test_a_dataset_with_the_wrong_columns(columns: dict[str, list[Any]], message: str, tmp_path: Path) -> None:
    saved = save(tmp_path / "saved", columns)
    with pytest.raises(DataError) as caught:
        read_manifest(saved)
    assert message in str(caught.value)


def test_a_broken_dataset_is_refused(corpus: Path, tmp_path: Path) -> None:
    saved = save(tmp_path / "saved", columns_of(corpus))
    (saved / "state.json").write_text("{")
    with pytest.raises(DataError, match="expected a saved dataset, found one that cannot be read"):
        read_manifest(saved)


def test_without_the_package_its_install_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = save(tmp_path / "saved", {"audio": ["a.wav"], "transcript": ["Hi."]})
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"datasets: pip install 'speech-ifeval\[corpora\]'"):
        read_manifest(saved)
