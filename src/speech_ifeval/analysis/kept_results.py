"""Results that ``--json`` printed, read back from files."""

from __future__ import annotations

from pathlib import Path

import msgspec

from speech_ifeval.errors import DataError, UsageError
from speech_ifeval.results import Isolation, Ladder, Sweep, WordingEffects

Result = Sweep | WordingEffects | Ladder | Isolation
_KINDS: tuple[type[Result], ...] = (Sweep, WordingEffects, Ladder, Isolation)


def read_result(path: Path) -> Result:
    """Read what `sweep`, `wording`, `ladder` or `isolation` printed with ``--json``; its fields say which it is.

    Raises:
        UsageError: there is no such file.
        DataError: it holds none of these.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"no results at {str(path)!r} ({error.strerror or error}); name a run directory, or a file that "
            "`speech-ifeval sweep --json` or wording, ladder or isolation wrote"
        ) from None
    for kind in _KINDS:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError:  # another kind's, perhaps
            continue
    raise DataError(
        f"{path}:1: expected what sweep, wording, ladder or isolation print with --json, found none of them; "
        "write it again with this version"
    )
