from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech_ifeval.errors import DataError, MismatchError, OutputError
from speech_ifeval.runs import appender, claim_stage, whole_lines, write_document, write_lines

RECORDS: list[dict[str, Any]] = [{"id": "a", "text": "one\ntwo"}, {"id": "b", "text": "é\u2028"}, {"id": "c"}]
WHOLE = msgspec.json.Encoder(order="deterministic").encode_lines(RECORDS)


def read(path: Path) -> list[Any]:
    return [msgspec.json.decode(line) for line in whole_lines(path)]


def test_every_record_is_on_its_way_to_the_disk_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "v.jsonl"
    with appender(path) as out:
        for count, record in enumerate(RECORDS, start=1):
            out.write(record)
            assert len(read(path)) == count
    assert path.read_bytes() == WHOLE


@pytest.mark.parametrize("kept", range(len(WHOLE) + 1))
def test_a_line_torn_at_any_byte_is_cut_off_and_written_again(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "v.jsonl"
    path.write_bytes(WHOLE[:kept])
    whole = WHOLE[:kept].count(b"\n")
    assert len(read(path)) == whole
    with appender(path) as out:
        assert path.read_bytes() == b"".join(WHOLE.splitlines(keepends=True)[:whole])
        for record in RECORDS[whole:]:
            out.write(record)
    assert path.read_bytes() == WHOLE


@pytest.mark.parametrize("torn", [1, 65_535, 65_536, 65_537, 200_000])
def test_a_long_torn_line_is_cut_off(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "v.jsonl"
    for whole in (b"", b'{"a":1}\n', b"x" * 65_535 + b"\n"):
        path.write_bytes(whole + b"y" * torn)
        with appender(path):
            pass
        assert path.read_bytes() == whole


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert list(whole_lines(tmp_path / "none.jsonl")) == []


def test_a_second_writer_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    with appender(path) as out:
        out.write(RECORDS[0])
        refused = pytest.raises(OutputError, match="is being written by another process; wait for it, or give")
        with refused, appender(path):
            pass
        code = (
            "import sys; from pathlib import Path; from speech_ifeval.runs import appender\n"
            "with appender(Path(sys.argv[1])): pass"
        )
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
        assert other.returncode == 1
        assert "OutputError" in other.stderr
        out.write(RECORDS[1])
    with appender(path) as out:  # free again
        out.write(RECORDS[2])
    assert path.read_bytes() == WHOLE


def test_a_folder_in_place_of_a_file_of_lines_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r":1: cannot be read \(Is a directory\)"):
        list(whole_lines(tmp_path))


@pytest.mark.parametrize("what", ["folder in place of the file", "file in place of the folder"])
def test_what_cannot_be_written_is_said_with_what_to_do(tmp_path: Path, what: str) -> None:
    if what == "folder in place of the file":
        path = tmp_path / "v.jsonl"
        path.mkdir()
    else:
        (tmp_path / "run").write_text("mine")
        path = tmp_path / "run" / "v.jsonl"
    for write in (
        lambda: appender(path).__enter__(),
        lambda: write_document(path, {}),
        lambda: write_lines(path, []),
        lambda: claim_stage(path, {}, ()),
    ):
        with pytest.raises(OutputError, match=r"v\.jsonl cannot be written \(.+\); name another place"):
            write()
    assert [one.name for one in tmp_path.iterdir()] == [path.relative_to(tmp_path).parts[0]]


def test_a_document_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_document(path, {"b": 1, "a": [2]})
    assert path.read_text() == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(len(msgspec.json.decode(path.read_bytes())["rows"]))

    write_document(path, {"rows": []})
    watcher = threading.Thread(target=watch)
    watcher.start()
    for size in range(0, 4000, 40):
        write_document(path, {"rows": ["x" * 20] * size})
    stop.set()
    watcher.join()
    assert seen
    assert [one.name for one in tmp_path.iterdir()] == ["summary.json"]


def test_a_stage_is_gone_on_with_under_the_same_settings_only(tmp_path: Path) -> None:
    path = tmp_path / "v.manifest.json"
    claim_stage(path, {"rules": "official", "limit": "none", "version": "1"}, ("rules", "limit"))
    before = path.read_bytes()
    claim_stage(path, {"rules": "official", "limit": "none", "version": "2"}, ("rules", "limit"))
    with pytest.raises(MismatchError) as caught:
        claim_stage(path, {"rules": "careful", "limit": "3", "version": "1"}, ("rules", "limit"))
    assert str(caught.value) == (
        f"{tmp_path} was made with other settings (rules: 'official' there, 'careful' now; limit: 'none' there, "
        "'3' now); give another --output-dir, or delete that folder"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"null", b"\xff"])
def test_a_broken_manifest_is_other_settings(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.manifest.json"
    path.write_bytes(content)
    with pytest.raises(MismatchError, match="was made with other settings"):
        claim_stage(path, {"rules": "official"}, ("rules",))
    assert path.read_bytes() == content


FULL = """
import resource, signal, sys
from pathlib import Path
from speech_ifeval.errors import OutputError
from speech_ifeval.runs import appender, write_document
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = Path(sys.argv[1])
for write in (
    lambda out: [out.write({"n": n, "fill": "x" * 50}) for n in range(1000)],
    lambda out: write_document(folder / "summary.json", {"fill": "x" * 2000}),
):
    try:
        with appender(folder / "v.jsonl") as out:
            write(out)
    except OutputError as error:
        print(error.exit_code, error)
"""


def test_a_full_disk_keeps_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("before")
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    for line, name in ((first, "v.jsonl"), (second, "summary.json")):
        assert line.startswith(f"5 {tmp_path / name}: ")
        assert line.endswith("what was written is kept: free some space and run the same command again")
    assert [record["n"] for record in read(tmp_path / "v.jsonl")] == list(range(len(read(tmp_path / "v.jsonl"))))
    assert len(read(tmp_path / "v.jsonl")) > 10
    assert (tmp_path / "summary.json").read_text() == "before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["summary.json", "v.jsonl"]
