"""Clips as they are sent: what was decoded, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_ifeval.errors import DataError
from speech_ifeval.models.uploads import sixteen_bits, wav_of


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_every_16_bit_sample_arrives_unchanged(tmp_path: Path, rate: int, suffix: str) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int16)
    path = tmp_path / f"clip.{suffix}"
    soundfile.write(path, samples, rate, subtype="PCM_16")
    sent, found = soundfile.read(io.BytesIO(wav_of(path)), dtype="int16")
    assert found == rate
    assert np.array_equal(sent, samples)


def test_two_channels_are_sent_as_their_mean(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.array([[1000, 3000], [-400, 0]], np.int16), 16000)
    assert soundfile.read(io.BytesIO(wav_of(path)), dtype="int16")[0].tolist() == [2000, -200]


@pytest.mark.parametrize("suffix", ["mp3", "ogg"])
def test_lossy_files_are_sent_as_they_decode(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    soundfile.write(path, 0.5 * np.sin(np.arange(16000) / 20), 16000)
    decoded = soundfile.read(path, dtype="float32")[0]
    sent = soundfile.read(io.BytesIO(wav_of(path)), dtype="float32")[0]
    assert np.abs(sent - decoded).max() <= 0.5 / 32768


def test_what_is_louder_than_full_scale_is_clipped() -> None:
    loud = np.frombuffer(sixteen_bits(np.array([-9, -1, 1, 9], np.float32)), "<i2")
    assert loud.tolist() == [-32768, -32768, 32767, 32767]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "found no such file"), (b"not audio", "cannot be decoded"), (b"", "cannot be decoded")],
)
def test_a_file_that_is_no_clip_is_said(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "clip.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=problem):
        wav_of(path)


def test_a_clip_of_zero_length_is_said(tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(0, np.int16), 16000)
    with pytest.raises(DataError, match="zero length"):
        wav_of(path)
