"""What a run is cited by: sentences on how it was made, and the publications they rest on."""

from __future__ import annotations

from msgspec import Struct


class BibEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of a bibliography, its fields in the order in which they are written.

    >>> BibEntry("misc", "a2020", {"title": "A"}).key
    'a2020'
    """

    type: str
    key: str
    fields: dict[str, str]


class Cited(Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence without its full stop, and the keys of what it cites."""

    text: str
    keys: list[str]


class Citation(Struct, frozen=True, forbid_unknown_fields=True):
    """How to cite a run: what `speech-ifeval cite --json` prints.

    Attributes:
        run: the run directory.
        methods: a paragraph, sentence by sentence.
        entries: all that it cites.
        unknown: what has no known publication, and must be looked up.
        signature: of the run's figures.

    >>> Citation.__struct_fields__
    ('schema_version', 'run', 'methods', 'entries', 'unknown', 'signature')
    """

    schema_version: int
    run: str
    methods: list[Cited]
    entries: list[BibEntry]
    unknown: list[str]
    signature: str
