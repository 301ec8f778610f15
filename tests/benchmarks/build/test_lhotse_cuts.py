"""Lhotse's cuts: a whole recording stays its file, a stretch becomes one; a missing package is named."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from speech_ifeval.benchmarks.build import Plan, build_benchmark, read_manifest
from speech_ifeval.errors import DataError, MissingExtraError, UsageError
from tests.spoken import write_tone


def cut(folder: Path, number: int, start: float = 0.0, duration: float = 1.0) -> dict[str, Any]:
    """A cut as `CutSet.to_file` writes it: a stretch of a recording of one second."""
    path = write_tone(folder / f"{number}.wav", 300, 1.0)
    recording = {
        "id": f"r{number}", "sources": [{"type": "file", "channels": [0], "source": str(path)}],
        "sampling_rate": 16000, "num_samples": 16000, "duration": 1.0, "channel_ids": [0],
    }  # fmt: skip
    said = {
        "id": f"s{number}", "recording_id": f"r{number}", "start": 0, "duration": duration, "channel": 0,
        "text": "Seven boats sailed.", "speaker": "ann", "gender": "Female", "custom": {"task": "transcription"},
    }  # fmt: skip
    return {
        "id": f"cut{number}", "start": start, "duration": duration, "channel": 0, "supervisions": [said],
        "recording": recording, "type": "MonoCut",
    }  # fmt: skip


def write_cuts(path: Path, cuts: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(one) + "\n" for one in cuts).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_cuts_make_a_benchmark(name: str, tmp_path: Path) -> None:
    pytest.importorskip("lhotse", reason="the package lhotse is not installed")
    path = write_cuts(tmp_path / name, [cut(tmp_path, 0), cut(tmp_path, 1, 0.25, 0.5)])
    corpus = read_manifest(path)
    assert corpus.sounds["cut0.wav"] == tmp_path / "0.wav"
    assert [(row.task, row.speaker, row.metadata) for row in corpus.rows] == [
        ("transcription", "ann", {"Gender": "Female"})
    ] * 2
    built = build_benchmark(path, tmp_path / "out", Plan("cuts", ""))
    assert {item.clip for item in built.items} == {"cut0.wav", "cut1.wav"}
    assert (tmp_path / "out/audio/cut0.wav").read_bytes() == (tmp_path / "0.wav").read_bytes()
    whole, _ = soundfile.read(tmp_path / "1.wav", dtype="int16")
    stretch, rate = soundfile.read(tmp_path / "out/audio/cut1.wav", dtype="int16")
    assert (rate, len(stretch)) == (16000, 8000)
    assert abs(stretch - whole[4000:12000]).max() <= 1


def test_broken_cuts_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("lhotse", reason="the package lhotse is not installed")
    broken = cut(tmp_path, 0)
    del broken["recording"]["sampling_rate"]
    with pytest.raises(DataError, match="expected Lhotse's cuts, found something else"):
        read_manifest(write_cuts(tmp_path / "cuts.jsonl", [broken]))


def test_without_the_package_its_install_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_cuts(tmp_path / "cuts.jsonl.gz", [cut(tmp_path, 0)])
    monkeypatch.setitem(sys.modules, "lhotse", None)
    with pytest.raises(MissingExtraError, match=r"lhotse: pip install 'speech-ifeval\[corpora\]'"):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"[]"), gzip.compress(b'{"type": "cut"}')])
def test_a_compressed_file_that_holds_no_cuts_is_no_manifest(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cuts.jsonl.gz").write_bytes(content)
    with pytest.raises(UsageError, match="is no manifest: expected a manifest"):
        read_manifest(tmp_path / "cuts.jsonl.gz")
