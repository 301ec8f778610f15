"""The whole way on real, tiny checkpoints: generate, kill, resume, score, compare with the reference."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.command_line import command, run
from tests.spoken import spoken_rows, write_spoken

pytestmark = pytest.mark.slow
MODEL_ARGS = "dtype=float32,device=cpu,batch_size=3"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("end-to-end")
    write_spoken(made / "tones", spoken_rows(closed=8, creative=6, thinking=4))
    tiny.qwen2_audio(made / "slm")
    tiny.llama(made / "llm")
    return made


def arguments(output: str, *more: str) -> list[str]:
    return [
        *("run", "--model", "hf:slm", "--model-args", MODEL_ARGS, "--benchmark", "tones"),
        *("--output-dir", output, "--max-new-tokens", "24", *more),
    ]


def responses(folder: Path) -> dict[str, Any]:
    rows = [json.loads(line) for line in (folder / "responses.jsonl").read_text().splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        row.pop("seconds")
    return {row["id"]: row for row in rows}


def test_a_checkpoint_and_its_reference_killed_and_resumed(folder: Path) -> None:
    reference = ("--reference", "hf:llm", "--reference-args", "dtype=float32,device=cpu")
    whole = run(*arguments("whole", *reference), cwd=folder)
    assert whole.code == 0, whole.err
    assert "model slm: 26 of 26 items answered" in whole.err
    assert "reference llm: 26 of 26 items answered" in whole.err

    process = subprocess.Popen(
        command(*arguments("killed", *reference)), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    path, deadline = folder / "killed/responses.jsonl", time.monotonic() + 120
    while not path.exists() or path.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.wait()
    before = path.read_bytes().count(b"\n")
    assert before < 26
    # Another batch size as well: on the CPU in float32 the texts are the same.
    args = MODEL_ARGS.replace("batch_size=3", "batch_size=5")
    resumed = run(*(args if one == MODEL_ARGS else one for one in arguments("killed", *reference)), cwd=folder)
    assert resumed.code == 0, resumed.err
    assert responses(folder / "killed") == responses(folder / "whole")
    assert responses(folder / "killed/reference") == responses(folder / "whole/reference")

    again = run(*arguments("killed", *reference), cwd=folder)
    assert "model slm: all 26 items are answered; nothing to do" in again.err
    assert "reference llm: all 26 items are answered; nothing to do" in again.err
    texts = {row["text"] for row in responses(folder / "whole").values()}
    assert len(texts) > 5, "the tiny model answers alike whatever it hears"


def test_two_processes_answer_what_one_does(folder: Path) -> None:
    one = run(*arguments("one"), cwd=folder)
    assert one.code == 0, one.err
    args = MODEL_ARGS.replace("device=cpu,", "")
    two = run(
        *(args if part == MODEL_ARGS else part for part in arguments("two", "--devices", "cpu,cpu")), cwd=folder
    )
    assert two.code == 0, two.err
    assert {id: row["text"] for id, row in responses(folder / "two").items()} == {
        id: row["text"] for id, row in responses(folder / "one").items()
    }
