"""Clips whose path is odd: refused in one line, before anything is opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from speech_ifeval.clips import load_samples, read_clip
from speech_ifeval.errors import DataError
from speech_ifeval.models.uploads import wav_of


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.wav")
    return folder / "pipe.wav"


ODD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a name that is too long": (lambda folder: folder / ("a" * 300), r"cannot be opened \(File name too long\)"),
    "a path that is too long": (lambda folder: folder / ("a/" * 3000), "cannot be opened"),
    "a NUL": (lambda folder: folder / "a\x00b.wav", "cannot be opened"),
    "half a pair": (lambda folder: folder / "a\ud83d.wav", "cannot be opened"),
    "a path through a file": (lambda folder: Path(__file__) / "a.wav", "no such file"),
    "a folder": (lambda folder: folder, "no regular file"),
    "a device": (lambda folder: Path(os.devnull), "no regular file"),
    "a pipe that nobody writes to": (_pipe, "no regular file"),
}
READERS: list[Callable[[Path], object]] = [read_clip, lambda path: load_samples(path, 16_000), wav_of]


@pytest.mark.parametrize("read", READERS, ids=["read_clip", "load_samples", "wav_of"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_path_is_refused_before_it_is_opened(
    odd: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    make, why = ODD[odd]
    with pytest.raises(DataError, match=why):
        read(make(tmp_path))
