from __future__ import annotations

from pathlib import Path

import pytest

from speech_ifeval.benchmarks import Benchmark
from speech_ifeval.benchmarks.licences import permission_of
from speech_ifeval.records import Item


def heard(source: str | None = None, licence: str | None = None) -> Item:
    return Item("closed-ended/0000", "closed-ended", "Who?", "a.wav", "mood", source=source, licence=licence)


def of(licence: str | None) -> Benchmark:
    return Benchmark("b", (), "0" * 64, Path(), licence=licence)


@pytest.mark.parametrize(
    "licence",
    [
        "CC0",
        "CC0-1.0",
        "CC BY 4.0",
        "cc-by-4.0",
        "CC-BY-SA-3.0",
        "Apache-2.0",
        "MIT",
        "public domain",
    ],
)
def test_a_licence_that_allows_it(licence: str) -> None:
    assert permission_of(heard(licence=licence), of(None)).given


@pytest.mark.parametrize(
    "licence",
    [
        "",
        "proprietary",
        "research only",
        "not CC BY 4.0",
        "CC BY 4.0, but ask first",
        "GPL-3.0 for its repository",
        "own",
        "CC BY-NC 4.0",
        "CC BY-ND 4.0",
    ],
)
def test_any_other_forbids(licence: str) -> None:
    assert not permission_of(heard(licence=licence), of("CC0-1.0")).given


@pytest.mark.parametrize(
    ("source", "benchmark", "given"),
    [
        (None, None, False),
        (None, "CC BY 4.0", True),
        ("somebody's corpus", None, False),
        ("somebody's corpus", "CC BY 4.0", True),
        ("LibriSpeech", None, True),
        ("Common Voice", None, True),
        ("IEMOCAP", "CC BY 4.0", False),  # what is known of a corpus goes before what a benchmark says of itself
        ("MELD", "Apache-2.0", False),
        ("MMAU", "CC0", False),
    ],
)
def test_what_is_known_of_the_source(source: str | None, benchmark: str | None, given: bool) -> None:
    found = permission_of(heard(source), of(benchmark))
    assert found.given is given
    assert found.source == (source or "unknown")
