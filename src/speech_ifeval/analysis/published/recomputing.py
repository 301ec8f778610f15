"""IFrate and Δ from the published columns themselves, beside what was printed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

from speech_ifeval.analysis.published.reading import published_figures
from speech_ifeval.results import (
    PublishedBlock,
    PublishedFigures,
    PublishedRow,
    PublishedScale,
    PublishedSystem,
    Recomputed,
)

_HUNDRED = Decimal(100)


def published_block(figures: PublishedFigures | None = None) -> PublishedBlock:
    """Return the published rows with IFrate and Δ recomputed, each kind by its place.

    >>> block = published_block()
    >>> [row.name for row in block.rows if row.ifrate.differs]
    ['DeSTA2', 'Qwen2.5-7B-Instruct']
    """
    figures = figures or published_figures()
    rows = [row for kind in ("slm", "reference") for row in _ranked(figures, kind)]
    return PublishedBlock(figures.source, rows, list(_notes(rows)))


def _ranked(figures: PublishedFigures, kind: str) -> Iterator[PublishedRow]:
    systems = sorted((one for one in figures.systems if one.kind == kind), key=ifrate_of, reverse=True)
    for one in systems:
        yield PublishedRow(
            place=1 + sum(ifrate_of(other) > ifrate_of(one) for other in systems),
            name=one.name,
            kind=one.kind,
            rates={
                "closed-ended": float(one.closed_ended),
                "creative-writing": float(one.creative_writing),
                "chain-of-thought": float(one.chain_of_thought),
            },
            ifrate=compared(ifrate_of(one), one.ifrate),
            forgetting=compared(forgetting_of(one, figures), one.forgetting),
            reference=one.reference,
        )


def ifrate_of(one: PublishedSystem) -> Decimal:
    """Return the mean of a row's three following rates."""
    return (one.closed_ended + one.creative_writing + one.chain_of_thought) / 3


def forgetting_of(one: PublishedSystem, figures: PublishedFigures) -> Decimal | None:
    """Return a row's Δ from its own columns and its reference's; None where it has no reference."""
    if one.reference is None:
        return None
    theirs = ifrate_of(system_named(one.reference, figures))
    return _HUNDRED * (ifrate_of(one) - theirs) / theirs


def scaled_forgetting(one: PublishedScale, figures: PublishedFigures) -> Recomputed:
    """Return Δ of a scaled system from the IFrate that was printed for it, which has no columns of its own.

    The printed IFrate stands for all that are rounded to it: the printed Δ differs where none of these gives it.

    >>> figures = published_figures()
    >>> found = scaled_forgetting(figures.scaled[0], figures)
    >>> round(found.value, 2), found.printed, found.differs
    (-8.11, -8.12, False)
    """
    reference = system_named(one.system, figures).reference
    if reference is None:
        return Recomputed(None, float(one.forgetting), False)
    theirs = ifrate_of(system_named(reference, figures))
    half = _last_digit(one.ifrate) / 2
    low, value, high = (
        _HUNDRED * (rate - theirs) / theirs for rate in (one.ifrate - half, one.ifrate, one.ifrate + half)
    )
    digit = _last_digit(one.forgetting)
    held = low.quantize(digit, ROUND_HALF_UP) <= one.forgetting <= high.quantize(digit, ROUND_HALF_UP)
    return Recomputed(float(value), float(one.forgetting), not held)


def system_named(name: str, figures: PublishedFigures) -> PublishedSystem:
    """Return the published system of that name, which the file is known to hold."""
    return next(one for one in figures.systems if one.name == name)


def compared(value: Decimal | None, printed: Decimal | None) -> Recomputed:
    """Hold a recomputed figure against the printed one, at the digits that were printed.

    >>> compared(Decimal("88.98667"), Decimal("89.23")).differs
    True
    >>> compared(Decimal("2.345"), Decimal("2.35")).differs
    False
    """
    if value is None or printed is None:
        return Recomputed(
            None if value is None else float(value), None if printed is None else float(printed), False
        )
    differs = value.quantize(_last_digit(printed), ROUND_HALF_UP) != printed
    return Recomputed(float(value), float(printed), differs)


def _last_digit(printed: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(printed.as_tuple().exponent))


def _notes(rows: list[PublishedRow]) -> Iterator[str]:
    yield (
        "published figures come without their items: nothing here can be tested, and a place is by the recomputed "
        "IFrate alone"
    )
    for row in rows:
        for name, figure in (("IFrate", row.ifrate), ("Δ", row.forgetting)):
            if figure.differs and figure.value is not None and figure.printed is not None:
                value, printed = (f"{one:.2f}".replace("-", "−") for one in (figure.value, figure.printed))
                yield f"{row.name}: its columns give {name} {value}, printed is {printed}"
    without = [row.name for row in rows if row.kind == "slm" and row.reference is None]
    if without:
        yield f"no Δ for {', '.join(without)}: no reference was published"
