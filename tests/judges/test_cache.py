from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from speech_ifeval.errors import OutputError
from speech_ifeval.judges.cache import ReplyCache, Said, default_folder
from speech_ifeval.records import Message

HOSTILE = ['{"key": "b"}\n', "\x00\u2028\r\n", '"}\n{"key":"x","text":"y"}\n', "\ufffd", "../../x", "💥" * 10]


def open_cache(folder: Path) -> ReplyCache:
    return ReplyCache(folder, "org/judge", {"seed": 0})


def test_what_was_said_is_there_again(tmp_path: Path) -> None:
    first = open_cache(tmp_path / "new" / "folder")
    for number, text in enumerate(HOSTILE):
        first.put(str(number), Said(text, cut_off=number == 1))
    second = open_cache(tmp_path / "new" / "folder")
    assert [second.get(str(number)) for number in range(len(HOSTILE))] == [
        Said(text, cut_off=number == 1) for number, text in enumerate(HOSTILE)
    ]
    assert len(second) == len(HOSTILE)


def test_another_judge_setting_text_or_repeat_is_another_key(tmp_path: Path) -> None:
    sent = (Message("user", "a"),)
    cache = open_cache(tmp_path)
    keys = {
        cache.key(sent, 0),
        cache.key(sent, 1),
        cache.key((Message("user", "b"),), 0),
        cache.key((Message("system", "a"),), 0),
        cache.key((*sent, *sent), 0),
        ReplyCache(tmp_path, "org/judge", {"seed": 1}).key(sent, 0),
        ReplyCache(tmp_path, "org/other", {"seed": 0}).key(sent, 0),
    }
    assert len(keys) == 7
    assert cache.key(sent, 0) == open_cache(tmp_path).key(sent, 0)


def test_every_byte_at_which_a_write_is_cut_loses_that_line_alone(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    cache.put("a", Said("first"))
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    cache.put("b", Said("second"))
    both = path.read_bytes()
    for end in range(len(whole), len(both)):
        path.write_bytes(both[:end])
        again = open_cache(tmp_path)
        assert again.get("a") == Said("first")
        again.put("c", Said("third"))
        assert open_cache(tmp_path).get("c") == Said("third")
        assert open_cache(tmp_path).get("a") == Said("first")


def _write(folder: Path, who: int) -> None:
    cache = open_cache(folder)
    for number in range(50):
        cache.put(f"{who}-{number}", Said("x" * 3000))


def test_several_processes_write_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(tmp_path, who)) for who in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert len(open_cache(tmp_path)) == 100


def test_a_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot be kept in .*; give another folder with --judge-cache"):
        open_cache(tmp_path / "file")


def test_the_default_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_folder() == Path("/cache/speech-ifeval/judge")
    for unset in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert default_folder() == Path(os.path.expanduser("~/.cache/speech-ifeval/judge"))  # noqa: PTH111
