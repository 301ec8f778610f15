"""What the lab's towers learn from: features of spoken training sentences, kept in the working folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from speech_ifeval.lab.speech import Utterance, speak_all, training_utterances
from speech_ifeval.lab.vocabulary import HOP, MEL_BINS, RATE, WINDOW_SECONDS
from speech_ifeval.runs import writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES = WINDOW_SECONDS * RATE // HOP
_PIECE = 500


class Heard(Struct, frozen=True):
    """Utterances and what a tower is given of them.

    Attributes:
        utterances: who says what, n of them.
        features: log mel spectrograms, shape ``(n, bins, frames)``, float16.
        frames: how many frames of each are speech, shape ``(n,)``.
        phones: which sound is heard in every second frame, a place in `PHONES`, shape ``(n, frames // 2)``, uint8.
        seconds: the length of each in whole seconds, rounded up, shape ``(n,)``.
    """

    utterances: Sequence[Utterance]
    features: Any
    frames: Any
    phones: Any
    seconds: Any

    def places(self, index: int) -> int:
        """How many tokens a clip takes in a prompt."""
        return audio_places(int(self.frames[index]))


def audio_places(frames: int) -> int:
    """Return the tokens that so many frames become: halved by the second convolution and by the pooling.

    >>> audio_places(300), audio_places(299)
    (75, 75)
    """
    return ((frames - 1) // 2 + 1 - 2) // 2 + 1


def features_of(samples: Sequence[NDArray[np.float32]], extractor: Any) -> tuple[Any, Any]:
    """Return log mel spectrograms, ``(n, bins, frames)`` in float16, and each one's frames of speech, ``(n,)``."""
    made = extractor(
        list(samples), sampling_rate=RATE, return_tensors="np", return_attention_mask=True, padding="max_length"
    )
    return made["input_features"].astype("float16"), made["attention_mask"].sum(axis=1)


def phones_by_frame(phones: Sequence[tuple[int, float]]) -> NDArray[np.uint8]:
    """Return the sound in the middle of every second frame, shape ``(FRAMES // 2,)``; silence after the last.

    >>> phones_by_frame([(0, 0.1), (5, 0.2), (7, 0.21)]).tolist()[:6]
    [0, 0, 5, 5, 5, 0]
    """
    import numpy as np

    if not phones:
        return np.zeros(FRAMES // 2, dtype=np.uint8)
    names = np.array([name for name, _ in phones] + [0], dtype=np.uint8)
    middles = (2 * np.arange(FRAMES // 2) + 1) * HOP / RATE
    return names[np.searchsorted([end for _, end in phones], middles, side="right")]


def _pieces(number: int, folder: Path) -> list[tuple[slice, Path]]:
    slices = [slice(start, min(start + _PIECE, number)) for start in range(0, number, _PIECE)]
    return [(piece, folder / f"{piece.start}-{piece.stop}.npz") for piece in slices]


def is_heard(number: int, folder: Path) -> bool:
    """Whether an earlier call of `hear_training` has kept all of the training speech."""
    return all(path.is_file() for _, path in _pieces(number, folder))


def hear_training(seed: int, number: int, extractor: Any, folder: Path, tell: Callable[[int], None]) -> Heard:
    """Synthesise and analyse the training speech, or read it back where an earlier call has kept it.

    Args:
        seed: of sentences, voices and manners.
        number: how many utterances.
        extractor: the processor's feature extractor.
        folder: where pieces are kept.
        tell: told how many are done.

    Raises:
        ModelError: flite is missing.
        OutputError: the folder cannot be written.
    """
    import numpy as np

    utterances = training_utterances(seed, number)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    features = np.empty((number, MEL_BINS, FRAMES), dtype=np.float16)
    frames = np.empty(number, dtype=np.int64)
    phones = np.zeros((number, FRAMES // 2), dtype=np.uint8)
    for piece, path in _pieces(number, folder):
        if not path.is_file():
            spoken = speak_all(utterances[piece])
            made, counts = features_of([one.samples for one in spoken], extractor)
            sounds = np.stack([phones_by_frame(one.phones) for one in spoken])
            with writing(path):
                with (folder / "piece.new").open("wb") as file:
                    np.savez(file, features=made, frames=counts, phones=sounds)
                (folder / "piece.new").replace(path)
        with np.load(path, allow_pickle=False) as kept:
            features[piece], frames[piece], phones[piece] = kept["features"], kept["frames"], kept["phones"]
        tell(piece.stop)
    return Heard(utterances, features, frames, phones, np.ceil(frames * HOP / RATE).astype(np.int64))
