"""Shards as processes: killed, told to stop, started by a job script; and what the commands say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import command, invoke, run
from tests.spoken import spoken_rows, write_models, write_spoken
from tests.test_merged_runs import lines, same_run

ROOT = Path(__file__).resolve().parents[2]
SLOW = """
import sys, time; sys.path.insert(0, {folder!r})
import own
def slow(requests):
    time.sleep(0.15)
    return own.hears(requests)
"""
LAB = ("--model", "lab:self-aligned", "--sample", "12", "--max-new-tokens", "32", "--batch-size", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_spoken(tmp_path / "tones", spoken_rows(closed=12, creative=6, thinking=4))
    write_models(tmp_path)
    (tmp_path / "slow.py").write_text(SLOW.format(folder=str(tmp_path)))
    (tmp_path / "run.toml").write_text(
        'model = "py:slow.py:slow"\nbenchmark = "tones"\njudge = "heuristic"\n[model_args]\nbatch_size = 2\n'
    )
    return tmp_path


def wait_for(path: Path, count: int, process: subprocess.Popen[Any], seconds: float = 300) -> None:
    """Wait until a file has so many lines, while the process lives."""
    deadline = time.monotonic() + seconds
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no response in time"
        time.sleep(0.002)


@pytest.mark.slow
def test_four_processes_one_of_them_killed_are_one_process(tmp_path: Path) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    shards = {
        index: subprocess.Popen(
            command("run", *LAB, "--output-dir", "run", "--shard", f"{index}/4"),
            cwd=tmp_path,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in (1, 2, 3, 4)
    }
    wait_for(tmp_path / "run/shards/3-of-4/responses.jsonl", 1, shards[3])
    shards[3].kill()
    for index, process in shards.items():
        _, err = process.communicate(timeout=300)
        assert process.returncode == (-signal.SIGKILL if index == 3 else 0), err
    early = run("merge", "run", cwd=tmp_path)
    assert early.code == 1
    assert re.search(r"items are missing: shard 3/4 \d+ of \d+\S* ", early.err)
    assert "--shard 3/4, then merge again" in early.err
    again = run("run", *LAB, "--output-dir", "run", "--shard", "3/4", cwd=tmp_path, env=env)
    assert again.code == 0, again.err
    assert "Once all 4 shards are answered: speech-ifeval merge run" in again.out
    merged = run("merge", "run", cwd=tmp_path)
    assert merged.code == 0, merged.err
    single = run("run", *LAB, "--output-dir", "single", cwd=tmp_path, env=env)
    assert single.code == 0, single.err
    same_run(tmp_path / "run", tmp_path / "single")
    assert merged.out.replace("run", "single") == single.out.replace("run", "single")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM], ids=["SIGUSR1", "SIGTERM"])
def test_a_scheduler_is_told_to_start_the_same_command_again(number: int, folder: Path) -> None:
    call = ("run", "--config", "run.toml", "--output-dir", "run", "--shard", "1/2")
    process = subprocess.Popen(
        command(*call), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    path = folder / "run/shards/1-of-2/responses.jsonl"
    wait_for(path, 4, process)
    process.send_signal(number)
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)  # schedulers send several: what is in flight is finished all the same
    _, err = process.communicate(timeout=300)
    assert process.returncode == 75, err
    assert "stopping: what is being answered is finished first; Ctrl-C stops at once" in err
    assert "items of the shard 1/2 of the model are answered" in err
    answered = path.read_bytes()
    assert answered.endswith(b"\n")
    assert answered.count(b"\n") % 2 == 0  # whole batches
    done = run(*call, cwd=folder)
    assert done.code == 0, done.err
    assert path.read_bytes().startswith(answered)


@pytest.mark.slow
def test_a_signal_while_the_model_loads_ends_at_once(folder: Path) -> None:
    (folder / "slow.py").write_text("import time, pathlib\npathlib.Path('loading').touch()\ntime.sleep(60)\n")
    for number, code in ((signal.SIGUSR1, 75), (signal.SIGINT, 130)):
        process = subprocess.Popen(
            command("run", "--config", "run.toml", "--shard", "1/2"), cwd=folder, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while not (folder / "loading").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=300)
        assert process.returncode == code, err
        assert "Traceback" not in err
        (folder / "loading").unlink()


def batch_script(folder: Path) -> Path:
    """The job script of the docs, and a directory for its path with the command and a stand-in for `scontrol`."""
    page = (ROOT / "docs/cluster.md").read_text()
    found = re.search(r"<!-- shards.sbatch -->\n```bash\n(.*?)```", page, re.S)
    assert found is not None
    (folder / "shards.sbatch").write_text(found[1])
    (folder / "offline.env").write_text("export HF_HUB_OFFLINE=1\n")
    programs = folder / "bin"
    programs.mkdir()
    quoted = " ".join(f"'{word}'" for word in (sys.executable, "-W", "error", "-m", "speech_ifeval"))
    for name, body in (("speech-ifeval", f'exec {quoted} "$@"'), ("scontrol", 'echo "$@" >> asked-of-scontrol')):
        (programs / name).write_text(f"#!/bin/bash\n{body}\n")
        (programs / name).chmod(0o755)
    return programs


def in_array(programs: Path, id: int, count: int) -> dict[str, str]:
    array = {"ID": id, "MIN": 1, "MAX": count, "COUNT": count}
    variables = {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in array.items()}
    return {**os.environ, **variables, "SLURM_ARRAY_JOB_ID": "77", "PATH": f"{programs}:{os.environ['PATH']}"}


def test_the_job_script_is_bash(tmp_path: Path) -> None:
    batch_script(tmp_path)
    done = subprocess.run(["bash", "-n", "shards.sbatch"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_job_script_requeues_what_was_warned_and_finishes_what_was_not(folder: Path) -> None:
    programs = batch_script(folder)
    bash = ["bash", "shards.sbatch"]
    done = subprocess.run(
        bash, cwd=folder, env=in_array(programs, 2, 2), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not (folder / "asked-of-scontrol").exists()
    process = subprocess.Popen(
        bash, cwd=folder, env=in_array(programs, 1, 2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(folder / "runs/mine/shards/1-of-2/responses.jsonl", 4, process)
    process.send_signal(signal.SIGUSR1)  # to the shell alone, as --signal=B: does
    _, err = process.communicate(timeout=300)
    assert process.returncode == 75, err
    assert (folder / "asked-of-scontrol").read_text() == "requeue 77_1\n"
    again = subprocess.run(
        bash, cwd=folder, env=in_array(programs, 1, 2), capture_output=True, text=True, timeout=60
    )
    assert again.returncode == 0, again.stderr
    merged = run("merge", "runs/mine", "--config", "run.toml", cwd=folder)
    assert merged.code == 0, merged.err
    assert "judge:heuristic" in merged.out


@pytest.mark.slow
def test_a_cancelled_job_is_not_requeued(folder: Path) -> None:
    programs = batch_script(folder)
    process = subprocess.Popen(
        ["bash", "shards.sbatch"],
        cwd=folder,
        env=in_array(programs, 1, 2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(folder / "runs/mine/shards/1-of-2/responses.jsonl", 2, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)  # as scancel signals the steps
    _, err = process.communicate(timeout=300)
    assert process.returncode == 75, err
    assert not (folder / "asked-of-scontrol").exists()


def test_a_shard_prints_where_it_is_and_what_comes_next(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    call = ("run", "--model", "py:own.py:hears", "--benchmark", "tones", "--output-dir", "run", "--sample", "9")
    shown = invoke(*call, "--shard", "1/2")
    assert (shown.code, "IFrate" in shown.out) == (0, False)
    assert "Written: run/shards/1-of-2" in shown.out
    printed = json.loads(invoke(*call, "--shard", "2/2", "--json").out)
    assert printed == {"shard": "2/2", "folder": "run/shards/2-of-2", "next": "speech-ifeval merge run"}
    merged = invoke("merge", "run", "--benchmark", "tones", "--json")
    assert merged.code == 0, merged.err
    assert json.loads(merged.out)["replies"]["items"] == 9
    assert len(lines(folder / "run")) == 12  # with the twins


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "--shard", "5/4"], 2, "there is no shard 5/4: shards are counted from 1"),
        (["run", "--shard", "auto"], 2, "expected Slurm's variables"),
        (["merge", "nowhere"], 2, "expected shards in shards/I-of-N, found none"),
        (["merge", "one", "two"], 2, "name it with --output-dir"),
        (["merge", "tones", "--benchmark", "nowhere"], 2, "no benchmark at 'nowhere'"),
        (["merge", "tones", "--config", "nowhere.toml"], 2, "no configuration at 'nowhere.toml'"),
        (["merge", "tones", "--rules", "strict"], 2, "rule set"),
    ],
)
def test_wrong_calls_are_refused(
    arguments: list[str], code: int, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    done = invoke(*arguments)
    assert (done.code, message in done.err) == (code, True), done.err
