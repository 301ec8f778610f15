"""What is to be built."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from speech_ifeval.errors import UsageError

_NUMBERS = ("closed_ended", "creative_writing", "chain_of_thought")


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What a benchmark is to hold. Numbers are of questions: crossed, each is asked once with every wording.

    Attributes:
        name: what reports call it; neither | nor : stands in it.
        description: what the benchmark says about itself.
        licence: of the items as a whole.
        language: of the pool that wordings are drawn from, such as ``en``.
        pool: a pool file of one's own; None for the shipped one of the language.
        closed_ended: questions with a constraint, and as many without; None for one about every row that has a
            task.
        creative_writing: None for one about every clip.
        chain_of_thought: None for one about every clip that is asked a question with an answer to choose or name.
        crossed: whether every wording of a constraint is asked with the same questions, values and clips.
        published_layout: whether the files of the published release are written too.
        seed: of everything that is drawn.

    Raises:
        UsageError: a number is negative, or the name does not fit into a signature.

    >>> Plan("radio", "What was on the radio.").language
    'en'
    >>> Plan("a|b", "")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: expected a name without | and : and control characters, found 'a|b'; change it
    """

    name: str
    description: str
    licence: str | None = None
    language: str = "en"
    pool: Path | None = None
    closed_ended: int | None = None
    creative_writing: int | None = None
    chain_of_thought: int | None = None
    crossed: bool = False
    published_layout: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable() or "|" in self.name or ":" in self.name:
            raise UsageError(
                f"expected a name without | and : and control characters, found {self.name!r}; change it"
            )
        for field in _NUMBERS:
            number = getattr(self, field)
            if number is not None and number < 0:
                raise UsageError(f"expected a number of {field} questions, 0 or more, found {number}; correct it")
