from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from speech_ifeval.benchmarks import load_benchmark
from speech_ifeval.integrations.harness.settings import TaskSettings
from speech_ifeval.models.adapters.lab import shipped
from speech_ifeval.models.recorded import locate
from speech_ifeval.pipeline.comparing import load_scored
from speech_ifeval.pipeline.scoring import Scoring, score
from speech_ifeval.results import Summary
from tests.browsing import CHROMIUM, PATIENCE
from tests.command_line import run
from tests.integrations.replaying import own_replies, replayed, replies_in, ruled, run_engine, tokenizer_alone

pytest.importorskip("inspect_ai", reason="inspect-ai is not installed")
pytestmark = pytest.mark.slow
EXAMPLE = TaskSettings(benchmark="example", judge="heuristic")


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Path]:
    """A run with one reply that failed."""
    benchmark = load_benchmark("example")
    replies = replies_in(locate("example:tuned"), benchmark)
    source = tmp_path_factory.mktemp("source") / "tuned.jsonl"
    rows: list[dict[str, Any]] = [{"id": id, "response": text} for id, text in replies.items()]
    rows[0] = {"id": rows[0]["id"], "response": None, "error": "the server hung up"}
    source.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    folder = tmp_path_factory.mktemp("runs") / "tuned"
    return score([source], benchmark, output_dir=folder, scoring=Scoring(judge="heuristic"))


@pytest.fixture(scope="module")
def exported(scored: tuple[Summary, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("logs") / "tuned.eval"
    done = run("export", scored[1], "--format", "inspect", "-o", target, "--benchmark", "example")
    assert (done.code, done.out) == (0, f"Written: {target}\n"), done.err
    return target


def test_without_a_judge_chain_of_thought_is_unscored_and_ifrate_is_not_there(tmp_path: Path) -> None:
    replies = replies_in(locate("example:tuned"), load_benchmark("example"))
    few = {id: text for id, text in replies.items() if id.startswith(("chain", "creative"))}
    found = replayed("inspect", few, TaskSettings(benchmark="example"), tmp_path, "transcript")
    assert "ifrate" not in found.figures
    assert "chain_of_thought" not in found.figures
    assert found.figures["creative_writing"] == pytest.approx(37.5)
    assert found.unscored == 10


def test_an_exported_run_is_read_back_by_inspect(
    scored: tuple[Summary, Path], exported: Path, tmp_path: Path
) -> None:
    summary, folder = scored
    found = run_engine("inspect", [exported], EXAMPLE, tmp_path, "read")
    assert found.rulings == ruled(load_scored(folder).verdicts)
    assert found.figures["ifrate"] == pytest.approx(summary.ifrate.value)
    assert found.figures["ifrate_high"] == pytest.approx(summary.ifrate.high)
    assert found.unscored == 1
    assert found.more["signature"] == summary.signature
    ((failed, error),) = found.more["errors"].items()
    assert (error, found.more["values"][failed]) == ("the server hung up", "nan")


def test_inspect_scores_an_exported_log_again_with_the_same_verdicts(
    scored: tuple[Summary, Path], exported: Path, tmp_path: Path
) -> None:
    found = run_engine("inspect", [exported], EXAMPLE, tmp_path, "again")
    ours = ruled(load_scored(scored[1]).verdicts)
    for id in found.more["errors"]:  # why it has no reply is the run's to know, not a scorer's
        ours.pop(id)
        found.rulings.pop(id, None)
    assert found.rulings == ours


def test_the_command_says_what_is_wrong(scored: tuple[Summary, Path], tmp_path: Path) -> None:
    _, folder = scored
    (tmp_path / "file").write_text("")
    for arguments, code, message in [
        ([folder, "--format", "csv"], 2, "--format takes inspect, found 'csv'"),
        ([folder, "--benchmark", "example", "-o", tmp_path / "log.txt"], 2, "ends in .eval or .json"),
        ([tmp_path], 2, "no scored run at"),
        ([folder, "--benchmark", "bundled"], 4, "was scored on example-"),
        ([folder, "--benchmark", "example", "-o", tmp_path / "file" / "x.eval"], 5, "x.eval"),
    ]:
        refused = run("export", *arguments)
        assert (refused.code, message in refused.err) == (code, True), refused.err
    hidden = "import sys; sys.modules['inspect_ai.log'] = None"
    refused = run("export", folder, "--benchmark", "example", before=hidden)
    assert (refused.code, "pip install 'speech-ifeval[inspect]'" in refused.err) == (6, True), refused.err


@pytest.mark.skipif(CHROMIUM is None, reason="chromium, which shows the page, is not installed")
def test_the_viewer_shows_an_exported_run(exported: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    logs, site = tmp_path / "logs", tmp_path / "site"
    logs.mkdir()
    shutil.copy(exported, logs)
    bundle = [sys.executable, "-m", "inspect_ai", "view", "bundle"]
    bundle += ["--log-dir", str(logs), "--output-dir", str(site)]
    done = subprocess.run(bundle, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    with served(site) as address, playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{address}/#/logs/{exported.name}", timeout=PATIENCE)
        page.get_by_text("closed-ended/0001").first.wait_for(timeout=PATIENCE)
        shown = page.inner_text("body")
        browser.close()
    assert "speech_ifeval" in shown
    assert "ifrate" in shown.lower()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over HTTP on loopback, while the block runs."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_lab_model_answers_through_inspects_own_provider(tmp_path: Path) -> None:
    """`inspect eval` as one types it, the model loaded by Inspect; its replies are those of our adapter."""
    command = [sys.executable, "-m", "inspect_ai", "eval", "speech_ifeval/speech_ifeval", "--model", "hf/backbone"]
    command += ["-M", f"model_path={shipped()['backbone']}", "-M", "device=cpu", "-M", "do_sample=false"]
    command += ["-M", f"tokenizer={tokenizer_alone(tmp_path)}", "-M", "dtype=float32"]
    command += ["-T", "input=transcript", "-T", "judge=heuristic"]
    command += ["--limit", "2", "--max-tokens", "200", "--log-dir", str(tmp_path), "--display", "none"]
    alone = {**os.environ, "HF_HUB_OFFLINE": "1"}  # nobody waits for a network that is not there
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path, env=alone)
    assert done.returncode == 0, done.stdout + done.stderr
    (log,) = tmp_path.glob("*.eval")
    found = run_engine("inspect", [log], TaskSettings(judge="heuristic"), tmp_path, "read")
    assert len(found.rulings) == 2
    assert found.more["texts"] == own_replies("lab:backbone", found.rulings, load_benchmark("bundled"))
