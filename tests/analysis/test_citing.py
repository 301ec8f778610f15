"""Citations of real runs: every setting is told, every key has its entry, and nothing is made up."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.analysis.citation.bibliography import find_publication, publication, publications
from speech_ifeval.analysis.citation.citing import cite
from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.benchmarks.sources import CORPORA
from speech_ifeval.errors import MismatchError, UsageError
from speech_ifeval.models.known import KNOWN
from speech_ifeval.models.recorded import RUN_FILE, locate
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.report.citing import bibtex, methods_latex, methods_text
from tests.analysis.runs_of_example import TUNED, make_run
from tests.shared_data import DESTA2, RELEASE, needs_release

ROOT = Path(__file__).parents[2]
GENERATED = {
    "schema_version": 1,
    "stage": "generate",
    "input": "audio",
    "system": "Follow the given instructions.",
    "generation": {"max_new_tokens": 2048, "temperature": 0.0, "top_p": 1.0, "repetition_penalty": 1.0, "seed": 0},
    "model": {
        "model": "Qwen/Qwen2-Audio-7B-Instruct",
        "revision": "0123abcd",
        "dtype": "bfloat16",
        "lora": [{"factor": 0.125, "alpha": 4, "r": 8, "rslora": False, "scale": 0.5, "layers": 80}],
    },
}


def as_generated(run: Path, **changes: Any) -> Path:
    """Give a run the manifest of one that was generated, beside what its own says."""
    path = run / RUN_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | GENERATED | changes))
    return run


def test_every_setting_is_in_the_paragraph(tmp_path: Path) -> None:
    run = as_generated(make_run(tmp_path / "run", TUNED, scoring=Scoring(judge="heuristic")))
    found = cite(run, load_benchmark("example"))
    text = methods_text(found)
    example = load_benchmark("example").short_fingerprint
    for told in (
        f"speech-ifeval {version('speech-ifeval')} on the benchmark example",
        f"fingerprint {example}; items asked: all, 66 of them",
        "Qwen/Qwen2-Audio-7B-Instruct, revision 0123abcd, computed in bfloat16",
        "its LoRA at factor 0.125 of what was trained (α 4, r 8)",
        'the audio, the system prompt "Follow the given instructions." and the instruction; its answers were ',
        "decoded greedily (",
        "max new tokens 2048",
        "repetition penalty 1",
        "rule set official, verifiers",
        "judged by heuristic-1",
        "normaliser whisper-basic",
        "with seed 0",
        "all intervals are at 95 %, with the clip as sampling unit: Wilson's score interval",
        "with Fieller's interval",
        "66 items scored, 0 unscored",
        "missing responses count as unscored",
        f"Signature: {found.signature}.",
    ):
        assert told in text, told
    assert "Its reference system, reference, is reference" in text or "Its reference system is reference" in text
    assert "recorded elsewhere, and do not say how they were generated" in text  # the reference's


def test_every_key_has_its_entry_and_every_entry_is_cited(tmp_path: Path) -> None:
    found = cite(make_run(tmp_path / "run", TUNED), load_benchmark("example"))
    keys = [one.key for one in found.entries]
    assert len(set(keys)) == len(keys)
    assert set(keys) == {key for one in found.methods for key in one.keys}
    text = bibtex(found)
    assert re.findall(r"^@\w+\{(\w+),$", text, re.M) == keys
    assert text.count("{") == text.count("}")
    assert "eprint        = {2505.19037}" in text
    assert "journal       = {arXiv preprint arXiv:2311.07911}" in text


def test_what_is_unknown_is_named_and_not_made_up(tmp_path: Path) -> None:
    run = as_generated(make_run(tmp_path / "run", TUNED), model={"model": "someone/private-model\n@misc{x}"})
    found = cite(run, load_benchmark("example"))
    assert any(one.startswith("the model someone/private-model") for one in found.unknown)
    assert any(one.startswith("the judge whose recorded replies are replay-") for one in found.unknown)
    assert "the model reference" in found.unknown
    text = bibtex(found)
    assert "% No publication is known here for the model someone/private-model\\n(at)misc{x}: look it up." in text
    assert "@misc{x" not in text


def test_corpora_are_those_of_the_items(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    example = load_benchmark("example")
    for name in ("benchmark.json", "items.jsonl"):
        (folder / name).write_text((example.root / name).read_text())
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]
    for at, row in enumerate(rows):
        row["source"] = ("LibriSpeech", "our own calls", None)[at % 3]
    (folder / "items.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    mine = load_benchmark(folder)
    run = make_run(tmp_path / "run", TUNED, benchmark=mine, reference=None)
    found = cite(run, mine)
    assert (
        "The clips of the benchmark come from LibriSpeech and our own calls [panayotov2015librispeech]."
        in methods_text(found)
    )
    assert "The benchmark names no corpus for some of its clips." in methods_text(found)
    assert "the corpus our own calls" in found.unknown
    without = cite(run)
    assert "the corpora of its clips (name the benchmark with --benchmark)" in without.unknown
    with pytest.raises(MismatchError, match="answers .*, not bundled-.*; name its own with --benchmark"):
        cite(run, load_benchmark("bundled"))


@needs_release
def test_the_published_items_need_no_benchmark(tmp_path: Path) -> None:
    run = score([locate(str(DESTA2))], load_benchmark(RELEASE), output_dir=tmp_path / "desta2")[1]
    found = cite(run)
    keys = {one.key for one in found.entries}
    assert {"panayotov2015librispeech", "busso2008iemocap", "poria2019meld", "sakshi2025mmau"} <= keys
    assert {"ardila2020commonvoice", "lu2025desta2", "radford2022whisper"} <= keys
    assert found == cite(run, load_benchmark(RELEASE))
    assert "the published Speech-IFEval items (fingerprint fe46d1b56406; items asked: all, 1533 of them)" in (
        methods_text(found)
    )


def test_every_corpus_and_every_known_model_of_the_paper_has_a_publication() -> None:
    assert all(find_publication(name, "corpus") for name in CORPORA)
    without = [one.name for one in KNOWN if find_publication(one.spec.partition(":")[2], "model") is None]
    assert without == ["Ultravox"]
    references = {one.reference for one in KNOWN if one.reference is not None}
    unknown = {one for one in references if find_publication(one, "model") is None}
    assert unknown == {"hf:ibm-granite/granite-3.3-8b-instruct"}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "qwen2024qwen25"),
        ("Qwen/Qwen2-7B-Instruct", "yang2024qwen2"),
        ("Qwen/Qwen2-Audio-7B-Instruct", "chu2024qwen2audio"),
        ("Qwen/Qwen-7B-Chat", "bai2023qwen"),
        ("lmsys/vicuna-13b-v1.1", "chiang2023vicuna"),
        ("meta-llama/Llama-3.1-8B-Instruct", "grattafiori2024llama3"),
        ("meta-llama/Llama-2-7b-chat-hf", "touvron2023llama2"),
        ("desta25", "lu2025desta25"),
        ("checkpoints/Qwen2.5-7B-Instruct-tuned", None),
        ("llama", None),
        ("", None),
    ],
)
def test_a_model_is_only_what_it_is_called(name: str, key: str | None) -> None:
    found = find_publication(name, "model")
    assert (None if found is None else found.key) == key


def test_the_tool_is_cited_as_its_citation_file_says() -> None:
    said = (ROOT / "CITATION.cff").read_text()
    tool = publication("speechifeval").entry().fields
    assert f"title: {tool['title']}\n" in said
    assert f"version: {tool['howpublished'].rpartition(' ')[2]}\n" in said
    assert f"name: {tool['author'].strip('{}')}\n" in said
    for key in ("lu2025speechifeval", "zhou2023ifeval"):
        one = publication(key)
        assert f"arXiv:{one.arxiv}" in said
        assert " ".join(one.title.replace("{", "").replace("}", "").split()) in " ".join(said.split())
        for name in re.findall(r"family-names: (\w+)", said.partition(one.title[-20:])[2].partition("year")[0]):
            assert name in one.author


def test_keys_are_unique_and_every_entry_can_be_written() -> None:
    assert len({one.key for one in publications()}) == len(publications())
    for one in publications():
        assert one.year or one.kind == "tool"
        assert one.arxiv or one.url or one.booktitle or one.journal or one.publisher or one.kind == "tool"
        assert all(re.search(r"(?<!\\)[%&#]", value) is None for value in one.entry().fields.values())


def test_latex_is_text_and_citations(tmp_path: Path) -> None:
    run = as_generated(make_run(tmp_path / "run", TUNED), system="50% \\input{x} & more")
    text = methods_latex(cite(run, load_benchmark("example")))
    assert r"50\% \textbackslash{}input\{x\} \& more" in text
    assert r"~\cite{wilson1927,kish1965}." in text


def test_a_run_that_is_not_scored_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no scored run at"):
        cite(tmp_path)


def test_the_bibliography_is_toml() -> None:
    path = ROOT / "src/speech_ifeval/analysis/citation/bibliography.toml"
    assert len(tomllib.loads(path.read_text("utf-8"))["entries"]) == len(publications())
