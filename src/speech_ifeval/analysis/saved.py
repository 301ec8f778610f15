"""Analyses that were saved as JSON, read back and told apart by their fields."""

from __future__ import annotations

from pathlib import Path

import msgspec

from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.results import Isolation, Ladder, Sweep, WordingEffects

SavedAnalysis = Sweep | Ladder | Isolation | WordingEffects
# Fields that one kind has together and nothing else that is printed.
_KINDS: tuple[tuple[set[str], type[SavedAnalysis]], ...] = (
    ({"model", "points"}, Sweep),
    ({"model", "rungs"}, Ladder),
    ({"perception", "following"}, Isolation),
    ({"effect", "pairs"}, WordingEffects),
)
NAMES: dict[type[SavedAnalysis], str] = {
    Sweep: "sweep",
    Ladder: "ladder",
    Isolation: "isolation",
    WordingEffects: "wording",
}


def read_analysis(path: Path) -> SavedAnalysis:
    """Read what `speech-ifeval sweep`, `ladder`, `isolation` or `wording` prints with ``--json``.

    Raises:
        UsageError: no such file.
        DataError: the file holds something else.
    """
    expected = "expected what sweep, ladder, isolation or wording prints with --json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {expected}, found no file to read ({error.strerror}); check the path") from None
    try:
        fields = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise DataError(f"{path}:1: {expected}, found no JSON object ({error}); save it again") from None
    kind = next((kind for names, kind in _KINDS if names <= fields.keys()), None)
    if kind is None:
        raise DataError(f"{path}:1: {expected}, found an object with {', '.join(sorted(fields)[:5]) or 'nothing'}")
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise DataError(f"{path}:1: expected {NAMES[kind]} of this version, found another ({error})") from None
