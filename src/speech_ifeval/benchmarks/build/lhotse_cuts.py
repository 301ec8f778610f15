"""Lhotse's cuts: stretches of recordings with what is said in them. The package itself reads them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from speech_ifeval.benchmarks.build.rows import Sound
from speech_ifeval.errors import DataError, MissingExtraError

_KINDS = ("MonoCut", "MultiCut", "MixedCut", "PaddingCut")
# What a cut or its supervision may hold of ours, beside what Lhotse itself has a place for.
_CUSTOM = ("task", "label", "question", "options", "source", "licence", "metadata")
_FIRST_BYTES = 1 << 20


def holds_cuts(path: Path) -> bool:
    """Return whether a file's first line is one of Lhotse's cuts."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            first = json.loads(file.readline(_FIRST_BYTES))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error):
        return False
    return isinstance(first, dict) and first.get("type") in _KINDS


def read_cuts(path: Path) -> tuple[Iterator[tuple[str, dict[str, Any]]], Mapping[str, Sound]]:
    """Read cuts: a row each, and their sound.

    A cut that is a whole file stays that file; of any other, the stretch is written as a WAV file of 16 bits.

    Raises:
        DataError: the file cannot be read.
        MissingExtraError: lhotse is not installed.
    """
    try:
        import lhotse
    except ImportError:
        raise MissingExtraError("corpora", "lhotse", "reading Lhotse's cuts") from None
    try:
        cuts = list(lhotse.CutSet.from_file(path))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise DataError(
            f"{path}: expected Lhotse's cuts, found something else ({error}); write them anew"
        ) from None
    sounds: dict[str, Sound] = {}
    rows = []
    for number, cut in enumerate(cuts, start=1):
        file = _whole_file(cut)
        name = f"{cut.id}.wav" if file is None else f"{cut.id}{file.suffix}"
        sounds[name] = file or _stretch(cut)
        rows.append((f"{path}:{number}", _fields(cut, name)))
    return iter(rows), sounds


def _fields(cut: Any, name: str) -> dict[str, Any]:
    spoken = list(cut.supervisions)
    fields: dict[str, Any] = {"audio": name, "transcript": " ".join(one.text for one in spoken if one.text)}
    custom = dict(getattr(cut, "custom", None) or {})
    for one in spoken:
        custom = dict(one.custom or {}) | custom
    fields |= {key: custom[key] for key in _CUSTOM if key in custom}
    speakers = {one.speaker for one in spoken}
    if len(speakers) == 1:
        fields["speaker"] = speakers.pop()
    told = {"Gender": {one.gender for one in spoken if one.gender}}
    metadata = {key: next(iter(values)) for key, values in told.items() if len(values) == 1}
    fields["metadata"] = metadata | dict(fields.get("metadata") or {})
    return fields


def _whole_file(cut: Any) -> Path | None:
    recording = getattr(cut, "recording", None)
    if recording is None or recording.transforms or len(recording.sources) != 1:
        return None
    source = recording.sources[0]
    whole = cut.start == 0 and cut.num_samples == recording.num_samples and cut.channel == source.channels[0]
    return Path(source.source) if source.type == "file" and len(source.channels) == 1 and whole else None


def _stretch(cut: Any) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            import soundfile
        except ImportError:
            raise MissingExtraError("audio", "soundfile", "writing audio") from None
        content = BytesIO()
        soundfile.write(content, cut.load_audio().T, cut.sampling_rate, format="WAV", subtype="PCM_16")
        return content.getvalue()

    return read
