"""Benchmarks made of another one in memory: the same items with something about them changed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from speech_ifeval.benchmarks.contents import Benchmark, fingerprint_of, missing_categories
from speech_ifeval.records import Item

_CLOCK = re.compile(r"\[[\d:.]+ - [\d:.]+\]\s*")
# "(Gender: Female, Emotion: happy)": only capitalised names with a colon, so that asides that are said stay.
_METADATA = re.compile(r"\s*\((?:[A-Z][\w ]{0,30}:[^(),]{1,80})(?:,\s*[A-Z][\w ]{0,30}:[^(),]{1,80}){0,9}\)")


def with_items(benchmark: Benchmark, changed: Callable[[Item], Item], name: str) -> Benchmark:
    """Return a benchmark whose items are changed; its name says how, and its fingerprint is its own.

    >>> from speech_ifeval.benchmarks import load_benchmark
    >>> example = load_benchmark("example")
    >>> with_items(example, lambda item: item, "same").name
    'example+same'
    """
    return of_items(benchmark, map(changed, benchmark.items), name)


def of_items(benchmark: Benchmark, items: Iterable[Item], name: str, root: Path | None = None) -> Benchmark:
    """Return a benchmark of these items, made of another one's; `root` is where its clips lie, if elsewhere."""
    kept = tuple(items)
    return dataclasses.replace(
        benchmark,
        name=f"{benchmark.name}+{name}",
        items=kept,
        fingerprint=fingerprint_of(kept),
        root=root or benchmark.root,
        missing_categories=missing_categories(kept),
    )


def without_metadata(benchmark: Benchmark) -> Benchmark:
    """Return a benchmark whose transcripts are the bare words, without times and what is told of speakers."""
    return with_items(benchmark, lambda item: with_transcript(item, bare_words(item.transcript or "")), "bare")


def with_transcript(item: Item, transcript: str) -> Item:
    """Return an item that reads something else in place of its clip."""
    return msgspec.structs.replace(item, transcript=transcript)


def bare_words(transcript: str) -> str:
    """Return what is said of a transcript with times and metadata.

    >>> bare_words("[00:00:00 - 00:00:03] Anna (my aunt) left. (Voice: woman, Speed: fast)")
    'Anna (my aunt) left.'
    """
    return _METADATA.sub("", _CLOCK.sub("", transcript)).strip()
