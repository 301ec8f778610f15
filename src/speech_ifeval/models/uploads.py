"""Clips as they are sent to a server: what was decoded, at the file's own rate, in one channel of 16 bits."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from speech_ifeval.clips import expect_file, load_samples
from speech_ifeval.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FULL_SCALE = 32768  # of 16-bit samples


def wav_of(path: Path) -> bytes:
    """Return the content of a WAV file with a clip's samples; those of a 16-bit file arrive unchanged.

    Raises:
        DataError: no such file, no audio in it, or nothing to hear.
        MissingExtraError: soundfile is not installed.
    """
    rate = _rate(path)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sixteen_bits(load_samples(path, rate)))
    return content.getvalue()


def sixteen_bits(samples: NDArray[np.float32]) -> bytes:
    """Return samples, shape ``(n,)``, -1 to 1, as little-endian 16-bit integers; what is louder is clipped.

    >>> import numpy as np
    >>> sixteen_bits(np.array([0, 0.5, 2], np.float32)).hex(" ", 2)
    '0000 0040 ff7f'
    """
    import numpy

    scaled = numpy.rint(samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1)
    return scaled.astype("<i2").tobytes()


def _rate(path: Path) -> int:
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "reading audio") from None
    expect_file(path)
    try:
        rate: int = soundfile.info(path).samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        load_samples(path, FULL_SCALE)  # says what is wrong with the file
        raise DataError(f"{path}: expected audio, found a file without a header ({error}); restore it") from None
    return rate
