"""A TOML file with a command's options as keys."""

from __future__ import annotations

import difflib
import inspect
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from speech_ifeval.errors import DataError, UsageError


def read_configuration(path: Path, options: Mapping[str, bool]) -> dict[str, Any]:
    """Read a file of options; tables, such as ``[model_args]``, become JSON objects.

    Args:
        path: the file.
        options: the options there are, each with whether it can be given several times; keys may be written
            with ``-`` or ``_``.

    Raises:
        UsageError: there is no such file.
        DataError: it is not TOML, or holds a key that is no option, or a value that none takes.
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
        if name == "config":
            raise DataError(f"{path}:1: {key!r} cannot stand in the file itself; write its options here")
        try:
            taken[name] = _several(value) if options[name] else _one(value)
        except TypeError as error:
            raise DataError(
                f"{path}:1: {key!r} holds what no option takes ({error}); write it as a text or number"
            ) from None
    return taken


def run_file(context: typer.Context, path: Path | None) -> Path | None:
    """Take from a file of `run`'s options those that another command has as well: one file for both.

    Raises:
        UsageError, DataError: as `read_configuration`.
    """
    if path is not None:
        from speech_ifeval.cli.run_command import run_command

        parameters = inspect.signature(run_command).parameters
        options = {name: "list[" in str(one.annotation) for name, one in parameters.items()}
        own = {option.name for option in context.command.params}
        found = read_configuration(path, options)
        context.default_map = {name: value for name, value in found.items() if name in own and name != "as_json"}
    return path


def _one(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, list):
        return ",".join(str(_plain(one)) for one in value)
    return _plain(value)


def _several(value: Any) -> list[Any]:
    return [_plain(one) for one in (value if isinstance(value, list) else [value])]


def _plain(value: Any) -> str | int | float:
    if not isinstance(value, str | int | float):
        raise TypeError(f"a {'table' if isinstance(value, dict) else type(value).__name__}")
    return value
