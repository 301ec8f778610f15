"""A corpus as the builder reads it: rows, and where the sound of each clip is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

# An audio file, or what returns the bytes of one: a corpus that holds its audio inside has no files.
Sound = Path | Callable[[], bytes]


class Row(Struct, frozen=True):
    """One row of a manifest: a clip, and what may be asked about it.

    Attributes:
        audio: the clip's name; rows with the same name are about the same clip.
        transcript: what is said.
        task: such as ``transcription``; None for a clip that is only written about.
        label: the right answer; of transcription, what is said unless it is given.
        question: in place of one of the task's own.
        options: what the answer is chosen from; the label is one of them.
        speaker: who is heard.
        source, licence: the corpus, and its licence.
        metadata: what the reference system is told beside the transcript.
        place: ``file:line``, for messages.

    >>> Row("a.wav", "Hello.", task="transcription").options
    ()
    """

    audio: str
    transcript: str
    task: str | None = None
    label: str | None = None
    question: str | None = None
    options: tuple[str, ...] = ()
    speaker: str | None = None
    source: str | None = None
    licence: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    place: str = "row"


class Corpus(Struct, frozen=True):
    """Rows, and the sound of every clip that they name; `notes` says what of the corpus was not read."""

    rows: tuple[Row, ...]
    sounds: Mapping[str, Sound]
    notes: tuple[str, ...] = ()
