"""`speech-ifeval build`: a corpus it was not written for, built, checked, and evaluated by a model that hears."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from speech_ifeval.benchmarks import load_benchmark
from tests.command_line import Done, invoke, run

needs_flite = pytest.mark.skipif(
    shutil.which("flite") is None, reason="flite, which speaks the clips, is not installed"
)

SAID = (
    ("kal", "male", "the weather in the mountains will be cold and windy tomorrow"),
    ("slt", "female", "three yellow birds are sitting in the apple tree"),
    ("kal", "male", "the train to london leaves at seven in the morning"),
    ("slt", "female", "my sister plays the piano every single evening"),
    ("rms", "male", "two small dogs were running along the river"),
    ("rms", "male", "please bring your books to the library on monday"),
)
PAGE = (Path(__file__).parents[2] / "docs" / "building.md").read_text()
COUNTED = {
    1: ("How many birds are there?", ("two", "three", "four")),
    4: ("How many dogs are there?", ("two", "six")),
}
LABELS = {1: "three", 4: "two"}
HEARS = """
import numpy
from pocketsphinx import Decoder
from speech_ifeval.clips import load_samples

decoder = Decoder(loglevel="FATAL")

def heard(requests):
    replies = []
    for request in requests:
        samples = load_samples(request.audio, 16000)
        decoder.start_utt()
        decoder.process_raw((samples * 32767).astype(numpy.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        text = decoder.hyp().hypstr if decoder.hyp() else ""
        replies.append(text.upper() if "capital letters" in request.instruction else text)
    return replies
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table as a corpus of one's own might come: other names of columns, a row for every question."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = []
    for number, (voice, gender, text) in enumerate(SAID):
        clip = f"{voice} {number}.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(folder / clip)], check=True)
        shared = {"path": clip, "sentence": text, "client": voice, "meta.Gender": gender.capitalize()}
        rows.append(shared | {"task": "transcription"})
        rows.append(shared | {"task": "gender", "label": gender, "options": "male|female"})
        if number in COUNTED:
            question, options = COUNTED[number]
            rows.append(
                shared
                | {"task": "counting", "question": question, "options": "|".join(options), "label": LABELS[number]}
            )
    columns = ("path", "sentence", "client", "task", "label", "question", "options", "meta.Gender", "votes")
    with (folder / "corpus.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return folder


COLUMNS = ("--column", "audio=path", "--column", "transcript=sentence", "--column", "speaker=client")


def build(manifest: Path, out: Path, *options: str) -> Done:
    return invoke("build", manifest, "--out", out, *COLUMNS, "--ignore-other-columns", *options)


@needs_flite
def test_a_corpus_it_was_not_written_for_is_built_and_nothing_is_wrong_with_it(
    corpus: Path, tmp_path: Path
) -> None:
    done = build(corpus / "corpus.csv", tmp_path / "radio", "--licence", "CC0-1.0")
    assert (done.code, done.err) == (0, ""), done.err
    shown = [" ".join(line.split()) for line in done.out.splitlines()]
    for line in (
        "Closed-ended 14",
        "Closed-ended, without a constraint 14",
        "Creative writing 6",
        "Chain of thought 6",
    ):
        assert line in shown
    assert "6 clips, 3 speakers, 8 to 9 items each." in shown
    assert shown[-1] == (
        f"Next: speech-ifeval run --model MODEL --reference REFERENCE --benchmark {tmp_path / 'radio'}"
    )
    for folder in ("radio", "radio/published"):
        checked = invoke("check-benchmark", tmp_path / folder)
        assert (checked.code, "40 items, nothing found." in checked.out) == (0, True), checked.out
    items = load_benchmark(tmp_path / "radio").items
    assert {item.clip for item in items} == {f"{voice}_{number}.wav" for number, (voice, _, _) in enumerate(SAID)}


@needs_flite
def test_the_page_shows_what_the_command_prints(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = build(corpus / "corpus.csv", Path("radio")).out
    shown = PAGE.partition("<!-- output of: speech-ifeval build ")[2].partition("```text\n")[2].partition("```")[0]
    # The fingerprint is left out: it hangs on the clips' lengths, which another version of flite may change.
    lines = [[line.rstrip() for line in text.strip().splitlines()[1:]] for text in (printed, shown)]
    assert lines[0] == lines[1], "paste the command's output into docs/building.md"


@needs_flite
def test_the_same_corpus_as_json_lines_and_as_a_saved_dataset_gives_the_same_items(
    corpus: Path, tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
    with (corpus / "corpus.csv").open(newline="") as file:
        rows = [
            {key: value.split("|") if key == "options" else value for key, value in row.items() if value}
            for row in csv.DictReader(file)
        ]
    (corpus / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)}
    columns["path"] = [str(corpus / str(path)) for path in columns["path"]]
    table = datasets.Dataset.from_dict(columns).cast_column("path", datasets.Audio())
    table.save_to_disk(str(tmp_path / "saved"))
    folders = (corpus / "corpus.csv", corpus / "corpus.jsonl", tmp_path / "saved")
    built = []
    for number, manifest in enumerate(folders):
        assert build(manifest, tmp_path / str(number)).code == 0
        built.append(load_benchmark(tmp_path / str(number)))
    assert built[0].items == built[1].items == built[2].items
    for clip in {item.clip for item in built[0].items}:
        sounds = {(tmp_path / str(number) / "audio" / clip).read_bytes() for number in range(3)}
        assert len(sounds) == 1


@pytest.mark.slow
@needs_flite
def test_what_is_built_is_evaluated_by_a_model_that_hears(corpus: Path, tmp_path: Path) -> None:
    assert build(corpus / "corpus.csv", tmp_path / "radio").code == 0
    (tmp_path / "own.py").write_text(HEARS)
    call = (
        "run",
        "--model",
        "py:own.py:heard",
        "--benchmark",
        "radio",
        "--judge",
        "heuristic",
        "--output-dir",
        "run",
    )
    done = run(*call, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "IFrate" in done.out
    lines = (tmp_path / "run/responses.jsonl").read_text().splitlines()
    replies = {row["id"]: row["text"] for row in map(json.loads, lines)}
    benchmark = load_benchmark(tmp_path / "radio")
    assert set(replies) == {item.id for item in benchmark}
    twins = [item for item in benchmark.in_category("closed-ended-plain") if item.metric == "wer"]
    shared = [len(set(replies[item.id].split()) & set(str(item.label).split())) for item in twins]
    assert sum(shared) > 0.5 * sum(len(set(str(item.label).split())) for item in twins), "it hears what is said"


def test_what_weakens_a_benchmark_is_said_in_one_line_beside_the_table(tmp_path: Path) -> None:
    from tests.benchmarks.build.corpora import FIELDS, as_jsonl, write_clips

    write_clips(tmp_path / "corpus")
    manifest = tmp_path / "corpus" / "m.jsonl"
    manifest.write_text(as_jsonl([*FIELDS[:5], {**FIELDS[5], "speaker": "e\x1bve"}]))
    done = invoke("build", manifest, "--out", tmp_path / "out", "--json")
    assert done.code == 0
    assert done.err == (
        "warning: 2 of 3 speakers have one clip only (ben, e\\x1bve): what is said of them is said of one "
        "recording\n"
    )
    assert json.loads(done.out)["items"]["closed-ended"] == 5


BAD = [
    (["m.csv", "--language", "xx"], 2, "no pool in 'xx' is shipped; expected one of en"),
    (["m.csv", "--pool", "nowhere.toml"], 3, "nowhere.toml: cannot be read"),
    (["m.csv", "--audio", "move"], 2, "--audio must be copy, link or leave, found 'move'"),
    (["m.csv", "--column", "audio"], 2, "--column takes OURS=THEIRS, such as transcript=sentence, found 'audio'"),
    (["m.csv", "--name", "a|b"], 2, "expected a name without | and :"),
    (["nowhere.csv"], 2, "no manifest at 'nowhere.csv'; check the path"),
    (["m.csv"], 3, "m.csv:2: a.wav, which does not exist; restore it"),
    (["wrong.csv"], 3, "wrong.csv:1: the column 'path' is not known"),
    (["unlabelled.csv"], 3, "unlabelled.csv:2: the task 'gender' needs a label, found none; add the right answer"),
    (["m.csv", "--task", "wit"], 3, "m.csv:2: the task 'wit' has no questions in the pool"),
]


@pytest.mark.parametrize(("args", "code", "message"), BAD)
def test_bad_input_is_said_in_one_line_and_nothing_is_left(
    args: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.csv").write_text("audio,transcript\na.wav,Hello.\n")
    Path("wrong.csv").write_text("path,transcript\na.wav,Hello.\n")
    Path("unlabelled.csv").write_text("audio,transcript,task\na.wav,Hello.,gender\n")
    done = invoke("build", *args, "--out", "out")
    assert (done.code, done.out) == (code, ""), done.err
    assert done.err.startswith("error: ")
    assert (done.err.count("\n"), message in done.err) == (1, True), done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.csv", "unlabelled.csv", "wrong.csv"]
