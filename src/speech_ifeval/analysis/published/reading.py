"""The file of published figures, read strictly: every row has a place, every name it refers to a row."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec

from speech_ifeval.errors import DataError
from speech_ifeval.results import PublishedFigures

FILE = "figures.toml"


@cache
def published_figures() -> PublishedFigures:
    """Return what is recorded of the published results.

    Source: arXiv 2505.19037 and its release, as the file says.

    >>> found = published_figures()
    >>> len(found.systems), found.source.arxiv
    (15, '2505.19037')
    """
    return read_figures(files("speech_ifeval.analysis.published").joinpath(FILE).read_text("utf-8"), FILE)


def read_figures(text: str, name: str) -> PublishedFigures:
    """Read a file of published figures; numbers keep the digits that they are written with.

    Raises:
        DataError: it is no TOML, has another form, or refers to a system that it does not hold.
    """
    try:
        found = msgspec.convert(tomllib.loads(text, parse_float=Decimal), PublishedFigures)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise DataError(f"{name}: expected published figures, found what is none ({error})") from None
    for wrong in _wrong(found):
        raise DataError(f"{name}: {wrong}")
    return found


def _wrong(found: PublishedFigures) -> Iterator[str]:
    names = [one.name for one in found.systems]
    if len(set(names)) < len(names):
        yield "expected every system once, found one twice"
    references = {one.name for one in found.systems if one.kind == "reference"}
    for one in found.systems:
        if one.reference is not None and one.reference not in references:
            yield f"{one.name}: expected a reference among the systems, found {one.reference!r}"
        if one.forgetting is not None and one.reference is None:
            yield f"{one.name}: expected the reference of a printed Δ, found none"
    for name in (*(one.system for one in found.scaled), *(one.system for one in found.tasks)):
        if name not in names:
            yield f"expected a system of the file, found {name!r}"
