from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import Benchmark, Joiner, load_benchmark
from speech_ifeval.errors import DataError, MismatchError, SpeechIFEvalError, UsageError
from speech_ifeval.models.recorded import RUN_FILE, Intake, locate, read_responses
from speech_ifeval.pipeline.scoring import score
from speech_ifeval.records import Item
from tests.pipeline.conftest import ANSWERS, CAPITALS, CLOSED, CREATIVE, THINKING, released, write_rows

Answers = Callable[..., Path]


def texts(intake: Intake) -> dict[str, str | None]:
    return {id: response.text for id, response in intake.responses.items()}


def test_one_file_of_ids(small: Benchmark, answers: Answers) -> None:
    intake = read_responses([answers()], small)
    assert texts(intake) == ANSWERS
    assert (intake.name, intake.run, intake.report_files) == ("model", None, ())


def test_the_release_layout(small: Benchmark, tmp_path: Path) -> None:
    folder = released(tmp_path / "out" / "my-model", small)
    write_rows(folder / "reports" / "llm_eval@x.jsonl", [{}])
    intake = read_responses([folder], small)
    assert texts(intake) == ANSWERS
    assert (intake.name, [path.name for path in intake.report_files]) == ("my-model", ["llm_eval@x.jsonl"])


@pytest.mark.parametrize(
    "change",
    [
        lambda n, row: {key: value for key, value in row.items() if key != "id"},  # ids missing
        lambda n, row: {**row, "id": n + 1},  # counted from 1
        lambda n, row: {**row, "id": str(n)},
        lambda n, row: {**row, "id": None},
        lambda n, row: {**row, "audio_filepath": f"./data/audios/{row['audio_filepath']}"},
        lambda n, row: {**row, "audio_filepath": f"/home/me/data/{row['audio_filepath']}"},
        lambda n, row: {**row, "audio_filepath": "D:\\audio\\" + row["audio_filepath"].replace("/", "\\")},
        lambda n, row: {**row, "messages": [{"role": "system"}], "label": 3, "extra": {"a": [1]}, "key": "x"},
        lambda n, row: {**row, "finish_reason": "eos", "model": "desta2"},
    ],
)
def test_rows_are_joined_by_what_was_asked(small: Benchmark, tmp_path: Path, change: Any) -> None:
    replies = iter(ANSWERS.values())
    for name, rows in (("c", CLOSED), ("w", CREATIVE), ("t", THINKING)):
        write_rows(
            tmp_path / "out" / f"{name}.jsonl",
            [change(n, {**row, "response": next(replies)}) for n, row in enumerate(rows)],
        )
    assert texts(read_responses([tmp_path / "out"], small)) == ANSWERS


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_matters_only_where_the_same_was_asked_twice(
    small: Benchmark, tmp_path: Path, seed: int
) -> None:
    rows = [{**row, "response": text} for row, text in zip([*CLOSED, *THINKING], "abcdef", strict=True)]
    random.Random(seed).shuffle(rows)
    found = texts(read_responses([write_rows(tmp_path / "all.jsonl", rows)], small))
    assert "".join(str(found[id]) for id in sorted(found, key=list(ANSWERS).index)) == "abcdef"


def test_the_same_question_twice_is_answered_in_file_order(small: Benchmark, tmp_path: Path) -> None:
    rows = [{**row, "response": text} for row, text in zip(CREATIVE, ["first", "second"], strict=True)]
    found = texts(read_responses([write_rows(tmp_path / "w.jsonl", rows)], small))
    assert found == {"creative-writing/0004": "first", "creative-writing/0005": "second"}


def test_several_paths_are_parts_of_one_run(small: Benchmark, tmp_path: Path) -> None:
    ids = list(ANSWERS)
    parts = [
        write_rows(tmp_path / f"part{n}.jsonl", [{"id": id, "response": ANSWERS[id]} for id in ids[n::3]])
        for n in range(3)
    ]
    intake = read_responses(parts, small)
    assert texts(intake) == ANSWERS
    assert intake.fingerprint() == read_responses(parts[::-1], small).fingerprint()
    assert intake.name == "part0"


def test_missing_null_and_failed_responses(small: Benchmark, tmp_path: Path) -> None:
    path = write_rows(
        tmp_path / "m.jsonl",
        [
            {"id": "closed-ended/0000", "response": None},
            {"id": "closed-ended/0001", "response": None, "error": "out of memory"},
            {"id": "closed-ended/0002", "error": "timed out"},
            {"id": "closed-ended/0003", "response": "Error: 500", "error": "server"},  # never a reply
            {"id": "creative-writing/0004", "response": ""},
            {"id": "creative-writing/0005", "response": "fine", "error": None, "finish_reason": "length"},
            {"id": "chain-of-thought/0000", "response": "fine", "error": ""},  # no error
        ],
    )
    found = read_responses([path], small).responses
    assert {id: (r.text, r.error) for id, r in found.items()} == {
        "closed-ended/0000": (None, "the response is null"),
        "closed-ended/0001": (None, "out of memory"),
        "closed-ended/0002": (None, "timed out"),
        "closed-ended/0003": (None, "server"),
        "creative-writing/0004": ("", None),
        "creative-writing/0005": ("fine", None),
        "chain-of-thought/0000": ("fine", None),
    }
    assert found["creative-writing/0005"].finish_reason == "length"
    assert found["closed-ended/0003"].finish_reason == "error"


ROW = {"id": "closed-ended/0000", "response": "YES"}


@pytest.mark.parametrize(
    ("rows", "kind", "message"),
    [
        ([ROW, {"id": "closed-ended/0001"}], DataError, 'm.jsonl:2: the row has no "response"; add the model\'s'),
        ([ROW, '{"id": "closed'], DataError, "m.jsonl:2: expected a JSON object, found text that is not JSON"),
        (["[]"], DataError, "m.jsonl:1: expected a JSON object, found a list"),
        (["", " ", "3"], DataError, "m.jsonl:3: expected a JSON object, found a whole number"),
        ([{"id": "closed-ended/0000", "response": 3}], DataError, 'm.jsonl:1: the field "response" must be'),
        ([{"id": [], "response": "a"}], DataError, 'm.jsonl:1: the field "id" must be'),
        ([], DataError, "m.jsonl:1: expected one JSON object per line, found no line"),
        ([ROW, ROW], MismatchError, "m.jsonl:2: closed-ended/0000 is answered a second time, first at"),
        ([{"id": "x", "response": "a"}], MismatchError, "1 of 1 rows answer no item of the benchmark"),
        ([{"response": "a"}], MismatchError, "m.jsonl:1 (neither an id nor a clip and an instruction)"),
        ([{"id": 7, "response": "a"}], MismatchError, "m.jsonl:1 (id 7)"),
        ([{**ROW, "instruction": "Other."}], MismatchError, "its instruction is not that of closed-ended/0000"),
        (
            [{"audio_filepath": "x/a.wav", "instruction": "Is it?", "response": "a"}],
            MismatchError,
            "clip 'x/a.wav' with the instruction 'Is it?'",
        ),
        ([{**ROW, "model": "a"}, {**ROW, "model": "b"}], MismatchError, "a row of the model 'b' among rows of"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(
    small: Benchmark, tmp_path: Path, rows: list[Any], kind: type[SpeechIFEvalError], message: str
) -> None:
    with pytest.raises(kind) as caught:
        read_responses([write_rows(tmp_path / "m.jsonl", rows)], small)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_models_files_given_as_parts_are_named_both(small: Benchmark, answers: Answers) -> None:
    one, other = answers(name="one.jsonl"), answers(name="other.jsonl")
    with pytest.raises(MismatchError, match=r"other.jsonl:1: closed-ended/0000 is answered .* score each model's"):
        read_responses([one, other], small)


def test_the_same_row_doubled_without_ids_is_found(small: Benchmark, tmp_path: Path) -> None:
    rows = [{**CLOSED[0], "response": "YES"}] * 2
    with pytest.raises(MismatchError, match=r":2: closed-ended/0000 is answered a second time, .*keep one"):
        read_responses([write_rows(tmp_path / "m.jsonl", rows)], small)


def test_many_strangers_are_counted_and_some_shown(small: Benchmark, tmp_path: Path) -> None:
    rows = [{"id": f"x{n}", "response": "a"} for n in range(50)] + [ROW]
    with pytest.raises(MismatchError) as caught:
        read_responses([write_rows(tmp_path / "m.jsonl", rows)], small)
    message = str(caught.value)
    assert message.startswith("50 of 51 rows answer no item of the benchmark")
    assert "'x2'); …. Give the benchmark they answer with --benchmark" in message
    assert "'x3'" not in message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "no responses at .*nowhere'.* check the path"),
        ("nowhere.jsonl", "no responses at"),
        ("empty", "holds no responses: expected one .jsonl file per category"),
        ("x" * 5000, "no responses at"),
    ],
)
def test_a_wrong_path_is_said(small: Benchmark, tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        read_responses([tmp_path / path], small)


def test_a_run_directory_without_its_responses_is_broken(small: Benchmark, tmp_path: Path) -> None:
    write_rows(tmp_path / "run" / "responses.manifest.json", ["{}"])
    with pytest.raises(DataError, match=r"responses.jsonl:1: expected the run's responses, found no such file"):
        read_responses([tmp_path / "run"], small)


@pytest.mark.parametrize(
    ("named", "refused"),
    [
        ("example-0123456789ab", True),
        ("of-two-words-0123456789ab", True),
        ("renamed-{fingerprint}", False),
        ("{name}-0123456789ab", False),  # an amended edition
        (None, False),
    ],
)
def test_a_run_of_another_benchmark_is_refused_though_its_ids_are_alike(
    small: Benchmark, answers: Answers, tmp_path: Path, named: str | None, refused: bool
) -> None:
    _, run = score([answers()], small, output_dir=tmp_path / "run")
    manifest = json.loads((run / RUN_FILE).read_text("utf-8"))
    assert manifest["benchmark"] == f"{small.name}-{small.short_fingerprint}"
    named = named and named.format(name=small.name, fingerprint=small.short_fingerprint)
    (run / RUN_FILE).write_text(json.dumps({**manifest, "benchmark": named}), "utf-8")
    if refused:
        with pytest.raises(MismatchError, match=f"answers another benchmark: {named} there, {small.name}-"):
            read_responses([run], small)
    else:
        assert texts(read_responses([run], small)) == ANSWERS


def test_the_fingerprint_is_the_contents(small: Benchmark, answers: Answers) -> None:
    first = read_responses([answers()], small).fingerprint()
    assert read_responses([answers(name="again.jsonl", extra=1)], small).fingerprint() == first
    assert read_responses([answers({"closed-ended/0000": "yes"})], small).fingerprint() != first


def test_shipped_responses_are_named() -> None:
    assert locate("example:tuned").is_dir()
    assert locate("a/b") == Path("a/b")
    for wrong in ("example:", "example:other", "example:../tuned"):
        with pytest.raises(UsageError, match="expected example:reference or example:tuned"):
            locate(wrong)


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(small: Benchmark, tmp_path: Path) -> None:
    content = "\r\n".join(json.dumps({"id": id, "response": text}) for id, text in ANSWERS.items())
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert texts(read_responses([path], small)) == ANSWERS
    assert CAPITALS in small.items[0].instruction


def test_half_a_surrogate_pair_is_read_as_a_replacement_character(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_text('{"id": "closed-ended/0000", "response": "cut \\ud83d"}\n')
    intake = read_responses([path], load_benchmark("example"))
    assert intake.responses["closed-ended/0000"].text == "cut \ufffd"


def test_rows_of_clips_in_no_folder_are_joined_whatever_stands_before_the_name() -> None:
    item = Item("closed-ended/0000", "closed-ended", "Transcribe.", "a.wav", "asr")
    benchmark = Benchmark("flat", (item,), "0" * 64, Path("flat"))
    assert Joiner(benchmark).find(None, "./data/audios/a.wav", "Transcribe.") == item
    assert Joiner(benchmark).find(None, "./data/audios/b.wav", "Transcribe.") is None
