"""Names of clips: safe, unique, inside the benchmark's folder, whatever the manifest calls them."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_ifeval.benchmarks.build.audio import clip_names
from speech_ifeval.benchmarks.rows import check_clip

NAMES = [
    ("a.wav", "a.wav"),
    ("clips/a.wav", "clips/a.wav"),
    ("a b?.wav", "a_b_.wav"),
    ("/etc/passwd", "passwd"),
    ("../../secret.wav", "secret.wav"),
    ("x/../a.wav", "a.wav"),
    ("C:\\audio\\a.wav", "a.wav"),
    (".hidden/.a.wav", "hidden/a.wav"),
    ("größe.wav", "größe.wav"),
    ("x" * 300 + ".wav", "x" * 100 + ".wav"),
]


@pytest.mark.parametrize(("name", "expected"), NAMES)
def test_a_name_keeps_what_is_safe(name: str, expected: str) -> None:
    assert clip_names([name]) == {name: expected}


def test_names_that_would_be_one_file_get_numbers() -> None:
    names = ["a.wav", "A.WAV", "/x/a.wav", "a?.wav", "a*.wav", "a-2.wav"]
    assert list(clip_names(names).values()) == ["a.wav", "A-2.WAV", "a-3.wav", "a_.wav", "a_-2.wav", "a-2-2.wav"]


@given(st.lists(st.text(min_size=1, max_size=30).filter(lambda name: name.strip("./ ")), unique=True))
def test_any_names_become_different_paths_inside_the_folder(names: list[str]) -> None:
    found = clip_names(names)
    assert list(found) == names
    assert len({clip.casefold() for clip in found.values()}) == len(names)
    for clip in found.values():
        check_clip("row", clip)
        assert ".." not in PurePosixPath(clip).parts
        assert clip.isprintable()
