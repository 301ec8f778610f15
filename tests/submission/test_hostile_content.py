"""Whatever stands in one place of a submission: a finding or a message, and never that it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_ifeval.errors import DataError, SpeechIFEvalError
from speech_ifeval.submission.verifying import verify
from tests.command_line import invoke
from tests.submission.forging import encoded_plainly, members_of, with_document, with_rows, write

# What nothing is computed from: said for people, or not looked at.
_SAID_ONLY = (
    *("versions", "source", "licence", "language", "speaker", "wording", "changed", "version", "judge_reply"),
    *("seconds", "fingerprint", "input_tokens", "output_tokens", "transcript", "sources", "finish_reason"),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [place for name, part in value.items() for place in places(part, (*path, name))] or [path]
    if isinstance(value, list):
        return [place for index, part in enumerate(value) for place in places(part, (*path, index))] or [path]
    return [path]


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    for step in path[:-1]:
        document = document[step]
    before, document[path[-1]] = document[path[-1]], value
    return before


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    st.just([]),
    st.just({}),
    st.just("\x1b[2J\x07<script>"),
)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_in_any_place_is_found_out_or_refused(packed: Path, tmp_path: Path, data: st.DataObject) -> None:
    members = members_of(packed)
    name = data.draw(st.sampled_from(sorted(members)))
    lines = members[name].splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    document = json.loads(lines[at])
    path = data.draw(st.sampled_from([place for place in places(document) if place]))
    value = data.draw(VALUES)
    before = put(document, path, value)
    lines[at] = encoded_plainly(document)
    members[name] = b"\n".join(lines) + (b"\n" if name.endswith(".jsonl") else b"")
    try:
        found = verify(write(tmp_path / "hostile.zip", members, mended=name != "submission.json"))
    except SpeechIFEvalError:
        return
    same = type(before) is type(value) and before == value
    if not same and not any(step in _SAID_ONLY for step in path) and not name.endswith("responses.manifest.json"):
        assert not found.holds, (name, path, before, value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a":' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a":1e999}', "out of range"),
        (b'{"a":"\xff"}', "expected UTF-8"),
        (b'{"a":1,"a":2}', "in the one way"),
        (b'{"a": 1}', "in the one way"),
        (b'{"a":1.50}', "in the one way"),
        (b'{"a":"\\ud800"}', "not JSON"),
        (b"[]", "JSON object"),
        (b"", "not JSON"),
    ],
    ids=[
        "NaN",
        "deep",
        "huge",
        "infinite",
        "UTF-8",
        "doubled key",
        "spaces",
        "number",
        "surrogate",
        "list",
        "empty",
    ],
)
def test_json_that_submit_does_not_write_is_refused(
    packed: Path, tmp_path: Path, raw: bytes, message: str
) -> None:
    members = {**members_of(packed), "run/verdicts.manifest.json": raw}
    with pytest.raises(DataError, match=message) as refused:
        verify(write(tmp_path / "hostile.zip", members, mended=True))
    assert str(refused.value).startswith("hostile.zip: run/verdicts.manifest.json:1: ")


def test_a_torn_last_line_is_refused(packed: Path, tmp_path: Path) -> None:
    members = members_of(packed)
    members["run/verdicts.jsonl"] = members["run/verdicts.jsonl"][:-20]
    with pytest.raises(DataError, match="last line is torn"):
        verify(write(tmp_path / "hostile.zip", members, mended=True))


def test_terminal_escapes_are_shown_and_not_obeyed(packed: Path, tmp_path: Path) -> None:
    evil = "\x1b]0;gone\x07\x1b[2J‮"
    members = with_document(members_of(packed), "summary.json", lambda found: found.update(name=evil))
    members = with_rows(members, "run/verdicts.jsonl", lambda found: found[0].update(item=evil, reason=evil))
    done = invoke("verify", write(tmp_path / "hostile.zip", members, mended=True))
    assert done.code == 8
    assert "\\x1b[2J\\u202e" in done.out
    assert not {"\x1b", "\x07", "‮"} & set(done.out + done.err)
