"""Our own form: strict, and every refusal names its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import find_defects, load_benchmark
from speech_ifeval.errors import DataError

HEADER = b'{"name": "mine", "schema_version": 1, "description": "d", "licence": "CC0"}'


def item(**changes: Any) -> dict[str, Any]:
    return {
        "id": "closed-ended/0000",
        "category": "closed-ended",
        "instruction": "Write it down.\nUse capitals only.",
        "clip": "a.wav",
        "dataset": "asr",
        "constraints": [{"id": "change_case:english_capital"}],
    } | changes


def plain(**changes: Any) -> dict[str, Any]:
    return {
        "id": "closed-ended-plain/0000",
        "category": "closed-ended-plain",
        "instruction": "Write it down.",
        "clip": "a.wav",
        "dataset": "asr",
        "twin": "closed-ended/0000",
    } | changes


PAIRED = item(twin="closed-ended-plain/0000")

BAD_ITEMS = [
    ([item(extra=1)], 1, 'the field "extra" is not known; correct or remove it'),
    ([item(constraints=[{"id": "x", "y": 1}])], 1, 'the field "constraints[0].y" is not known'),
    ([{"id": "a"}], 1, 'the field "category" is missing; add it'),
    ([item(label=3)], 1, 'the field "label" must be a text or null, found a whole number; correct it'),
    ([item(), item()], 2, "the id 'closed-ended/0000' is already taken at "),
    ([item(id="")], 1, 'the field "id" must be a text that is not empty'),
    ([item(category="open")], 1, 'the field "category" must be one of closed-ended, creative-writing, '),
    ([item(constraints=[])], 1, "an item of closed-ended needs a constraint, found none; add one"),
    ([item(clip="../a.wav")], 1, "the clip must be a path inside the audio folder"),
    ([item(constraints=[{"id": "x:y"}])], 1, "unknown constraint id 'x:y'"),
    (
        [item(constraints=[{"id": "reasoning:chain_of_thought", "kwargs": {"a": 1}}])],
        1,
        "reasoning:chain_of_thought is judged and takes no kwargs, found ['a']; remove them",
    ),
    ([item(twin="nowhere")], 1, "the twin 'nowhere' is no item of this benchmark; correct or remove it"),
    ([item(), plain()], 2, "twins name each other, but 'closed-ended/0000' ("),
    ([PAIRED, plain(twin=None)], 1, "twins name each other, but 'closed-ended-plain/0000' ("),
    ([plain(twin=None)], 1, 'an item of closed-ended-plain needs the field "twin", found none; add it'),
    ([plain(constraints=[{"id": "startend:quotation"}])], 1, "an item of closed-ended-plain has no constraints"),
    ([PAIRED, plain(clip="b.wav")], 1, "twins have the same clip, found 'a.wav' and, at "),
    ([PAIRED, plain(label="x")], 1, "twins have the same label, found None and, at "),
    (
        [item(twin="b"), item(id="b", twin="closed-ended/0000")],
        1,
        "a pair of twins has one item of closed-ended and one of closed-ended-plain, found closed-ended and",
    ),
]


@pytest.mark.parametrize(("items", "line", "message"), BAD_ITEMS)
def test_bad_item(items: list[Any], line: int, message: str, write: Callable[..., Path]) -> None:
    folder = write({"benchmark.json": HEADER, "items.jsonl": items})
    with pytest.raises(DataError) as caught:
        load_benchmark(folder)
    assert str(caught.value).startswith(f"{folder / 'items.jsonl'}:{line}: {message}")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "expected a JSON object, found text that is not JSON"),
        (b"[]", "expected a JSON object, found a list; mend it"),
        (
            b'{"name": "a|rules:careful", "description": "", "schema_version": 1}',
            'the field "name" stands in every signature and must hold neither',
        ),
        (b'{"name": "x", "description": ""}', 'the field "schema_version" is missing; add it'),
        (
            b'{"name": "x", "description": "", "schema_version": 2}',
            'the field "schema_version" must be 1, found 2; upgrade speech-ifeval',
        ),
        (
            b'{"name": " ", "description": "", "schema_version": 1}',
            'the field "name" must be a text that is not empty',
        ),
        (b'{"title": "x", "description": "", "schema_version": 1}', 'the field "title" is not known'),
        (
            b'{"name": "x", "description": "", "schema_version": 1, "language": " "}',
            'the field "language" must be a text that is not empty',
        ),
    ],
)
def test_bad_header(header: bytes, message: str, write: Callable[..., Path]) -> None:
    folder = write({"benchmark.json": header, "items.jsonl": [item()]})
    with pytest.raises(DataError) as caught:
        load_benchmark(folder)
    assert str(caught.value).startswith(f"{folder / 'benchmark.json'}:1: {message}")


def test_items_file_is_needed(write: Callable[..., Path]) -> None:
    folder = write({"benchmark.json": HEADER})
    with pytest.raises(DataError, match=r"items\.jsonl:1: cannot be read \(No such file or directory\)"):
        load_benchmark(folder)


def test_a_good_one(write: Callable[..., Path]) -> None:
    benchmark = load_benchmark(write({"benchmark.json": HEADER, "items.jsonl": [PAIRED, plain()]}))
    assert (benchmark.name, benchmark.licence, len(benchmark)) == ("mine", "CC0", 2)
    assert benchmark.missing_categories == ("creative-writing", "chain-of-thought")
    assert benchmark.places == {"closed-ended/0000": "items.jsonl:1", "closed-ended-plain/0000": "items.jsonl:2"}


def test_speakers_are_read_and_change_no_fingerprint(write: Callable[..., Path]) -> None:
    items = [item(speaker="anna"), item(id="closed-ended/0001")]
    told = load_benchmark(write({"benchmark.json": HEADER, "items.jsonl": items}))
    assert [one.speaker for one in told] == ["anna", None]
    untold = load_benchmark(write({"benchmark.json": HEADER, "items.jsonl": [item(), items[1]]}))
    assert told.fingerprint == untold.fingerprint


GERMAN = 'Schreib es auf.\nBeginne mit "Also:" und benutze "Haus".'


@pytest.mark.parametrize(
    ("language", "constraint", "kinds"),
    [
        ("de", {"id": "change_case:english_capital"}, []),
        ("de", {"id": "detectable_format:number_bullet_lists", "kwargs": {"num_bullets": 3}}, []),
        ("de", {"id": "combination:repeat_prompt", "kwargs": {"prompt_to_repeat": "Also:"}}, []),
        ("de", {"id": "combination:repeat_prompt", "kwargs": {"prompt_to_repeat": "Nun:"}}, ["phrase-not-stated"]),
        ("de", {"id": "keywords:existence", "kwargs": {"keywords": ["Baum"]}}, ["keyword-not-stated"]),
        (None, {"id": "change_case:english_capital"}, ["constraint-not-stated"]),
        ("en", {"id": "change_case:english_capital"}, ["constraint-not-stated"]),
    ],
)
def test_rules_that_read_english_are_for_english_instructions(
    language: str | None, constraint: dict[str, Any], kinds: list[str], write: Callable[..., Path]
) -> None:
    header = {"name": "x", "schema_version": 1, "description": "", "language": language}
    asked = item(instruction=GERMAN, constraints=[constraint])
    folder = write({"benchmark.json": json.dumps(header).encode(), "items.jsonl": [asked]})
    found = find_defects(load_benchmark(folder))
    assert [defect.kind for defect in found if defect.severity == "error"] == kinds


def test_a_wording_is_read_and_changes_no_fingerprint(write: Callable[..., Path]) -> None:
    told = load_benchmark(write({"benchmark.json": HEADER, "items.jsonl": [item(wording="en/x:y/01")]}))
    assert told.items[0].wording == "en/x:y/01"
    untold = load_benchmark(write({"benchmark.json": HEADER, "items.jsonl": [item()]}))
    assert told.fingerprint == untold.fingerprint
