"""Our own form: ``benchmark.json`` says what the benchmark is, ``items.jsonl`` holds one `Item` a line."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from speech_ifeval.benchmarks.contents import Benchmark, fingerprint_of, missing_categories
from speech_ifeval.benchmarks.forms import Form
from speech_ifeval.benchmarks.rows import check_clip, check_constraint, check_text, read_document, read_rows
from speech_ifeval.errors import DataError
from speech_ifeval.records import CATEGORIES, SCHEMA_VERSION, TWIN_CATEGORY, Item

HEADER_FILE = "benchmark.json"
ITEMS_FILE = "items.jsonl"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``benchmark.json`` holds."""

    name: str
    schema_version: int
    description: str
    licence: str | None = None
    language: str | None = None


_HEADER = msgspec.json.Decoder(Header)
_ITEM = msgspec.json.Decoder(Item)


def find(path: Path) -> Path | None:
    """Return `path` if it holds a benchmark in our own form."""
    return path if (path / HEADER_FILE).is_file() else None


def read(folder: Path) -> Benchmark:
    """Read a benchmark in our own form.

    Raises:
        DataError: the header or an item is not what it should be; ids repeat; a twin points nowhere.
    """
    header = read_document(folder / HEADER_FILE, _HEADER)
    check_text(f"{folder / HEADER_FILE}:1", "name", header.name)
    if not header.name.isprintable() or "|" in header.name or ":" in header.name:
        raise DataError(
            f'{folder / HEADER_FILE}:1: the field "name" stands in every signature and must hold neither | nor : '
            f"nor control characters, found {header.name!r}; rename the benchmark"
        )
    if header.language is not None:
        check_text(f"{folder / HEADER_FILE}:1", "language", header.language)
    if header.schema_version != SCHEMA_VERSION:
        raise DataError(
            f'{folder / HEADER_FILE}:1: the field "schema_version" must be {SCHEMA_VERSION}, found '
            f"{header.schema_version}; upgrade speech-ifeval, or convert the benchmark"
        )
    items: dict[str, Item] = {}
    places: dict[str, str] = {}
    for place, item in read_rows(folder / ITEMS_FILE, _ITEM):
        if item.id in items:
            raise DataError(
                f"{place}: the id {item.id!r} is already taken at {places[item.id]}; ids are unique: change one"
            )
        _check_item(place, item)
        items[item.id] = item
        places[item.id] = place
    for item in items.values():
        _check_twin(places, items, item)
    return Benchmark(
        name=header.name,
        items=tuple(items.values()),
        fingerprint=fingerprint_of(items.values()),
        root=folder,
        missing_categories=missing_categories(items.values()),
        licence=header.licence,
        language=header.language,
        description=header.description,
        places={id: place.removeprefix(f"{folder}{os.sep}") for id, place in places.items()},
    )


def _check_item(place: str, item: Item) -> None:
    check_text(place, "id", item.id)
    check_text(place, "instruction", item.instruction)
    check_clip(place, item.clip)
    if item.category not in (*CATEGORIES, TWIN_CATEGORY):
        known = ", ".join((*CATEGORIES, TWIN_CATEGORY))
        raise DataError(
            f'{place}: the field "category" must be one of {known}, found {item.category!r}; correct it'
        )
    if item.category == TWIN_CATEGORY and item.constraints:
        raise DataError(
            f"{place}: an item of {TWIN_CATEGORY} has no constraints, found {len(item.constraints)}; "
            "remove them or change the category"
        )
    if item.category != TWIN_CATEGORY and not item.constraints:
        raise DataError(f"{place}: an item of {item.category} needs a constraint, found none; add one")
    for constraint in item.constraints:
        check_constraint(place, constraint.id, constraint.kwargs)


def _check_twin(places: dict[str, str], items: dict[str, Item], item: Item) -> None:
    place = places[item.id]
    if item.twin is None:
        if item.category == TWIN_CATEGORY:
            raise DataError(f'{place}: an item of {TWIN_CATEGORY} needs the field "twin", found none; add it')
        return
    twin = items.get(item.twin)
    if twin is None:
        raise DataError(f"{place}: the twin {item.twin!r} is no item of this benchmark; correct or remove it")
    if twin.twin != item.id:
        raise DataError(
            f"{place}: twins name each other, but {twin.id!r} ({places[twin.id]}) names {twin.twin!r}; correct one"
        )
    if {item.category, twin.category} != {CATEGORIES[0], TWIN_CATEGORY}:
        raise DataError(
            f"{place}: a pair of twins has one item of {CATEGORIES[0]} and one of {TWIN_CATEGORY}, "
            f"found {item.category} and {twin.category}; correct the categories"
        )
    for name in ("clip", "label"):
        mine, other = getattr(item, name), getattr(twin, name)
        if mine != other:
            raise DataError(
                f"{place}: twins have the same {name}, found {mine!r} and, at {places[twin.id]}, {other!r}; "
                "correct one"
            )


FORM = Form("our own form", f"{HEADER_FILE} and {ITEMS_FILE}", find, read)
