"""``fetched.json``: what a folder was fetched from, with the SHA-256 of every file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from speech_ifeval.benchmarks.sources import Release
from speech_ifeval.errors import DataError
from speech_ifeval.records import SCHEMA_VERSION

RECORD_FILE = "fetched.json"


class FetchedItems(msgspec.Struct, frozen=True):
    """Where the items are from; `revision` is None where their files are not those of the published commit."""

    source: str
    revision: str | None
    fingerprint: str
    files: dict[str, str]


class FetchedAudio(msgspec.Struct, frozen=True):
    """Written once all clips are out. `sha256` is the archive's, None for a copied folder."""

    source: str
    sha256: str | None = None
    size: int | None = None
    revision: str | None = None
    clips: dict[str, str] = msgspec.field(default_factory=dict)


class Record(msgspec.Struct, frozen=True):
    """What was fetched into a folder so far."""

    schema_version: int
    name: str
    items: FetchedItems | None = None
    audio: FetchedAudio | None = None


def read_record(folder: Path, release: Release) -> Record:
    """Return the record of the folder's earlier fetches, an empty one where there were none.

    Raises:
        DataError: it cannot be read, or is of another release.

    >>> from speech_ifeval.benchmarks.sources import OFFICIAL
    >>> read_record(Path("nowhere"), OFFICIAL).items is None
    True
    """
    path = folder / RECORD_FILE
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return Record(SCHEMA_VERSION, release.name)
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(
            f"{path}: expected the record of an earlier fetch, found one that cannot be read ({error}); "
            "delete it, or give another --output-dir"
        ) from None
    if record.schema_version != SCHEMA_VERSION or record.name != release.name:
        raise DataError(
            f"{path}: expected the record of a fetch of {release.name}, schema version {SCHEMA_VERSION}, found "
            f"{record.name!r}, {record.schema_version}; give another --output-dir"
        )
    return record
