"""Prefetching from a hub on this machine, and loading from its cache where there is no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.models import needs_of
from speech_ifeval.models.adapters.lab import shipped
from tests.command_line import Done, run
from tests.models.hub_server import Hub, serving_hub

HEARD, READ, TUNED = "lab/heard", "lab/read", "lab/tuned"
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with the shipped models, beside them what must not be fetched unasked."""
    weights = shipped()
    with serving_hub() as served:
        served.put(HEARD, weights["self-aligned"])
        served.put(READ, weights["backbone"])
        served.put(TUNED, weights["corpus-style"])
        more = {
            "pytorch_model.bin": b"pickle",
            "modeling_heard.py": b"raise SystemExit(9)",
            "README.md": b"# Heard",
        }
        served.repositories[HEARD] |= more | {"original/consolidated.safetensors": b"twice"}
        served.repositories[TUNED] |= {"adapter_model.bin": b"pickle"}
        yield served


class Node:
    """A machine with a cache of its own, which reaches the hub or does not."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.folder = folder
        self.environment = {"HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.url, "OMP_NUM_THREADS": "1"}

    def run(self, *args: str, online: bool = True, **more: str) -> Done:
        env = {"HF_HOME": str(self.folder / "hf"), "HF_ENDPOINT": self.hub.url if online else NOWHERE}
        off = {} if online else {"HF_HUB_OFFLINE": "1"}
        return run(
            *args, cwd=self.folder, env={"HF_HUB_OFFLINE": "0", "OMP_NUM_THREADS": "1", **env, **off, **more}
        )


@pytest.fixture
def node(hub: Hub, tmp_path: Path) -> Node:
    hub.asked.clear()
    return Node(hub, tmp_path)


def exported(done: Done) -> dict[str, str]:
    rows = [line.removeprefix("export ").rstrip() for line in done.out.splitlines() if line.startswith("export ")]
    return dict(row.split("=", 1) for row in rows)


@pytest.mark.slow
def test_what_was_prefetched_runs_without_network(node: Node) -> None:
    models = ("--model", f"hf:{HEARD}", "--reference", f"hf:{READ}")
    early = node.run("run", *models, "--sample", "3", "--output-dir", "early", online=False)
    assert early.code == 7
    assert f"{HEARD} is neither a folder nor in the local cache" in early.err
    done = node.run("prefetch", *models, HF_TOKEN="hf_very_secret")
    assert done.code == 0, done.err
    assert "40 clips, all of which decode" in done.out
    assert "Configurations and processors load without network, and all weights are whole." in done.out
    assert exported(done) == {"HF_HUB_OFFLINE": "1", "HF_HOME": str(node.folder / "hf")}
    assert "secret" not in done.out + done.err
    fetched = node.hub.fetched(HEARD)
    assert {"model.safetensors", "config.json", "tokenizer.json", "processor_config.json"} <= fetched
    assert not [name for name in fetched if name.endswith((".bin", ".py", ".md")) or name.startswith("original")]
    node.hub.asked.clear()
    again = json.loads(node.run("prefetch", *models, "--json").out)
    assert [one["fetched"] for one in again["repositories"]] == [0, 0]
    assert not node.hub.fetched(HEARD)
    # The job: the same cache, and no hub.
    node.hub.asked.clear()
    short = ("--sample", "3", "--max-new-tokens", "8", "--output-dir", "run", "--shard", "1/1")
    ran = node.run("run", *models, *short, online=False)
    assert ran.code == 0, ran.err
    assert not node.hub.asked
    manifest = json.loads((node.folder / "run/shards/1-of-1/responses.manifest.json").read_text())
    assert manifest["model"]["revision"] == node.hub.commit(HEARD)


@pytest.mark.slow
def test_an_adapter_comes_with_its_safe_weights_only(node: Node) -> None:
    tuned = ("--model", f"hf:{HEARD}", "--model-args", f"adapter={TUNED}", "--benchmark", "bundled")
    done = node.run("prefetch", *tuned)
    assert done.code == 0, done.err
    assert node.hub.fetched(TUNED) == {"adapter_config.json", "adapter_model.safetensors"}
    short = ("--sample", "3", "--max-new-tokens", "8", "--output-dir", "run", "--judge", "none")
    ran = node.run("run", *tuned, *short, online=False)
    assert ran.code == 0, ran.err


def only_pickles(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: body for name, body in files.items() if name != "model.safetensors"}


def cut_off(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"model.safetensors": files["model.safetensors"][:-1000]}


def of_the_future(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"config.json": json.dumps({"model_type": "of-the-future"}).encode()}


def broken_index(files: dict[str, bytes]) -> dict[str, bytes]:
    index = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}}).encode()
    return only_pickles(files) | {"model.safetensors.index.json": index}


def no_config(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: body for name, body in files.items() if name != "config.json"}


FETCH = """
import json, sys
from speech_ifeval.errors import SpeechIFEvalError
from speech_ifeval.models.needs import Snapshot
from speech_ifeval.models.transformers_models.fetching import fetch_repository
for name, snapshot, adapter in json.load(sys.stdin):
    try:
        print(json.dumps(["fetched", fetch_repository(name, Snapshot(name, **snapshot), adapter=adapter).files]))
    except SpeechIFEvalError as error:
        print(json.dumps([type(error).__name__, str(error)]))
"""
WRONG: list[tuple[Any, dict[str, Any], bool, str]] = [
    (only_pickles, {}, False, "expected weights in safetensors, found none"),
    (broken_index, {}, False, "names model-00001-of-00002.safetensors, and the repository has no such file"),
    (no_config, {}, False, "expected a checkpoint in transformers' format (config.json)"),
    (None, {}, False, "the hub has no such repository"),
    (dict, {"revision": "v9"}, False, "the repository has no such revision"),
    (dict, {}, True, "expected a PEFT adapter, found a repository without adapter_config.json"),
]


@pytest.mark.slow
def test_what_cannot_be_fetched_is_refused_with_the_reason(node: Node) -> None:
    asked = []
    for number, (spoil, snapshot, adapter, _) in enumerate(WRONG):
        name = f"spoiled/{number}"
        if spoil is not None:
            node.hub.repositories[name] = spoil(dict(node.hub.repositories[HEARD]))
        asked.append([name, snapshot, adapter])
    asked.append(["spoiled/0", {"allow_pickle": True}, False])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FETCH],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "0", **node.environment},
    )
    assert done.returncode == 0, done.stderr
    *found, allowed = map(json.loads, done.stdout.splitlines())
    for number, ((kind, message), wrong) in enumerate(zip(found, WRONG, strict=True)):
        assert (kind, wrong[3] in message, f"spoiled/{number}" in message) == ("ModelError", True, True), message
    assert allowed[0] == "fetched"
    assert node.hub.fetched("spoiled/0") >= {"config.json", "pytorch_model.bin"}


@pytest.mark.slow
def test_what_would_fail_in_the_job_fails_on_the_login_node(node: Node) -> None:
    whole = node.hub.repositories
    whole["lab/cut"], whole["lab/new"] = cut_off(dict(whole[HEARD])), of_the_future(dict(whole[READ]))
    done = node.run("prefetch", "--model", "hf:lab/cut", "--reference", "hf:lab/new")
    assert done.code == 7, done.err
    assert "error: without network this would fail on the job's nodes: " in done.err
    assert "bytes of weights, found" in done.err
    assert "; lab/new: " in done.err
    assert "Traceback" not in done.err
    assert not exported(done)


@pytest.mark.slow
def test_a_hub_that_is_not_there_and_a_gated_repository_are_said(node: Node) -> None:
    done = node.run("prefetch", "--model", f"hf:{READ}", HF_ENDPOINT=NOWHERE)
    assert done.code == 7, done.err
    assert f"{READ} is neither a folder nor in the local cache, and the hub cannot be reached" in done.err
    node.hub.gated.add(READ)
    try:
        done = node.run("prefetch", "--model", f"hf:{READ}", HF_TOKEN="")
    finally:
        node.hub.gated.remove(READ)
    assert (done.code, f"{READ} is gated: accept its licence" in done.err) == (7, True), done.err


def test_what_cannot_be_fetched_is_named(tmp_path: Path) -> None:
    write = tmp_path / "run.toml"
    write.write_text(
        'model = "openai:mine"\nreference = "py:own.py:reads"\nbenchmark = "bundled"\njudge = "openai:gpt-4o"\n'
        'rules = "careful"\noutput-dir = "runs/a"\n[model_args]\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    done = run("prefetch", "--config", "run.toml", cwd=tmp_path)
    assert done.code == 0, done.err
    for words in (
        "openai:mine is asked",
        "py:own.py:reads is code of your own",
        "the judge openai:gpt-4o is asked",
    ):
        assert f"Not fetched: {words}" in done.out
    assert "The job needs nothing more." in done.out


@pytest.mark.parametrize(
    ("spec", "arguments", "targets"),
    [
        ("hf:a/b", {"revision": "v1", "dtype": "bfloat16"}, ["a/b"]),
        ("cascade:hf:openai/whisper-small+hf:a/b", {"asr_args": "language=en"}, ["openai/whisper-small", "a/b"]),
        ("cascade:pocketsphinx+openai:x", {}, []),
        ("lab:corpus-style", {}, []),
        ("worker:desta2", {"anything": "1"}, []),
    ],
)
def test_what_a_model_needs(spec: str, arguments: dict[str, Any], targets: list[str]) -> None:
    assert [one.target for one in needs_of(spec, arguments).snapshots] == targets


def test_broken_clips_are_found_before_the_job(tmp_path: Path) -> None:
    from speech_ifeval.benchmarks.loading import SHIPPED

    shutil.copytree(SHIPPED["bundled"], tmp_path / "copy")
    clip = next((tmp_path / "copy/audio").iterdir())
    clip.write_bytes(clip.read_bytes()[:100])
    done = run("prefetch", "--benchmark", "copy", cwd=tmp_path)
    assert (done.code, f"1 of 40 clips cannot be heard: copy/audio/{clip.name}" in done.err) == (3, True), done.err
