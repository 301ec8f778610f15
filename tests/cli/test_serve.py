"""`speech-ifeval serve`: the lines it prints, and the processes it starts, watches and ends.

vLLM itself needs a GPU. The program `vllm` on PATH is a stand-in here, which writes down how it was called and
waits; it shows that arguments, environment and signals arrive, and nothing about vLLM.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

STAND_IN = """#!{python}
import json, os, signal, subprocess, sys, time
print("noise", flush=True)
child = subprocess.Popen(["sleep", "300"])  # as vLLM's engine: it ends with the group, or never
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
port = sys.argv[sys.argv.index("--port") + 1]
seen = {{"argv": sys.argv[1:], "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "pids": [os.getpid(), child.pid]}}
with open({folder!r} + "/" + port + ".part", "w") as file:
    json.dump(seen, file)
os.rename({folder!r} + "/" + port + ".part", {folder!r} + "/" + port + ".json")
if "--fails" in sys.argv:
    child.kill()
    sys.exit(3)
time.sleep(300)
"""
COMMAND = [sys.executable, "-c", "from speech_ifeval.cli import main; main()", "serve"]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH on which the stand-in comes first; what it was called with is in the temporary folder, by port."""
    program = tmp_path / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text(STAND_IN.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked after does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: object, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def serving(
    path: str, folder: Path, *arguments: str, servers: int
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Run the command until its servers are up; whatever it leaves is ended."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids: list[int] = []
    try:
        until(lambda: len(list(folder.glob("*.json"))) == servers or process.poll() is not None)
        pids = [pid for file in sorted(folder.glob("*.json")) for pid in json.loads(file.read_text())["pids"]]
        yield process, pids
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()


def test_print_prints_the_two_lines_and_starts_nothing(path: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "ultravox", "--print"],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    server, evaluation = done.stdout.splitlines()
    assert shlex.split(server)[:3] == ["vllm", "serve", "fixie-ai/ultravox-v0_5-llama-3_1-8b"]
    assert shlex.split(evaluation)[:3] == ["speech-ifeval", "run", "--model"]
    assert not list(tmp_path.glob("*.json"))


def test_a_vllm_that_is_not_there_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "ultravox"], env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 6
    assert done.stderr == "error: speech-ifeval serve needs the program vllm on PATH: pip install 'vllm[audio]'\n"
    assert not done.stdout


def test_one_server_takes_the_place_of_the_command(path: str, tmp_path: Path) -> None:
    with serving(path, tmp_path, "ultravox", "--port", "9001", "--", "--dtype", "bfloat16", servers=1) as (
        process,
        pids,
    ):
        assert process.pid == pids[0]
        seen = json.loads((tmp_path / "9001.json").read_text())
        assert seen["argv"][:2] == ["serve", "fixie-ai/ultravox-v0_5-llama-3_1-8b"]
        assert seen["argv"][-2:] == ["--dtype", "bfloat16"]
        assert seen["gpu"] == os.environ.get("CUDA_VISIBLE_DEVICES")
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("speech-ifeval run --model openai:fixie-ai/ultravox-v0_5-llama-3_1-8b --model-args")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 130)],
    ids=lambda one: str(one),
)
def test_several_servers_end_with_the_command_and_their_children_too(
    path: str, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    arguments = ("qwen2.5-omni-7b", "--copies", "2", "--reference", "--devices", "3,4,7")
    with serving(path, tmp_path, *arguments, servers=3) as (process, pids):
        seen = [json.loads((tmp_path / f"{port}.json").read_text()) for port in (8000, 8001, 8002)]
        assert [one["gpu"] for one in seen] == ["3", "4", "7"]
        assert [one["argv"][1] for one in seen] == ["Qwen/Qwen2.5-Omni-7B"] * 2 + ["Qwen/Qwen2.5-7B-Instruct"]
        assert len(pids) == 6
        assert all(map(alive, pids))
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert process.returncode == code
        assert err.endswith("error: asked to end: the servers have ended too\n")
        until(lambda: not any(map(alive, pids)))
    assert "base_url=http://127.0.0.1:8000/v1,http://127.0.0.1:8001/v1,concurrency=32" in out
    assert len(out.splitlines()) == 1


def test_one_that_dies_is_told_and_the_others_go_on(path: str, tmp_path: Path) -> None:
    with serving(path, tmp_path, "ultravox", "--copies", "2", servers=2) as (process, pids):
        os.kill(pids[0], signal.SIGKILL)
        assert process.stderr is not None
        line = next(line for line in process.stderr if "has ended" in line)
        assert line == "the server at http://127.0.0.1:8000/v1 has ended by SIGKILL; 1 of 2 left\n"
        assert process.poll() is None
        assert all(map(alive, pids[2:]))
        until(lambda: not alive(pids[1]))  # the engine of the one that was killed


def test_when_none_is_left_the_command_ends_with_an_error(path: str, tmp_path: Path) -> None:
    with serving(path, tmp_path, "ultravox", "--copies", "2", "--", "--fails", servers=2) as (process, _):
        _, err = process.communicate(timeout=30)
    assert process.returncode == 7
    assert "the server at http://127.0.0.1:8001/v1 has ended with exit code 3" in err
    assert "error: no server is left of 2; what each wrote says why" in err


def test_a_second_ctrl_c_does_not_wait_for_servers_that_do_not_listen(path: str, tmp_path: Path) -> None:
    with serving(path, tmp_path, "ultravox", "--copies", "2", "--", "--stubborn", servers=2) as (process, pids):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == 130
        until(lambda: not any(map(alive, pids)))
