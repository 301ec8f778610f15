"""Submissions that were changed: by somebody careless, or by somebody who mends every hash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speech_ifeval.submission.archive import unzipped, zipped
from speech_ifeval.submission.contents import HEADER, MEMBERS, encoded, member_of

Rows = list[dict[str, Any]]
Members = dict[str, bytes]


def members_of(path: Path) -> Members:
    return unzipped(path.read_bytes(), path.name)


def rows_of(content: bytes) -> Rows:
    return [json.loads(line) for line in content.splitlines()]


def write(path: Path, members: Members, *, mended: bool) -> Path:
    """Write members as a submission; `mended` lets the header have their hashes."""
    if mended:
        header = json.loads(members[HEADER])
        others = {name: content for name, content in members.items() if name != HEADER}
        header["members"] = {name: json.loads(encoded(member_of(others[name]))) for name in sorted(others)}
        members = {**members, HEADER: encoded_plainly(header)}
    ordered = {name: members[name] for name in MEMBERS if name in members}
    path.write_bytes(zipped(ordered))
    return path


def encoded_plainly(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def with_rows(members: Members, name: str, change: Callable[[Rows], Any]) -> Members:
    """Change the rows of a member in place."""
    rows = rows_of(members[name])
    change(rows)
    return {**members, name: b"".join(encoded_plainly(row) + b"\n" for row in rows)}


def with_document(members: Members, name: str, change: Callable[[dict[str, Any]], Any]) -> Members:
    document = json.loads(members[name])
    change(document)
    return {**members, name: encoded_plainly(document)}
