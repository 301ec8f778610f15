"""What is known of the answer itself, right or wrong, beside whether the constraint was followed."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

# Flags of answers: the transcript is no part of the reply; the item's label is not among its own options.
NOT_A_SUBSTRING = "not-a-substring"
UNANSWERABLE = "unanswerable"


class WordEdits(Struct, frozen=True, forbid_unknown_fields=True):
    """How a transcript differs from its reference, in words, at the fewest edits.

    >>> edits = WordEdits(hits=9, substitutions=1, deletions=2, insertions=0)
    >>> edits.words, edits.errors
    (12, 3)
    """

    hits: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def words(self) -> int:
        """The words of the reference."""
        return self.hits + self.substitutions + self.deletions

    @property
    def errors(self) -> int:
        """The edits: substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer that one reply gives to a question with a label, and whether it is right.

    Attributes:
        item: the item's id.
        pair: the id of the constrained item; twins share it.
        dataset, clip: the item's.
        speaker: who is heard, None where the benchmark does not say for sure.
        metric: ``accuracy`` or ``wer``, how the answer is measured.
        code: the code of the constrained item's constraint, its twin's too; codes are joined with ``+`` where an
            item has several, because what they cost together is no single one's.
        constraint: the same of the constraint's id.
        constrained: whether this reply was asked to follow the constraint.
        correct: whether the answer is right, for accuracy; None where it is unscored.
        edits: against the reference transcript, for WER; None where it is unscored.
        text: the transcript found in the reply for WER; where none was found, and for accuracy, the reply without
            its thoughts; None where there is no reply.
        unscored: why there is neither `correct` nor `edits`; None where it is scored.
        flags: what is to be known of it: ``not-a-substring``, where the transcript is no part of the reply;
            ``unanswerable``, where the item's label is not among its own options.
        words: of the reference transcript, for WER, also where it is unscored.

    >>> Answer("a", "a", "asr", "a.wav", None, "accuracy", "CC", "change_case:english_capital", True).scored
    False
    """

    item: str
    pair: str
    dataset: str
    clip: str
    speaker: str | None
    metric: Literal["accuracy", "wer"]
    code: str | None
    constraint: str | None
    constrained: bool
    correct: bool | None = None
    edits: WordEdits | None = None
    text: str | None = None
    unscored: str | None = None
    flags: tuple[str, ...] = ()
    words: int | None = None

    @property
    def scored(self) -> bool:
        """Whether it is known how right the answer is."""
        return self.correct is not None or self.edits is not None
