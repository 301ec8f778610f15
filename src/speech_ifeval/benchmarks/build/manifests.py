"""Manifests: the forms a corpus can be described in, read into rows; every complaint names its line.

JSON lines and CSV are read here. A folder that `datasets` has written and Lhotse's cuts have their own modules;
what they find goes through the same checks.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct, field

from speech_ifeval.benchmarks.build.hugging_face import is_saved_dataset, read_saved_dataset
from speech_ifeval.benchmarks.build.lhotse_cuts import holds_cuts, read_cuts
from speech_ifeval.benchmarks.build.rows import Corpus, Row, Sound
from speech_ifeval.benchmarks.rows import decode_row, read_rows
from speech_ifeval.errors import DataError, UsageError

COLUMNS = (
    "audio", "transcript", "task", "label", "question", "options", "speaker", "source", "licence", "metadata",
)  # fmt: skip
NEEDED = ("audio", "transcript")
_META = "meta."
_SEPARATOR = "|"
_FILE_NAME = "file_name"  # what `datasets` calls the clip in the metadata of a folder of audio
_TABLES = (".csv", ".tsv")
_SEPARATORS = {",": "a comma", "\t": "a tab", ";": "';'"}
_LINES = (".jsonl", ".json", ".ndjson")
_EXPECTED = (
    "a manifest (.jsonl, .csv, .tsv), a folder with metadata.csv or metadata.jsonl, a folder that datasets has "
    "saved, "
    "or Lhotse's cuts (.jsonl, .jsonl.gz)"
)

_Fields = dict[str, Any]


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    audio: str
    transcript: str
    task: str | None = None
    label: str | None = None
    question: str | None = None
    options: list[str] | None = None
    speaker: str | None = None
    source: str | None = None
    licence: str | None = None
    metadata: dict[str, str | int | float | bool | None] | None = field(default=None)


_LINE = msgspec.json.Decoder(_Line)
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def read_manifest(
    path: Path,
    *,
    audio_dir: Path | None = None,
    columns: Mapping[str, str] | None = None,
    task: str | None = None,
    ignore_others: bool = False,
) -> Corpus:
    """Read a corpus in any of the known forms.

    Args:
        path: a manifest, or a folder of audio with its metadata, or a folder that `datasets` has saved, or cuts.
        audio_dir: the folder that audio paths are relative to; None for the manifest's own.
        columns: our name of a column to the manifest's.
        task: of rows that name none.
        ignore_others: leave out columns that are not known; without it they are an error in JSON lines and CSV.

    Raises:
        UsageError: nothing is there, or nothing that is known; a column is mapped that there is not.
        DataError: a row is not what it should be.
        MissingExtraError: the form needs an optional package.

    >>> read_manifest(Path("nowhere.csv"))
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.UsageError: no manifest at 'nowhere.csv'; check the path
    """
    names = dict(columns or {})
    for name in names:
        if name not in COLUMNS and not name.startswith(_META):
            raise UsageError(
                f"unknown column {name!r}: expected one of {', '.join(COLUMNS)}, or meta.NAME; correct --column"
            )
    if audio_dir is not None and not audio_dir.is_dir():
        raise UsageError(f"no audio folder at {str(audio_dir)!r}: expected a folder; check --audio-dir")
    if not path.exists():
        raise UsageError(f"no manifest at {str(path)!r}; check the path")
    found, sounds, notes = _opened(path, audio_dir, names, ignore_others)
    rows = tuple(_row(place, fields, task) for place, fields in found)
    if not rows:
        raise DataError(f"{path}: expected a row for every clip, found none; fill it in")
    if sounds is None:
        base = path if path.is_dir() else path.parent
        sounds = {row.audio: (audio_dir or base) / row.audio for row in rows}
    return Corpus(rows, sounds, notes)


def _opened(
    path: Path, audio_dir: Path | None, names: Mapping[str, str], ignore_others: bool
) -> tuple[Iterator[tuple[str, _Fields]], Mapping[str, Sound] | None, tuple[str, ...]]:
    """Return the rows as they are found, the sounds where the form itself knows them, and what was left out."""
    if is_saved_dataset(path):
        theirs = {ours: names.get(ours, ours) for ours in (*COLUMNS, *names)}
        return read_saved_dataset(path, audio_dir, theirs, NEEDED)
    if path.is_dir():
        for name in ("metadata.csv", "metadata.jsonl"):
            if (path / name).is_file():
                names = names if "audio" in names else {**names, "audio": _FILE_NAME}
                return _opened(path / name, audio_dir, names, ignore_others)
        raise UsageError(f"{str(path)!r} holds no corpus: expected {_EXPECTED}")
    if holds_cuts(path):
        cuts, sounds = read_cuts(path)
        return cuts, sounds, ()
    if path.suffix in _TABLES:
        return _table_rows(path, names, ignore_others), None, ()
    if path.suffix in _LINES:
        return _line_rows(path, names, ignore_others), None, ()
    raise UsageError(f"{str(path)!r} is no manifest: expected {_EXPECTED}")


def _line_rows(path: Path, names: Mapping[str, str], ignore_others: bool) -> Iterator[tuple[str, _Fields]]:
    for place, found in read_rows(path, _OBJECT):
        absent = [theirs for ours, theirs in names.items() if ours in NEEDED and theirs not in found]
        if absent:
            raise DataError(
                f'{place}: the field "{absent[0]}" is missing, which --column names; correct one of them'
            )
        yield place, _renamed(found, names, ignore_others)


def _renamed(found: _Fields, names: Mapping[str, str], ignore_others: bool) -> _Fields:
    taken = {theirs: ours for ours, theirs in names.items()}
    fields = {taken.get(name, name): value for name, value in found.items() if name in taken or name not in names}
    return _gathered(fields, ignore_others)


def _gathered(fields: _Fields, ignore_others: bool) -> _Fields:
    """Put what is named ``meta.NAME`` into the metadata."""
    told = {name.removeprefix(_META): value for name, value in fields.items() if name.startswith(_META)}
    kept = {name: value for name, value in fields.items() if not name.startswith(_META)}
    if ignore_others:
        kept = {name: value for name, value in kept.items() if name in COLUMNS}
    if told:
        metadata = kept.get("metadata") or {}
        kept["metadata"] = {**metadata, **told} if isinstance(metadata, dict) else metadata
    return kept


def _table_rows(path: Path, names: Mapping[str, str], ignore_others: bool) -> Iterator[tuple[str, _Fields]]:
    delimiter = "\t" if path.suffix == ".tsv" else ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, [])
            _refuse_other_separators(path, header, delimiter)
            columns = _header(f"{path}:1", header, names, ignore_others)
            line = reader.line_num + 1
            for cells in reader:
                place, line = f"{path}:{line}", reader.line_num + 1
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise DataError(
                        f"{place}: expected {len(header)} cells, as the first line has columns, found "
                        f"{len(cells)}; "
                        "quote cells that hold the separator"
                    )
                fields = {
                    column: _cell(place, column, cell)
                    for column, cell in zip(columns, cells, strict=True)
                    if column is not None and cell.strip()
                }
                yield place, {**dict.fromkeys(NEEDED, ""), **_gathered(fields, False)}
    except OSError as error:
        raise DataError(f"{path}:1: cannot be read ({error.strerror or error}); check the file") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8, found something else ({error.reason}); save it as UTF-8"
        ) from None
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: expected a table, found {error}; mend the line") from None


def _refuse_other_separators(path: Path, header: Sequence[str], delimiter: str) -> None:
    """Spreadsheets write what their language separates numbers by into a file that says it has commas."""
    found = next((one for one in _SEPARATORS if one != delimiter and one in header[0]), None) if header else None
    if found is not None and len(header) == 1:
        wanted = "tabs" if delimiter == "\t" else "commas"
        raise DataError(
            f"{path}:1: expected columns separated by {wanted}, found {_SEPARATORS[found]}: save it with commas "
            "as .csv, or with tabs as .tsv"
        )


def _header(place: str, header: Sequence[str], names: Mapping[str, str], ignore_others: bool) -> list[str | None]:
    taken = {theirs: ours for ours, theirs in names.items()}
    columns: list[str | None] = []
    for name in map(str.strip, header):
        ours = taken.get(name, None if name in names else name)
        known = ours in COLUMNS or (ours is not None and ours.startswith(_META))
        if not known and not ignore_others:
            raise DataError(
                f"{place}: the column {name!r} is not known: expected {', '.join(COLUMNS)} or meta.NAME; rename "
                "it, name "
                f"it with --column OURS={name}, or leave others out with --ignore-other-columns"
            )
        columns.append(ours if known else None)
    absent = [names.get(name, name) for name in NEEDED if name not in columns]
    if absent:
        raise DataError(
            f"{place}: expected the columns {' and '.join(NEEDED)}, found {', '.join(header) or 'none'}; add "
            f"{absent[0]!r}, or name yours with --column {NEEDED[0]}=NAME"
        )
    doubled = [name for name in columns if name is not None and columns.count(name) > 1]
    if doubled:
        raise DataError(f"{place}: the column {doubled[0]!r} stands there twice; rename one")
    return columns


def _cell(place: str, column: str, cell: str) -> Any:
    if column == "options":
        return [option.strip() for option in cell.split(_SEPARATOR)]
    if column == "metadata":
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            raise DataError(
                f"{place}: the column metadata must hold a JSON object, found {cell[:60]!r}; mend it, or use "
                "columns "
                "meta.NAME"
            ) from None
    return cell


def _row(place: str, fields: _Fields, task: str | None) -> Row:
    try:
        encoded = msgspec.json.encode(fields)
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise DataError(f"{place}: expected texts, found a value that is none ({error}); correct it") from None
    line = decode_row(place, encoded, _LINE)
    for name in NEEDED:
        if not getattr(line, name).strip():
            raise DataError(f'{place}: the field "{name}" must be a text that is not empty; fill it in')
    options = tuple(option.strip() for option in line.options or ())
    told = {name: _plain(str(value)) for name, value in (line.metadata or {}).items() if value is not None}
    return Row(
        audio=_clip_name(line.audio),
        transcript=_plain(line.transcript),
        task=_or_none(line.task) or task,
        label=_or_none(line.label),
        question=_or_none(line.question),
        options=options,
        speaker=_or_none(line.speaker),
        source=_or_none(line.source),
        licence=_or_none(line.licence),
        metadata={_plain(name): value for name, value in told.items() if value},
        place=place,
    )


def _clip_name(audio: str) -> str:
    """Two spellings of one path are one clip."""
    return str(PurePosixPath(audio.strip()))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _or_none(text: str | None) -> str | None:
    return None if text is None or not text.strip() else text.strip()
