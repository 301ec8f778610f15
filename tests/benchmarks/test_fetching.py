"""A release into a folder: from a server, from a local copy, in pieces, and with what is wrong with them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import find_defects, load_benchmark
from speech_ifeval.benchmarks.downloading import Patience
from speech_ifeval.benchmarks.fetching import Fetched, Where, fetch_benchmark
from speech_ifeval.benchmarks.sources import CORPORA, OFFICIAL, Release, licences_of
from speech_ifeval.errors import DataError, OutputError, SpeechIFEvalError, UsageError
from speech_ifeval.runs import locked
from tests.benchmarks.file_server import Files, serving
from tests.benchmarks.small_release import CLIPS, ITEMS, SOUNDS, archive, put, write_copy
from tests.shared_data import RELEASE, needs_release

QUICK = Patience(tries=3, pause=0.001, timeout=0.5)


@pytest.fixture
def files() -> Iterator[Files]:
    with serving() as served:
        yield served


@pytest.fixture
def release(files: Files, tmp_path: Path) -> Release:
    return put(files, tmp_path)


def fetch(release: Release, folder: Path, audio: bool = True, **where: Any) -> Fetched:
    return fetch_benchmark(release, folder, where=Where(patience=QUICK, **where), audio=audio)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def asked(files: Files) -> list[str]:
    return [path for path, _ in files.asked]


WHOLE = {"fetched.json", *(f"eval_data/{name}" for name in ITEMS), *(f"audios/{clip}" for clip in CLIPS)}


def test_what_is_fetched_can_be_loaded_and_lacks_nothing(files: Files, release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    fetched = fetch(release, folder)
    assert set(contents(folder)) == WHOLE
    assert {clip: (folder / "audios" / clip).read_bytes() for clip in CLIPS} == SOUNDS
    benchmark = load_benchmark(folder)
    assert fetched.fingerprint == benchmark.fingerprint == release.fingerprint
    assert (fetched.items, fetched.clips, fetched.missing, fetched.left_out) == (6, 4, (), {})
    assert [
        defect for defect in find_defects(benchmark, folder / "audios") if defect.kind == "audio-missing"
    ] == []


def test_the_record_says_what_came_from_where(files: Files, release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    fetch(release, folder, audio_url=f"{files.url}/audios.tar?key=secret")
    record = json.loads((folder / "fetched.json").read_text())
    assert record["items"]["revision"] == release.revision
    assert record["items"]["files"] == {file.name: file.sha256 for file in release.items}
    assert record["audio"]["source"] == f"{files.url}/audios.tar"
    assert record["audio"]["size"] == len(files.content["/audios.tar"])
    assert sorted(record["audio"]["clips"]) == sorted(CLIPS)
    assert "secret" not in json.dumps(record)


def test_a_second_fetch_asks_for_nothing_and_changes_nothing(
    files: Files, release: Release, tmp_path: Path
) -> None:
    folder = tmp_path / "official"
    fetch(release, folder)
    before, requests = contents(folder), len(files.asked)
    assert fetch(release, folder).did == ()
    assert contents(folder) == before
    assert len(files.asked) == requests


def test_items_first_audio_later(files: Files, release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    assert fetch(release, folder, audio=False).missing == CLIPS
    assert "/audios.tar" not in asked(files)
    assert fetch(release, folder).missing == ()
    assert len(asked(files)) == 5


def test_a_lost_clip_comes_back(files: Files, release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    fetch(release, folder)
    (folder / "audios" / CLIPS[1]).unlink()
    assert fetch(release, folder).did == (f"1 clips extracted, 3 there already, from {files.url}/audios.tar",)
    assert set(contents(folder)) == WHOLE


def test_an_archive_other_than_the_recorded_one_is_refused(files: Files, release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    fetch(release, folder)
    (folder / "audios" / CLIPS[1]).unlink()
    files.content["/audios.tar"] = archive({**SOUNDS, CLIPS[1]: b"RIFF other"})
    with pytest.raises(
        DataError, match=r"expected a file with the SHA-256 .*of the first fetch, in .*fetched.json"
    ):
        fetch(release, folder)
    assert not (folder / "audios" / CLIPS[1]).exists()


@pytest.mark.parametrize("name", [f"audios/{CLIPS[0]}", "eval_data/creative_writing.jsonl"])
def test_what_was_changed_is_said_and_not_overwritten(release: Release, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "official"
    fetch(release, folder)
    (folder / name).write_bytes(b"mine")
    with pytest.raises(DataError, match="delete") as caught:
        fetch(release, folder)
    assert name.removeprefix("audios/") in str(caught.value)
    assert (folder / name).read_bytes() == b"mine"


def test_clips_that_were_there_before_are_not_overwritten(release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    (folder / "audios" / CLIPS[3]).parent.mkdir(parents=True)
    (folder / "audios" / CLIPS[3]).write_bytes(b"mine")
    with pytest.raises(DataError, match=f"1 clips are other ones there .*{CLIPS[3]}.* nothing was overwritten"):
        fetch(release, folder)
    (folder / "audios" / CLIPS[3]).unlink()
    assert fetch(release, folder).missing == ()


def test_items_other_than_the_published_ones_are_refused(files: Files, release: Release, tmp_path: Path) -> None:
    body = files.content["/creative_writing.jsonl"]
    files.content["/creative_writing.jsonl"] = body.replace(b"Transcribe 2.", b"Transcribe 9.")
    with pytest.raises(DataError, match=r"creative_writing.jsonl: expected a file with the SHA-256"):
        fetch(release, tmp_path / "official")
    files.content["/creative_writing.jsonl"] = body + b"\n" * 1000
    with pytest.raises(DataError, match="expected at most"):
        fetch(release, tmp_path / "official")
    files.content["/creative_writing.jsonl"] = body
    assert fetch(release, tmp_path / "official").missing == ()


def test_clips_that_the_archive_lacks_are_named_once_and_not_asked_for_again(
    files: Files, release: Release, tmp_path: Path
) -> None:
    files.content["/audios.tar"] = archive({clip: SOUNDS[clip] for clip in CLIPS[:2]}, {"audios/notes.txt": b"x"})
    fetched = fetch(release, tmp_path / "official")
    assert fetched.missing == CLIPS[2:]
    assert fetched.left_out == {"audios/notes.txt": "no audio file"}
    assert fetch(release, tmp_path / "official").missing == CLIPS[2:]
    assert asked(files).count("/audios.tar") == 1
    copy = write_copy(tmp_path / "copy")
    assert fetch(release, tmp_path / "official", local=copy).missing == ()  # from elsewhere they can come


def test_a_broken_archive_is_not_kept(files: Files, release: Release, tmp_path: Path) -> None:
    good = files.content["/audios.tar"]
    files.content["/audios.tar"] = b"<html>Sign in</html>"
    with pytest.raises(DataError, match="expected a tar archive of clips"):
        fetch(release, tmp_path / "official")
    files.content["/audios.tar"] = good
    assert fetch(release, tmp_path / "official").missing == ()


def test_an_interrupted_fetch_goes_on(files: Files, release: Release, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    fetch(release, folder, audio=False)
    files.drops = [50_000]
    with pytest.raises(SpeechIFEvalError, match="50000 bytes are kept"):
        fetch_benchmark(release, folder, where=Where(patience=QUICK._replace(tries=1)))
    assert (folder / "downloads" / "audios.tar.part").stat().st_size == 50_000
    assert fetch(release, folder).missing == ()
    assert files.ranges_asked()[-1] == "bytes=50000-"
    assert set(contents(folder)) == WHOLE


def test_an_archive_that_was_downloaded_and_not_extracted_is_not_asked_for_again(
    files: Files, release: Release, tmp_path: Path
) -> None:
    folder = tmp_path / "official"
    (folder / "downloads").mkdir(parents=True)
    (folder / "downloads" / "audios.tar").write_bytes(files.content["/audios.tar"])
    assert fetch(release, folder).missing == ()
    assert "/audios.tar" not in asked(files)
    assert set(contents(folder)) == WHOLE


@pytest.mark.parametrize("layout", ["folders", "data", "archive beside", "flat items"])
def test_a_local_copy_needs_no_server(files: Files, release: Release, tmp_path: Path, layout: str) -> None:
    copy = write_copy(tmp_path / "copy")
    if layout == "data":
        copy.rename(tmp_path / "moved")
        copy.mkdir()
        (tmp_path / "moved").rename(copy / "data")
    elif layout == "archive beside":
        shutil.rmtree(copy / "audios")
        (copy / "audios.tar").write_bytes(archive())
    elif layout == "flat items":
        for path in (copy / "eval_data").iterdir():
            path.rename(copy / path.name)
    before = contents(copy)
    fetched = fetch(release, tmp_path / "official", local=copy)
    assert (fetched.missing, fetched.fingerprint) == ((), release.fingerprint)
    assert set(contents(tmp_path / "official")) == WHOLE
    assert files.asked == []
    assert contents(copy) == before
    assert fetch(release, tmp_path / "official").did == ()


def test_a_local_archive_alone_serves_the_clips(files: Files, release: Release, tmp_path: Path) -> None:
    (tmp_path / "audios.tar").write_bytes(archive())
    assert fetch(release, tmp_path / "official", local=tmp_path / "audios.tar").missing == ()
    assert "/audios.tar" not in asked(files)
    assert (tmp_path / "audios.tar").exists()


def test_a_local_copy_with_other_line_ends_is_the_same_benchmark(release: Release, tmp_path: Path) -> None:
    copy = write_copy(tmp_path / "copy")
    for path in (copy / "eval_data").iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    fetched = fetch(release, tmp_path / "official", local=copy)
    assert fetched.fingerprint == release.fingerprint
    assert json.loads((tmp_path / "official" / "fetched.json").read_text())["items"]["revision"] is None
    assert fetch(release, tmp_path / "official").did == ()


def test_a_local_copy_of_something_else_is_refused_before_anything_is_copied(
    release: Release, tmp_path: Path
) -> None:
    copy = write_copy(tmp_path / "copy")
    (copy / "eval_data" / "chain-of-thought.jsonl").unlink()
    with pytest.raises(DataError, match="found 5 items with the fingerprint"):
        fetch(release, tmp_path / "official", local=copy)
    assert contents(tmp_path / "official") == {}
    (tmp_path / "empty").mkdir()
    for path, says in ((tmp_path / "empty", "neither items nor clips"), (tmp_path / "none", "nothing at")):
        with pytest.raises(UsageError, match=says):
            fetch(release, tmp_path / "official", local=path)


def test_one_process_at_a_time(release: Release, tmp_path: Path) -> None:
    with locked(tmp_path / "official"), pytest.raises(OutputError, match="another process"):
        fetch(release, tmp_path / "official")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 2, "name": "official"}'])
def test_a_broken_record_is_said(release: Release, tmp_path: Path, content: str) -> None:
    (tmp_path / "official").mkdir()
    (tmp_path / "official" / "fetched.json").write_text(content)
    with pytest.raises(DataError, match=r"fetched.json: expected the record"):
        fetch(release, tmp_path / "official")


def test_each_corpus_is_listed_with_its_licence_and_the_untold_as_such(release: Release, tmp_path: Path) -> None:
    rows = fetch(release, tmp_path / "official", audio=False).licences
    assert {row.corpus: (row.clips, row.licence) for row in rows} == {
        "LibriSpeech": (1, "CC BY 4.0"),
        "Common Voice": (1, "CC0-1.0"),
        "MELD": (1, CORPORA["MELD"].licence),
        None: (1, None),
    }


def test_what_an_item_states_goes_before_what_is_known_of_its_corpus(tmp_path: Path) -> None:
    copy = write_copy(tmp_path)
    for path in (copy / "eval_data").iterdir():
        path.write_bytes(path.read_bytes().replace(b'"metric"', b'"licence": "CC BY-NC 4.0", "metric"'))
    assert {row.licence for row in licences_of(load_benchmark(copy))} == {"CC BY-NC 4.0"}


@needs_release
def test_the_pinned_release_is_the_published_one(tmp_path: Path) -> None:
    fetched = fetch_benchmark(OFFICIAL, tmp_path / "official", where=Where(local=RELEASE), audio=False)
    assert (
        json.loads((tmp_path / "official" / "fetched.json").read_text())["items"]["revision"] == OFFICIAL.revision
    )
    assert (fetched.items, fetched.clips) == (2466, 933)
    assert sum(row.clips for row in fetched.licences) == 933
    assert sum((RELEASE / file.name).stat().st_size == file.size for file in OFFICIAL.items) == 4
    assert {row.corpus for row in fetched.licences} == set(CORPORA)
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    assert all(f"| {row.corpus} | {row.clips} | {row.licence or 'not stated'}" in page for row in fetched.licences)
