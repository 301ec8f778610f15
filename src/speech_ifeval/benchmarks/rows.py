"""Files of JSON lines read row by row, so that every complaint names its file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar

import msgspec

from speech_ifeval import constraints
from speech_ifeval.errors import ConstraintError, DataError
from speech_ifeval.records import JUDGED_ID, Constraint

Row = TypeVar("Row")

_BEYOND_JSON = re.compile(rb"\\u[dD][89a-fA-F]|NaN|Infinity")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TYPE_MESSAGE = re.compile(r"Expected (?P<expected>.+?)(?:, got (?P<found>.+?))?(?: - at `(?P<where>.+)`)?")
_MISSING_MESSAGE = re.compile(r"Object missing required field `(?P<name>.+?)`(?: - at `(?P<where>.+)`)?")
_UNKNOWN_MESSAGE = re.compile(r"Object contains unknown field `(?P<name>.+?)`(?: - at `(?P<where>.+)`)?")
_SUSPECT = re.compile(r"\.\.|[:\0]").search
_TYPE_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}
# `compile` takes these beside the constraint's own kwargs; a benchmark must not reach them.
_RESERVED_KWARGS = frozenset({"rules", "loose"})


def read_rows(
    path: Path, decoder: msgspec.json.Decoder[Row], *, of_replies: bool = False
) -> Iterator[tuple[str, Row]]:
    """Yield ``(file:line, row)`` for every line of a JSON-lines file that is not blank.

    In rows of replies, what Python's `json` writes beyond JSON is understood: half a surrogate pair (a reply
    cut inside an emoji) is read as U+FFFD, NaN as null. Anywhere else it is an error.

    Raises:
        DataError: the file cannot be read or is empty; a line is not UTF-8, not JSON or not what the
            decoder expects. The message starts with ``file:line:``.
    """
    count = 0
    for number, line in enumerate(_utf8(path).split(b"\n"), start=1):
        if not line or line.isspace():
            continue
        count += 1
        place = f"{path}:{number}"
        yield place, decode_row(place, _strict(line) if of_replies else line, decoder)
    if not count:
        raise DataError(f"{path}:1: expected one JSON object per line, found no line; restore the file")


def read_document(path: Path, decoder: msgspec.json.Decoder[Row]) -> Row:
    """Read a file that holds one JSON object.

    Raises:
        DataError: as `read_rows`.
    """
    return decode_row(f"{path}:1", _utf8(path), decoder)


def decode_row(place: str, line: bytes, decoder: msgspec.json.Decoder[Row]) -> Row:
    """Decode one object; what is wrong with it becomes a `DataError` that starts with `place`."""
    try:
        return decoder.decode(line)
    except msgspec.ValidationError as error:
        raise DataError(f"{place}: {_in_words(str(error))}") from None
    except msgspec.DecodeError as error:
        raise DataError(
            f"{place}: expected a JSON object, found text that is not JSON ({error}); mend or remove it"
        ) from None
    except RecursionError:
        raise DataError(f"{place}: expected a JSON object, found one nested too deeply; remove it") from None


def _strict(line: bytes) -> bytes:
    """Write what Python's `json` may have written as JSON; a line it cannot read comes back as it is."""
    if _BEYOND_JSON.search(line) is None:
        return line
    try:
        row = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return line
    text = json.dumps(row, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _utf8(path: Path) -> bytes:
    """Read the file's bytes and make sure that they are UTF-8, which msgspec checks only where it looks."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}:1: cannot be read ({error.strerror or error}); check the file") from None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: expected UTF-8, found the byte 0x{content[error.start]:02x} "
            f"({error.reason}); save the file as UTF-8"
        ) from None
    return content.removeprefix(_BYTE_ORDER_MARK)


def _in_words(message: str) -> str:
    """Say msgspec's complaint with the field's name first and without Python's type names."""
    if match := _MISSING_MESSAGE.fullmatch(message):
        return f"the field {_named(match['where'], match['name'])} is missing; add it"
    if match := _UNKNOWN_MESSAGE.fullmatch(message):
        return f"the field {_named(match['where'], match['name'])} is not known; correct or remove it"
    if match := _TYPE_MESSAGE.fullmatch(message):
        found = f", found {_kinds(match['found'])}" if match["found"] else ""
        if match["where"] is None:
            return f"expected {_kinds(match['expected']).replace('an object', 'a JSON object')}{found}; mend it"
        return f"the field {_named(match['where'])} must be {_kinds(match['expected'])}{found}; correct it"
    return f"expected a valid row, found: {message}; correct it"


def _named(where: str | None, name: str = "") -> str:
    path = (where or "$").removeprefix("$").removeprefix(".")
    return f'"{".".join(part for part in (path, name) if part)}"'


def _kinds(types: str) -> str:
    return re.sub(r"`?\b(str|int|float|bool|object|array|null)\b`?", lambda m: _TYPE_WORDS[m[1]], types).replace(
        " | ", " or "
    )


def check_clip(place: str, clip: str) -> None:
    """Refuse a clip that is not a path inside the audio folder.

    Raises:
        DataError: the path is empty, absolute, leaves the folder, or holds a NUL.

    >>> check_clip("items.jsonl:1", "../../etc/passwd")
    Traceback (most recent call last):
    ...
    speech_ifeval.errors.DataError: items.jsonl:1: the clip must be a path inside the audio folder, \
found '../../etc/passwd'; name it relative to that folder, without '..'
    """
    # Every row passes here, and nearly none holds one of these; the paths' own rules are twenty times slower.
    if clip.strip() and not clip.startswith(("/", "\\")) and not _SUSPECT(clip):
        return
    # Both systems' rules, so that a benchmark that is safe here is safe wherever its results are read.
    windows = PureWindowsPath(clip)
    parts = (*PurePosixPath(clip).parts, *windows.parts)
    inside = not (clip.startswith("/") or windows.drive or windows.root or ".." in parts or "\0" in clip)
    if not clip.strip() or not inside:
        raise DataError(
            f"{place}: the clip must be a path inside the audio folder, found {clip!r}; "
            "name it relative to that folder, without '..'"
        )


def check_constraint(place: str, id: str, kwargs: dict[str, Any]) -> Constraint:
    """Return the constraint once it is known that it compiles under the rule set ``official``.

    Raises:
        DataError: unknown id, or kwargs that do not fit it.

    >>> check_constraint("items.jsonl:1", "startend:quotation", {})
    Constraint(id='startend:quotation', kwargs={})
    """
    reserved = _RESERVED_KWARGS.intersection(kwargs)
    if reserved:
        raise DataError(f"{place}: {id}: unknown kwarg {min(reserved)!r}; remove it")
    if id == JUDGED_ID:
        if kwargs:
            raise DataError(f"{place}: {id} is judged and takes no kwargs, found {sorted(kwargs)}; remove them")
        return Constraint(id)
    try:
        constraints.compile(id, rules="official", **kwargs)
    except ConstraintError as error:
        raise DataError(f"{place}: {error}") from None
    return Constraint(id, kwargs)


def check_text(place: str, name: str, text: str) -> None:
    """Refuse a text that is empty or white space where words are needed.

    Raises:
        DataError: naming the field.
    """
    if not text or text.isspace():
        raise DataError(
            f'{place}: the field "{name}" must be a text that is not empty, found {text!r}; fill it in'
        )
