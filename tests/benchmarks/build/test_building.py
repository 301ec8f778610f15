"""A benchmark in its folder: whole or not there, the same in both layouts, refused with the manifest's line."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import soundfile

from speech_ifeval.benchmarks import Benchmark, find_defects, load_benchmark
from speech_ifeval.benchmarks.build import (
    Corpus,
    Plan,
    Row,
    build_benchmark,
    build_from_corpus,
    count_holdings,
)
from speech_ifeval.errors import DataError, OutputError, UsageError
from tests.benchmarks.build.corpora import FIELDS, as_csv, as_jsonl, write_clips

PLAN = Plan("radio", "What was on the radio.", licence="CC-BY-4.0")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    write_clips(tmp_path / "corpus")
    path = tmp_path / "corpus" / "corpus.jsonl"
    path.write_text(as_jsonl())
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_built_is_read_back_checked_and_complete(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "radio"
    built = build_benchmark(manifest, out, PLAN)
    read = load_benchmark(out)
    assert (built, built.items, built.root) == (read, read.items, out)
    assert (read.name, read.licence, read.language) == ("radio", "CC-BY-4.0", "en")
    assert read.missing_categories == ()
    assert find_defects(read, out / "audio") == []
    holdings = count_holdings(read)
    assert holdings.items == {
        "closed-ended": 5, "closed-ended-plain": 5, "creative-writing": 4, "chain-of-thought": 2
    }  # fmt: skip
    assert (holdings.clips, holdings.speakers) == (4, 2)
    for clip in ("a.wav", "b.wav", "c.wav", "d.wav"):
        assert (out / "audio" / clip).read_bytes() == (manifest.parent / clip).read_bytes()


def test_rows_become_what_an_item_says(manifest: Path, tmp_path: Path) -> None:
    items = build_benchmark(manifest, tmp_path / "out", PLAN).items
    sails = next(item for item in items if item.dataset == "counting" and item.category == "closed-ended")
    assert sails.instruction.startswith('How many boats sail? Choose the answer from "five", "six" or "seven".\n')
    assert (sails.label, sails.metric, sails.speaker) == ("seven", "accuracy", "ann")
    assert sails.transcript == "[00:00:00 - 00:00:01] Seven boats sailed to the northern harbour. (Mood: calm)"
    last = next(item for item in items if item.clip == "d.wav")
    assert (last.dataset, last.source, last.category) == ("speech", "radio", "creative-writing")
    assert {item.licence for item in items if item.clip == "b.wav"} == {"CC0-1.0"}


@pytest.mark.parametrize("crossed", [False, True])
def test_both_layouts_hold_the_same_items(crossed: bool, manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built = build_benchmark(manifest, out, Plan("radio", "", crossed=crossed))
    published = load_benchmark(out / "published")
    assert published.fingerprint == built.fingerprint
    told = [msgspec.structs.replace(item, source=None, speaker=None, wording=None) for item in built.items]
    assert list(published.items) == told
    assert find_defects(published, out / "audio") == []


def test_the_published_layout_is_left_out_when_not_wanted_and_has_no_empty_files(
    manifest: Path, tmp_path: Path
) -> None:
    build_benchmark(manifest, tmp_path / "a", Plan("radio", "", published_layout=False))
    assert not (tmp_path / "a" / "published").exists()
    build_benchmark(manifest, tmp_path / "b", Plan("radio", "", closed_ended=0, chain_of_thought=0))
    assert [path.name for path in (tmp_path / "b" / "published").iterdir()] == ["creative_writing.jsonl"]


def test_the_same_corpus_as_a_table_makes_the_same_benchmark(manifest: Path, tmp_path: Path) -> None:
    table = manifest.with_suffix(".csv")
    table.write_text(as_csv())
    one, other = (build_benchmark(path, tmp_path / path.suffix[1:], PLAN) for path in (manifest, table))
    assert one.items == other.items


def test_clips_are_linked_or_left(manifest: Path, tmp_path: Path) -> None:
    copied = build_benchmark(manifest, tmp_path / "copied", PLAN)
    linked = build_benchmark(manifest, tmp_path / "linked", PLAN, audio="link")
    left = build_benchmark(manifest, tmp_path / "left", PLAN, audio="leave")
    assert copied.fingerprint == linked.fingerprint == left.fingerprint
    assert (tmp_path / "linked" / "audio" / "a.wav").readlink() == manifest.parent / "a.wav"
    assert not (tmp_path / "left" / "audio").exists()
    assert find_defects(left, manifest.parent) == []


def test_a_path_that_leads_out_is_copied_under_a_name_inside_and_never_left(tmp_path: Path) -> None:
    write_clips(tmp_path / "far", ["a.wav"])
    (tmp_path / "corpus").mkdir()
    path = tmp_path / "corpus" / "m.jsonl"
    path.write_text(as_jsonl([{"audio": "../far/a.wav", "transcript": "Seven boats.", "speaker": "ann"}]))
    built = build_benchmark(path, tmp_path / "out", PLAN)
    assert {item.clip for item in built.items} == {"a.wav"}
    with pytest.raises(DataError, match=r"m\.jsonl:1: the clip must be a path inside the audio folder"):
        build_benchmark(path, tmp_path / "left", PLAN, audio="leave")


def test_rows_in_memory_bring_their_own_sound(tmp_path: Path) -> None:
    write_clips(tmp_path, ["a.wav"])
    sounds = {"a.wav": (tmp_path / "a.wav").read_bytes}
    corpus = Corpus((Row("a.wav", "Seven boats sailed.", task="transcription"),), sounds)
    built = build_from_corpus(corpus, tmp_path / "out", PLAN)
    assert (tmp_path / "out" / "audio" / "a.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
    assert len(built) == 3
    with pytest.raises(UsageError, match="this corpus holds its audio inside; give --audio copy"):
        build_from_corpus(corpus, tmp_path / "left", PLAN, audio="leave")
    assert not (tmp_path / "left").exists()


def test_a_speaker_with_one_clip_is_built_and_named(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(as_jsonl([*FIELDS[:4], {**FIELDS[4], "speaker": "eve"}, FIELDS[5]]))
    said: list[str] = []
    build_benchmark(manifest, tmp_path / "out", PLAN, say=said.append)
    assert said == [
        "warning: 2 of 3 speakers have one clip only (eve, ben): what is said of them is said of one recording"
    ]


def test_speakers_that_are_not_named_are_said(manifest: Path, tmp_path: Path) -> None:
    said: list[str] = []
    nobody = [{key: value for key, value in row.items() if key != "speaker"} for row in FIELDS]
    manifest.write_text(as_jsonl(nobody))
    build_benchmark(manifest, tmp_path / "none", PLAN, say=said.append)
    manifest.write_text(as_jsonl([*nobody[:4], *FIELDS[4:]]))
    build_benchmark(manifest, tmp_path / "some", PLAN, say=said.append)
    assert said == [
        "warning: no row names a speaker, so nothing is balanced over speakers",
        "warning: 4 of 6 rows name no speaker; they count as one speaker's",
    ]


def _gone(folder: Path) -> None:
    (folder / "c.wav").unlink()


def _two_gone(folder: Path) -> None:
    _gone(folder)
    (folder / "a.wav").unlink()


def _text(folder: Path) -> None:
    (folder / "c.wav").write_text("no audio")


def _silent(folder: Path) -> None:
    soundfile.write(folder / "c.wav", [], 16000)


def _pipe(folder: Path) -> None:
    _gone(folder)
    os.mkfifo(folder / "c.wav")


def _loop(folder: Path) -> None:
    rows = [{**row, "transcript": "so " * 40} if row["audio"] == "c.wav" else row for row in FIELDS]
    (folder / "corpus.jsonl").write_text(as_jsonl(rows))


def _lost(folder: Path) -> None:
    rows = [{**row, "transcript": "Caf\ufffd is open."} if row["audio"] == "c.wav" else row for row in FIELDS]
    (folder / "corpus.jsonl").write_text(as_jsonl(rows))


def _contradicted(folder: Path) -> None:
    rows = [{**row, "metadata": {"Gender": "Male"}} if row.get("task") == "gender" else row for row in FIELDS]
    (folder / "corpus.jsonl").write_text(as_jsonl(rows))


BROKEN: list[tuple[Callable[[Path], None], str]] = [
    (_gone, "corpus.jsonl:5: "),
    (_two_gone, "corpus.jsonl:1: 2 of 4 clips have no audio file, the first one is "),
    (
        _text,
        "corpus.jsonl:5: CORPUS/c.wav: expected audio (wav, flac, ogg, mp3), found a file that cannot be decoded",
    ),
    (_silent, "corpus.jsonl:5: CORPUS/c.wav: expected a clip, found one of zero length; restore it"),
    (_pipe, "corpus.jsonl:5: CORPUS/c.wav: expected an audio file, found no regular file; correct the path"),
    (
        _loop,
        "what the corpus makes has defects: CORPUS/corpus.jsonl:5: transcript-degenerate, found 40 times 'so'",
    ),
    (_lost, "corpus.jsonl:5: replacement-character, found U+FFFD in the transcript"),
    (_contradicted, "corpus.jsonl:4: gender-contradicts-label, found Gender: male, expected the label 'female'"),
]


@pytest.mark.parametrize(("spoil", "message"), BROKEN)
def test_a_broken_corpus_is_refused_with_its_line_and_leaves_nothing(
    spoil: Callable[[Path], None], message: str, manifest: Path, tmp_path: Path
) -> None:
    spoil(manifest.parent)
    with pytest.raises(DataError) as caught:
        build_benchmark(manifest, tmp_path / "out", PLAN)
    assert message.replace("CORPUS", str(manifest.parent)) in str(caught.value)
    assert ".building-" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_a_missing_clip_says_what_to_do(manifest: Path, tmp_path: Path) -> None:
    _gone(manifest.parent)
    with pytest.raises(
        DataError, match=r"c\.wav, which does not exist; restore it, correct the path, or name the fo"
    ):
        build_benchmark(manifest, tmp_path / "out", PLAN)


def test_an_output_folder_that_is_taken_is_not_touched(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert isinstance(build_benchmark(manifest, out, PLAN), Benchmark), "an empty folder is as good as none"
    before = contents(out)
    for taken in (out, manifest):
        with pytest.raises(OutputError, match="exists and is not an empty folder; give another --out"):
            build_benchmark(manifest, taken, PLAN)
    assert contents(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "out"]


def test_a_folder_that_cannot_be_made(manifest: Path, tmp_path: Path) -> None:
    for out in (manifest / "out", tmp_path / ("x" * 300), Path("/proc/out")):
        with pytest.raises(OutputError, match=r"cannot be written \(.*; give another --out"):
            build_benchmark(manifest, out, PLAN)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A limit on the size of files stands for the disk: the write that passes it fails as on a full one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("size", "clips"), [(1000, ["a.wav"]), (3000, None)], ids=["in a clip", "in the items"])
def test_a_full_disk_leaves_nothing_behind(size: int, clips: Any, tmp_path: Path) -> None:
    write_clips(tmp_path / "corpus")
    if clips is None:
        for name in (
            "a.wav",
            "b.wav",
            "c.wav",
            "d.wav",
        ):  # short enough for the limit, so that it falls on the items
            soundfile.write(tmp_path / "corpus" / name, [0.5] * 800, 8000)
    manifest = tmp_path / "corpus" / "corpus.jsonl"
    manifest.write_text(as_jsonl())
    out = tmp_path / "out"
    with files_of_at_most(size), pytest.raises(OutputError) as caught:
        build_benchmark(manifest, out, PLAN)
    assert str(caught.value) == (
        f"{out}: File too large; nothing was left behind: free some space and run the same command again"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
    assert len(build_benchmark(manifest, out, PLAN)) == 16


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupted() -> bytes:
        assert [path.name.partition(".building-")[0] for path in tmp_path.iterdir()] == [".out"]
        raise KeyboardInterrupt

    corpus = Corpus((Row("a.wav", "Seven boats sailed.", task="transcription"),), {"a.wav": interrupted})
    with pytest.raises(KeyboardInterrupt):
        build_from_corpus(corpus, tmp_path / "out", PLAN)
    assert list(tmp_path.iterdir()) == []


def test_a_pool_in_another_language_than_asked_is_refused_before_anything_is_read(
    manifest: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no pool in 'xx' is shipped; expected one of en"):
        build_benchmark(manifest, tmp_path / "out", Plan("radio", "", language="xx"))


@pytest.mark.parametrize("name", ["", " ", "a|b", "a:b", "a\nb"])
def test_a_name_that_does_not_fit_a_signature_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected a name without"):
        Plan(name, "")


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(UsageError, match="expected a number of closed_ended questions, 0 or more, found -1"):
        Plan("radio", "", closed_ended=-1)
