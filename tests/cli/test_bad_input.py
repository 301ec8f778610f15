"""Bad input through the real command line: one line, where, what to do, the exit code, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import TUNED, Write, contents
from tests.command_line import Done, invoke, run

Args = list[str | Path]


def error(done: Done, code: int) -> str:
    assert (done.code, done.out) == (code, ""), done.err
    assert done.err.startswith("error: ")
    assert done.err.endswith("\n")
    assert done.err.count("\n") == 1, done.err
    assert "Traceback" not in done.err
    return done.err


def with_row(number: int, row: Any) -> list[Any]:
    return [*TUNED[: number - 1], row, *TUNED[number:]]


CASES: dict[str, tuple[Callable[[Path, Write], Args], int, list[str]]] = {
    "a path that does not exist": (
        lambda folder, write: [folder / "nowhere"],
        2,
        ["no responses at", "nowhere'", "check the path"],
    ),
    "a folder without responses": (
        lambda folder, write: [write("in/notes.txt", []).parent],
        2,
        ["holds no responses: expected one .jsonl file per category"],
    ),
    "an empty file": (
        lambda folder, write: [write("m.jsonl", [])],
        3,
        ["m.jsonl:1: expected one JSON object per line, found no line; restore the file"],
    ),
    "broken JSON in the middle": (
        lambda folder, write: [write("m.jsonl", with_row(7, '{"id": "closed-ended/0006", "resp'))],
        3,
        ["m.jsonl:7: expected a JSON object, found text that is not JSON", "mend or remove it"],
    ),
    "bytes that are not UTF-8": (
        lambda folder, write: [latin(write("m.jsonl", with_row(3, {**TUNED[2], "response": "XX"})))],
        3,
        ["m.jsonl:3: expected UTF-8, found the byte 0xe9", "save the file as UTF-8"],
    ),
    "a row without a response": (
        lambda folder, write: [write("m.jsonl", with_row(9, {"id": "closed-ended/0008"}))],
        3,
        ['m.jsonl:9: the row has no "response"; add the model\'s reply, or "response": null'],
    ),
    "a response that is no text": (
        lambda folder, write: [write("m.jsonl", with_row(2, {"id": "closed-ended/0001", "response": ["a"]}))],
        3,
        ['m.jsonl:2: the field "response" must be a text', "found a list; correct it"],
    ),
    "the same id twice": (
        lambda folder, write: [write("m.jsonl", with_row(5, TUNED[0]))],
        4,
        ["m.jsonl:5: closed-ended/0000 is answered a second time, first at", "m.jsonl:1; keep one of them"],
    ),
    "ids of another benchmark": (
        lambda folder, write: [write("m.jsonl", [{"id": f"mmlu/{n}", "response": "a"} for n in range(9)])],
        4,
        ["9 of 9 rows answer no item of the benchmark bundled", "m.jsonl:1 (id 'mmlu/0')", "--benchmark"],
    ),
    "two models' files given as one run": (
        lambda folder, write: [write("a.jsonl", TUNED), write("b.jsonl", TUNED)],
        4,
        ["b.jsonl:1: closed-ended/0000 is answered a second time", "a.jsonl:1", "score each model's files apart"],
    ),
    "two models' rows in one file": (
        lambda folder, write: [
            write("m.jsonl", [{**row, "model": "qwen" if n < 8 else "desta"} for n, row in enumerate(TUNED)])
        ],
        4,
        ["m.jsonl:9: a row of the model 'desta' among rows of 'qwen'", "score each model apart"],
    ),
    "a benchmark that does not exist": (
        lambda folder, write: [write("m.jsonl", TUNED), "--benchmark", folder / "none"],
        2,
        ["no benchmark at", "expected a folder, or one of the names bundled, example"],
    ),
    "a folder that is no benchmark": (
        lambda folder, write: [write("m.jsonl", TUNED), "--benchmark", folder],
        2,
        ["holds no benchmark: expected"],
    ),
    "an unknown rule set": (
        lambda folder, write: [write("m.jsonl", TUNED), "--rules", "strict"],
        2,
        ["unknown rule set 'strict': expected one of official, careful, ifeval"],
    ),
    "two formats at once": (
        lambda folder, write: [write("m.jsonl", TUNED), "--markdown"],
        2,
        ["--json and --markdown exclude each other"],
    ),
    "recorded judge replies that do not exist": (
        lambda folder, write: [write("m.jsonl", TUNED), "--judge", f"replay:{folder / 'none'}"],
        2,
        ["no judgements at"],
    ),
    "broken recorded judge replies": (
        lambda folder, write: [
            write("m.jsonl", TUNED), "--judge", f"replay:{write('r.jsonl', [TUNED[0], '{'])}"
        ],
        3,
        ["r.jsonl:2: expected a JSON object"],
    ),
    "results into the input": (
        lambda folder, write: [write("in/m.jsonl", TUNED).parent, "--output-dir", folder / "in" / "run"],
        5,
        ["lies in a folder that is read from", "results never go into the input: give another --output-dir"],
    ),
}  # fmt: skip


def latin(path: Path) -> Path:
    path.write_bytes(path.read_bytes().replace(b"XX", b"caf\xe9"))
    return path


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_said_in_one_line(case: str, tmp_path: Path, write: Write) -> None:
    build, code, parts = CASES[case]
    args = build(tmp_path, write)
    before = contents(tmp_path)
    if "--output-dir" not in args:
        args += ["--output-dir", tmp_path / "run"]
    message = error(invoke("score", *args, "--json"), code)
    for part in parts:
        assert part in message
    after = contents(tmp_path)
    assert {name: after.get(name) for name in before} == before


@pytest.mark.parametrize("case", ["broken JSON in the middle", "ids of another benchmark"])
def test_a_real_process_says_the_same(case: str, tmp_path: Path, write: Write) -> None:
    build, code, parts = CASES[case]
    message = error(run("score", *build(tmp_path, write), "--output-dir", tmp_path / "run"), code)
    assert all(part in message for part in parts)


@pytest.mark.parametrize("output", ["taken", "taken/run", "/proc/run", "x" * 300])
def test_an_output_folder_that_cannot_be_written(tmp_path: Path, write: Write, output: str) -> None:
    taken = write("taken", ["a file"])
    message = error(invoke("score", "example:tuned", "--output-dir", tmp_path / output), 5)
    assert "cannot be written" in message
    assert message.endswith("name another place\n")
    assert contents(tmp_path) == {"taken": taken.read_bytes()}


def test_other_responses_under_the_same_name(tmp_path: Path, write: Write) -> None:
    folder = tmp_path / "run"
    assert invoke("score", "example:tuned", "--output-dir", folder).code == 0
    before = contents(folder)
    message = error(invoke("score", "example:reference", "--output-dir", folder), 4)
    assert "was made with other settings (responses: " in message
    assert "give another --output-dir, or delete that folder" in message
    assert contents(folder) == before


def test_a_full_disk(tmp_path: Path) -> None:
    small = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (12000, 12000))"
    args = ("score", "example:tuned", "--json", "--output-dir", tmp_path / "run")
    message = error(run(*args, before=small), 5)
    assert "verdicts.official." in message
    assert "what was written is kept: free some space and run the same command again" in message
    kept = next((tmp_path / "run").glob("verdicts.*.jsonl")).read_bytes()
    assert kept.count(b"\n") > 20
    assert run(*args).code == 0
    assert (
        next((tmp_path / "run").glob("verdicts.*.jsonl")).read_bytes().startswith(kept[: kept.rindex(b"\n") + 1])
    )


WITHOUT_LANGDETECT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "langdetect":
            raise ModuleNotFoundError("No module named 'langdetect'", name="langdetect")
sys.meta_path.insert(0, Missing())
"""


def test_a_missing_package_is_named_with_how_to_install_it(tmp_path: Path) -> None:
    args = ("score", "example:tuned", "--output-dir", tmp_path / "run", "--rules")
    message = error(run(*args, "ifeval", before=WITHOUT_LANGDETECT), 6)
    assert message.endswith("needs the package langdetect: pip install 'speech-ifeval[language]'\n")
    assert run(*args, "official", before=WITHOUT_LANGDETECT).code == 0


@pytest.mark.parametrize(
    ("args", "code", "parts"),
    [
        ([], 2, ["Missing argument"]),
        (["RUN"], 2, ["compare takes 2 to 20 runs, found 1"]),
        (["RUN", "RUN"], 2, ["the same run directory is named twice"]),
        (["RUN", "nowhere"], 2, ["no scored run at 'nowhere'", "`speech-ifeval score`"]),
        (["RUN", "RUN/reference", "--scoring", "x"], 2, ["holds no scoring 'x'; it holds official.replay-"]),
        (["RUN", "BROKEN"], 3, [":2: expected a JSON object, found text that is not JSON"]),
        (["RUN", "CUT"], 3, ["expected 66 verdicts, found"]),
        (["RUN", "CAREFUL"], 4, ["cannot be compared (rules: 'official' against 'careful'"]),
    ],
)
def test_runs_that_cannot_be_compared(tmp_path: Path, args: list[str], code: int, parts: list[str]) -> None:
    for name, options in (("RUN", ["--reference", "example:reference"]), ("CAREFUL", ["--rules", "careful"])):
        assert invoke("score", "example:tuned", *options, "--output-dir", tmp_path / name).code == 0
    for name in ("BROKEN", "CUT"):
        assert invoke("score", "example:tuned", "--output-dir", tmp_path / name).code == 0
        path = next((tmp_path / name).glob("verdicts.*.jsonl"))
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], b"nonsense\n", *lines[2:]] if name == "BROKEN" else lines[:30]))
    before = contents(tmp_path)
    paths = [tmp_path / arg if arg.partition("/")[0].isupper() else arg for arg in args]
    done = invoke("compare", *paths)
    assert done.code == code
    assert all(part in done.err for part in parts)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("args", [["--limit", "0"], ["--limit", "x"], ["--missing"], ["--nonsense"], []])
def test_a_wrong_call_is_usage(args: list[str]) -> None:
    done = invoke("score", *args)
    assert done.code == 2
    assert "Error" in done.err
    assert "Traceback" not in done.err
