"""A folder that `datasets` has saved. Nothing of it is run: tables are read, and audio stays the bytes it is."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from speech_ifeval.benchmarks.build.rows import Sound
from speech_ifeval.errors import DataError, MissingExtraError, UsageError

_STATE, _INFO, _SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_META = "meta."
_SUFFIXES = {"WAV": ".wav", "WAVEX": ".wav", "FLAC": ".flac", "OGG": ".ogg", "MP3": ".mp3"}


def is_saved_dataset(path: Path) -> bool:
    """Return whether `Dataset.save_to_disk` or `DatasetDict.save_to_disk` has written this folder."""
    return ((path / _STATE).is_file() and (path / _INFO).is_file()) or (path / _SPLITS).is_file()


def read_saved_dataset(
    path: Path, audio_dir: Path | None, theirs: Mapping[str, str], needed: Sequence[str]
) -> tuple[Iterator[tuple[str, dict[str, Any]]], Mapping[str, Sound] | None, tuple[str, ...]]:
    """Read a saved dataset: its rows, their sounds, and which columns were left out.

    Args:
        path: the folder of one split.
        audio_dir: the folder that paths are relative to, where the audio column holds no bytes.
        theirs: our name of each column to the dataset's.
        needed: our names of the columns that there must be.

    Raises:
        UsageError: the folder holds several splits.
        DataError: a column is absent, or the dataset cannot be read.
        MissingExtraError: datasets is not installed.
    """
    if (path / _SPLITS).is_file():
        splits = sorted(folder.name for folder in path.iterdir() if (folder / _STATE).is_file())
        raise UsageError(
            f"{str(path)!r} holds several splits ({', '.join(splits)}): expected one; give "
            f"{str(path / splits[0])!r}"
            if splits
            else f"{str(path)!r} holds no split of the dataset: expected one; save it anew"
        )
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("corpora", "datasets", "reading a saved dataset") from None
    try:
        table = datasets.load_from_disk(str(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected a saved dataset, found one that cannot be read ({error}); save it anew"
        ) from None
    columns = {ours: name for ours, name in theirs.items() if name in table.column_names}
    absent = [theirs[ours] for ours in needed if ours not in columns]
    if absent:
        raise DataError(
            f"{path}: expected the columns {' and '.join(needed)}, found {', '.join(table.column_names)}; add "
            f"{absent[0]!r}, or name yours with --column {needed[0]}=NAME"
        )
    others = [name for name in table.column_names if name not in columns.values() and not name.startswith(_META)]
    notes = (f"columns that were not read: {', '.join(others)}",) if others else ()
    columns |= {name: name for name in table.column_names if name.startswith(_META)}
    features = table.features
    if isinstance(features[columns["audio"]], datasets.Audio):
        table = table.cast_column(columns["audio"], datasets.Audio(decode=False))
    names = {
        ours: features[name].int2str
        for ours, name in columns.items()
        if isinstance(features[name], datasets.ClassLabel)
    }
    sounds = _Sounds(path, audio_dir, table, columns["audio"])
    return _rows(path, table, columns, names, sounds), sounds.known, notes


class _Sounds:
    """Gives every clip of a dataset a name: its path, with a number where other bytes have that name already."""

    def __init__(self, path: Path, audio_dir: Path | None, table: Any, column: str) -> None:
        self.known: dict[str, Sound] = {}
        self._path = path
        self._base = audio_dir or path
        self._table = table
        self._column = column
        self._names: dict[tuple[str, str], str] = {}
        self._taken: Counter[str] = Counter()

    def name(self, at: int, audio: Any) -> str:
        place = f"{self._path}: row {at}"
        if isinstance(audio, str):
            self.known[audio] = self._base / audio
            return audio
        if not isinstance(audio, dict) or (audio.get("bytes") is None and audio.get("path") is None):
            raise DataError(f"{place}: expected audio, found {type(audio).__name__}; correct the audio column")
        content, path = audio.get("bytes"), str(audio.get("path") or "")
        if content is None:
            self.known[path] = self._base / path
            return path
        digest = hashlib.sha256(content).hexdigest()
        named = PurePosixPath(path).name if path else f"{at:06d}{_suffix_of(content)}"
        found = self._names.get((named, digest))
        if found is None:
            self._taken[named] += 1
            taken = self._taken[named] - 1
            found = named if not taken else f"{PurePosixPath(named).stem}-{taken}{PurePosixPath(named).suffix}"
            self._names[named, digest] = found
            self.known[found] = self._reader(at)
        return found

    def _reader(self, at: int) -> Callable[[], bytes]:
        def read() -> bytes:
            content: bytes = self._table[at][self._column]["bytes"]
            return content

        return read


def _suffix_of(content: bytes) -> str:
    try:
        import soundfile
    except ImportError:
        raise MissingExtraError("audio", "soundfile", "reading audio") from None
    try:
        return _SUFFIXES.get(soundfile.info(BytesIO(content)).format, ".wav")
    except soundfile.LibsndfileError:  # said with the row, when the clip is decoded
        return ".wav"


def _rows(
    path: Path, table: Any, columns: Mapping[str, str], names: Mapping[str, Callable[[int], str]], sounds: _Sounds
) -> Iterator[tuple[str, dict[str, Any]]]:
    for at, found in enumerate(table):
        fields: dict[str, Any] = {}
        for ours, theirs in columns.items():
            value = found[theirs]
            if ours == "audio":
                value = sounds.name(at, value)
            elif ours in names and value is not None:
                value = names[ours](value)
            if ours.startswith(_META):
                fields.setdefault("metadata", {})[ours.removeprefix(_META)] = value
            elif ours == "metadata" and isinstance(value, dict):
                fields.setdefault("metadata", {}).update(value)
            else:
                fields[ours] = value
        yield f"{path}: row {at}", fields
