"""A TOML file with a command's options as keys."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech_ifeval.errors import DataError, UsageError


def read_configuration(path: Path, options: Sequence[str]) -> dict[str, Any]:
    """Read a file of options; tables, such as ``[model_args]``, become JSON objects.

    Args:
        path: the file.
        options: the options there are; keys may be written with ``-`` or ``_``.

    Raises:
        UsageError: there is no such file.
        DataError: it is not TOML, or holds a key that is no option.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"no configuration at {str(path)!r} ({error.strerror}); check --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}:1: expected TOML, found otherwise ({error}); mend it") from None
    taken: dict[str, Any] = {}
    for key, value in found.items():
        name = {"json": "as_json"}.get(key, key.replace("-", "_"))
        if name not in options:
            near = difflib.get_close_matches(name, options, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DataError(f"{path}:1: {key!r} is no option of this command{hint}; correct or remove it")
        if isinstance(value, dict):
            value = json.dumps(value)
        elif isinstance(value, list):
            value = ",".join(map(str, value))
        taken[name] = value
    return taken
