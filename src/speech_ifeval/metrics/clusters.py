"""Which answers belong together: those of one speaker, or of one clip. Intervals resample these clusters whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from speech_ifeval.metrics.answers import Answer

# Two speakers say nothing of a third: with fewer than this, clips are resampled, and it is said.
LEAST_SPEAKERS = 10

Unit = Literal["speaker", "clip"]


def cluster_unit(answers: Iterable[Answer]) -> Unit:
    """Return what is resampled: speakers where ten or more are known, else clips.

    Args:
        answers: one of each pair of twins that a figure compares. Those of twins that are not scored on both sides
            are to be left out: who is not compared does not decide, and a change is then the same wherever it is
            printed.

    >>> answers = [Answer("a", "a", "asr", "a.wav", f"s{n}", "wer", None, None, True) for n in range(10)]
    >>> cluster_unit(answers), cluster_unit(answers[1:])
    ('speaker', 'clip')
    """
    return "speaker" if len({answer.speaker for answer in answers} - {None}) >= LEAST_SPEAKERS else "clip"


def clusters(answers: Sequence[Answer], unit: Unit | None = None) -> NDArray[np.int64]:
    """Number the clusters of the answers from 0, in the order in which they come, shape (n,).

    A clip whose speaker is unknown is a cluster of its own among speakers.

    Args:
        answers: what is resampled.
        unit: what the clusters are; without one, what `cluster_unit` says of these answers.

    >>> clips = ("b.wav", "a.wav", "b.wav")
    >>> answers = [Answer("a", "a", "asr", clip, "s", "wer", None, None, True) for clip in clips]
    >>> clusters(answers).tolist(), clusters(answers, "speaker").tolist()
    ([0, 1, 0], [0, 0, 0])
    """
    by_speaker = (unit or cluster_unit(answers)) == "speaker"
    numbers: dict[Any, int] = {}
    keys = (
        ("speaker", answer.speaker) if by_speaker and answer.speaker is not None else ("clip", answer.clip)
        for answer in answers
    )
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
