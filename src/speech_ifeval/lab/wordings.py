"""The English pool as the lab sees it: which wordings are trained on, and which are kept to be asked only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from msgspec import Struct, field

from speech_ifeval.benchmarks.build import Pool, find_pool, load_pool, wording_key
from speech_ifeval.lab.phrases import varied

HELD_OUT = 3  # the last so many wordings of each entry of the pool are never trained on

# How often each demand is drawn; what is copied from the instruction is learned last and drawn most.
_WEIGHTS = {
    "combination:repeat_prompt": 2.0,
    "startend:end_checker": 2.0,
    "keywords:existence": 2.5,
    "reasoning:chain_of_thought": 1.5,
    "length_constraints:number_paragraphs": 1.5,
    "length_constraints:number_sentences": 0.7,
}
_UNDEMANDING = 3.0


class Demand(Struct, frozen=True):
    """A constraint of the pool: its id and the kwargs that are fixed for its wordings."""

    id: str
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def fixed(self) -> str:
        """The fixed kwargs' values, as a wording's key has them."""
        return ", ".join(map(str, self.kwargs.values()))


class Wordings:
    """Draws questions, prompts and demands of a pool, without the wordings that are held out."""

    def __init__(self, pool: Pool) -> None:
        if pool.creative is None or pool.options is None:
            raise ValueError(
                f"the lab needs a pool with options and creative prompts; {pool.language!r} lacks them"
            )
        self._pool = pool
        self._options = pool.options
        self.prompts: tuple[str, ...] = pool.creative.prompts
        self.demands = [Demand(entry.id, entry.kwargs) for entry in pool.entries]
        self._wordings = {
            (demand.id, demand.fixed): entry.wordings
            for demand, entry in zip(self.demands, pool.entries, strict=True)
        }
        self._weights = [_UNDEMANDING, *(_WEIGHTS.get(demand.id, 1.0) for demand in self.demands)]
        self._held_out = {text for texts in self._wordings.values() for text in texts[-HELD_OUT:]}

    def questions(self, task: str) -> Sequence[str]:
        """The wordings of a task's question."""
        return self._pool.tasks[task].questions

    def with_options(self, question: str, options: Sequence[str]) -> str:
        """Return a question with its options behind it."""
        return self._options.behind(question, tuple(options))

    def size_of(self, id: str, fixed: str) -> int:
        """How many wordings a constraint has, held out or not."""
        return len(self._wordings[id, fixed])

    def draw_demand(self, rng: Random) -> Demand | None:
        """Return a demand, or None."""
        return rng.choices([None, *self.demands], self._weights)[0]

    def draw_constraint(self, rng: Random) -> Demand:
        """Return a demand."""
        return rng.choices(self.demands, self._weights[1:])[0]

    def draw(self, demand: Demand, kwargs: dict[str, Any], rng: Random) -> str:
        """Return a wording of a demand for these kwargs, as it stands in the pool or with other words."""
        wording = rng.choice(self._wordings[demand.id, demand.fixed][:-HELD_OUT])
        if rng.random() < 0.5:
            other = varied(wording, rng)
            wording = wording if other in self._held_out else other
        return wording.format(**{name: self._written(value) for name, value in kwargs.items()})

    def _written(self, value: Any) -> str:
        if isinstance(value, list):
            return self._pool.lists["one" if len(value) == 1 else "two"].format(*value)
        return str(value)


@cache
def english() -> Wordings:
    """Return the English pool as it is shipped."""
    return Wordings(load_pool(find_pool("en"), "en"))


def is_held_out(wording: str) -> bool:
    """Whether a wording of the English pool, by the key that an item names it by, was never trained on.

    >>> is_held_out("en/startend:quotation/09"), is_held_out("en/startend:quotation/10")
    (False, True)
    """
    key = wording_key(wording)
    return key is not None and key.number > english().size_of(key.constraint, key.fixed) - HELD_OUT
