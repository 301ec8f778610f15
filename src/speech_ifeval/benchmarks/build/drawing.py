"""What is drawn for an item: text and kwargs made from the same values, so that they cannot disagree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from msgspec import Struct

from speech_ifeval.benchmarks.build.balance import Uses
from speech_ifeval.benchmarks.build.pool import FROM_TRANSCRIPT, Entry, Pool, filled, key_of, takes_list
from speech_ifeval.benchmarks.build.rows import Row
from speech_ifeval.records import Constraint

_SHORTEST = 4  # letters of a word that is drawn from a transcript
# Whole words of letters: not what stands before or behind an apostrophe or a hyphen.
_WORD = re.compile(rf"(?<![\w'’-])[^\W\d_]{{{_SHORTEST},}}(?![\w'’-])")
_LENGTHS = ("one", "two", "three", "four")

Drawn = dict[str, Any]


class Demand(Struct, frozen=True):
    """A constraint as an item carries it: the sentence, what is checked, and the wording's key."""

    text: str
    constraint: Constraint
    wording: str


class Drawer:
    """Draws values and wordings, the least used first; made once for a benchmark."""

    def __init__(self, pool: Pool, random: Random) -> None:
        self._pool = pool
        self._uses = Uses(random)
        self._function_words = frozenset(map(str.casefold, pool.words.function))
        self._own_words = {entry.name: _folded_words(self._texts(entry)) for entry in pool.entries}

    def _texts(self, entry: Entry) -> tuple[str, ...]:
        return (*entry.wordings, *self._pool.lists.values())

    def can_serve(self, entry: Entry, row: Row, prompts: tuple[str, ...] = ()) -> bool:
        """Return whether every kwarg of an entry has a value for this clip, whichever of the prompts is asked."""
        return all(self._candidates(entry, name, row, prompts) for name in entry.values)

    def values(self, entry: Entry, row: Row, prompts: tuple[str, ...] = ()) -> Drawn:
        """Draw a value for each kwarg; words fit the clip and any of the prompts."""
        drawn: Drawn = {}
        for name in entry.values:
            candidates = self._candidates(entry, name, row, prompts)
            if takes_list(entry.id, name):
                drawn[name] = self._words(entry, name, candidates)
            else:
                drawn[name] = self._value(entry, name, candidates)
        return drawn

    def _value(self, entry: Entry, name: str, candidates: Sequence[Any]) -> Any:
        return self._uses.take(candidates, lambda value: ((entry.name, name, value),))

    def _words(self, entry: Entry, name: str, candidates: Sequence[Any]) -> list[str]:
        lengths = [
            at for at, length in enumerate(_LENGTHS, 1) if length in self._pool.lists and at <= len(candidates)
        ]
        length = self._uses.take(lengths, lambda length: ((entry.name, name, "length", length),))
        chosen = self._uses.ranked(candidates, lambda word: ((entry.name, name, word),))[:length]
        self._uses.record((entry.name, name, word) for word in chosen)
        return chosen

    def _candidates(self, entry: Entry, name: str, row: Row, prompts: tuple[str, ...]) -> Sequence[Any]:
        values = entry.values[name]
        if not takes_list(entry.id, name):
            return values
        # A word of the prompt or of the demand itself cannot be kept out of a reply, or is said without being
        # asked for.
        taken = self._own_words[entry.name] | _folded_words(prompts)
        if values == FROM_TRANSCRIPT:
            said = dict.fromkeys(word.lower() for word in _WORD.findall(row.transcript))
            return [word for word in said if word.casefold() not in taken | self._function_words]
        spoken = row.transcript.casefold()
        return [
            word for word in map(str, values) if word.casefold() not in spoken and word.casefold() not in taken
        ]

    def wordings(self, entry: Entry, row: Row) -> list[int]:
        """Return the numbers of an entry's wordings, the least used one first."""
        numbers = range(1, len(entry.wordings) + 1)
        return self._uses.ranked(
            numbers,
            lambda number: (
                (entry.name, number),
                (entry.name, number, row.task),
                (entry.name, number, row.speaker),
            ),
        )

    def demand(self, entry: Entry, number: int, drawn: Drawn, row: Row) -> Demand:
        """Write the demand, and count the wording as used."""
        self._uses.record(
            ((entry.name, number), (entry.name, number, row.task), (entry.name, number, row.speaker))
        )
        return Demand(
            self.text(entry, number, drawn),
            Constraint(entry.id, {**entry.kwargs, **drawn}),
            key_of(self._pool, entry, number),
        )

    def text(self, entry: Entry, number: int, drawn: Drawn) -> str:
        """Return a wording with the values written into it."""
        written = {name: self._written(value) for name, value in drawn.items()}
        return filled(entry.wordings[number - 1], written)

    def _written(self, value: Any) -> str:
        if not isinstance(value, list):
            return str(value)
        template = self._pool.lists[_LENGTHS[len(value) - 1]]  # type: ignore[index]
        return filled(template, {str(at): word for at, word in enumerate(value)})


@cache
def _folded_words(texts: tuple[str, ...]) -> frozenset[str]:
    """Return the words of some texts, folded; a placeholder's name is none."""
    return frozenset(
        word.casefold() for text in texts for word in re.findall(r"[^\W\d_]+", re.sub(r"\{\w*\}", " ", text))
    )
