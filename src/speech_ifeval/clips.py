"""Clips of speech: what a file holds, and its samples as a model wants them."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MONO = 1


class Clip(Struct, frozen=True):
    """What a decoded audio file holds.

    Attributes:
        path: the file.
        seconds: its length.
        rate: samples a second.
        channels: how many.
        content: SHA-256, in hexadecimal, over rate and decoded samples: the same sound in another container
            that loses nothing is the same content.
    """

    path: Path
    seconds: float
    rate: int
    channels: int
    content: str


def read_clip(path: Path) -> Clip:
    """Decode a whole audio file and describe it.

    Raises:
        DataError: no such file, no audio in it, or nothing to hear.
        MissingExtraError: soundfile is not installed.

    >>> read_clip(Path("nowhere.wav"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.DataError: nowhere.wav: expected an audio file, found no such file; check the audio folder
    """
    samples, rate = _decoded(path)
    digest = hashlib.sha256(f"{rate} {samples.shape[1]} ".encode())
    digest.update(samples.tobytes())
    return Clip(path, len(samples) / rate, rate, samples.shape[1], digest.hexdigest())


def load_samples(path: Path, rate: int) -> NDArray[np.float32]:
    """Return a clip's samples, shape ``(n,)``, float32 in -1 to 1, down-mixed to mono and resampled to `rate`.

    Raises:
        DataError: as `read_clip`.
        MissingExtraError: soundfile or soxr is not installed.
    """
    samples, found = _decoded(path)
    mono: NDArray[np.float32] = samples[:, 0] if samples.shape[1] == MONO else samples.mean(axis=1)
    if found == rate:
        return mono
    try:
        import soxr
    except ImportError:
        raise MissingExtraError("audio", "soxr", "resampling audio") from None
    resampled: NDArray[np.float32] = soxr.resample(mono, found, rate)
    return resampled


def expect_file(path: Path) -> None:
    """Refuse what is no regular file, without opening it: a pipe would never end.

    Raises:
        DataError: no such file, a path that no file can have, or a folder, pipe or device.

    >>> expect_file(Path("."))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.DataError: .: expected an audio file, found no regular file; correct the path
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: expected an audio file, found no such file; check the audio folder") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise DataError(
            f"{path}: expected an audio file, found a path that cannot be opened ({why}); correct the path"
        ) from None
    if not stat.S_ISREG(mode):
        raise DataError(f"{path}: expected an audio file, found no regular file; correct the path")


def _decoded(path: Path) -> tuple[NDArray[Any], int]:
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "reading audio") from None
    expect_file(path)
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(
            f"{path}: expected audio (wav, flac, ogg, mp3), found a file that cannot be decoded "
            f"({str(error).rpartition(': ')[2].rstrip('.')}); restore it"
        ) from None
    if not len(samples):
        raise DataError(f"{path}: expected a clip, found one of zero length; restore it")
    return samples, rate
