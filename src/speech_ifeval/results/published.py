"""What others have published: their figures as they printed them, and what follows from their own columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct, field


class PublishedSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where figures were published. `key` is that of its entry in a bibliography; `judge` judged it.

    >>> PublishedSource.__struct_fields__
    ('key', 'title', 'arxiv', 'release', 'judge')
    """

    key: str
    title: str
    arxiv: str
    release: str
    judge: str


class PublishedSystem(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of published figures in percent, digit by digit as it was printed.

    Attributes:
        name: as it was printed, and `also` what else it is called.
        kind: a speech-aware model, or a text LLM that references are taken from.
        closed_ended, creative_writing, chain_of_thought: following rates.
        ifrate, forgetting: as printed; `forgetting` is Δ, None where none was printed.
        reference: the name of the row that Δ is taken against.
        spec: what `speech-ifeval run --model` takes for it, `args` the arguments that it cannot do without, and
            `page` how to set it up.
    """

    name: str
    kind: Literal["slm", "reference"]
    closed_ended: Decimal
    creative_writing: Decimal
    chain_of_thought: Decimal
    ifrate: Decimal
    spec: str
    forgetting: Decimal | None = None
    reference: str | None = None
    args: str | None = None
    page: str | None = None
    also: tuple[str, ...] = ()


class PublishedScale(Struct, frozen=True, forbid_unknown_fields=True):
    """A published system whose LoRA, of rank `r` and trained at `trained_alpha`, was scaled to `alpha`.

    >>> PublishedScale("SALMONN", 4, 32, 8, Decimal("68.06"), Decimal("-8.12")).factor
    0.125
    """

    system: str
    alpha: float
    trained_alpha: float
    r: int
    ifrate: Decimal
    forgetting: Decimal

    @property
    def factor(self) -> float:
        """The factor on what training added: 1 is as trained."""
        return self.alpha / self.trained_alpha


class PublishedTask(Struct, frozen=True, forbid_unknown_fields=True):
    """How right a published system's answers are in a data set, in percent, without and with a constraint."""

    system: str
    dataset: str
    metric: Literal["wer", "accuracy"]
    plain: Decimal
    constrained: Decimal


class PublishedFigures(Struct, frozen=True, forbid_unknown_fields=True):
    """All that is recorded of one publication. `items` is the size of its benchmark, by category."""

    schema_version: int
    source: PublishedSource
    items: dict[str, int]
    systems: tuple[PublishedSystem, ...]
    scaled: tuple[PublishedScale, ...]
    tasks: tuple[PublishedTask, ...]


class Recomputed(Struct, frozen=True, forbid_unknown_fields=True):
    """A published figure beside what its own columns give.

    Attributes:
        value: recomputed, not rounded; None where the columns do not give one.
        printed: as it was printed; None where none was.
        differs: whether the two differ at the digits that were printed.

    >>> Recomputed(88.9867, 89.23, True).differs
    True
    """

    value: float | None
    printed: float | None
    differs: bool


class PublishedRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A published system with IFrate and Δ recomputed from its columns.

    Attributes:
        place: by recomputed IFrate among the rows of its kind, 1 the highest. It describes: nothing was tested.
        rates: following rates by category, as printed.
        reference: the row that Δ was recomputed against.
    """

    place: int
    name: str
    kind: Literal["slm", "reference"]
    rates: dict[str, float]
    ifrate: Recomputed
    forgetting: Recomputed
    reference: str | None


class PublishedBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """The published rows, each kind by place, with their source and what is to be known of them."""

    source: PublishedSource
    rows: list[PublishedRow]
    notes: list[str] = field(default_factory=list)
